import { Payload, SimpleResponse, StreamingOutputCallResponse } from "#suites/grpc/testing/messages.weir.ts";
import type { EchoStatus, PayloadType, StreamingOutputCallRequest } from "#suites/grpc/testing/messages.weir.ts";
import { TestService } from "#suites/grpc/testing/test.weir.ts";
import type { Call } from "@weir/kit/call";
import { metadataValue } from "@weir/kit/call";
import type { Code } from "@weir/kit/fault";
import { codes, fault } from "@weir/kit/fault";
import type { Implementation } from "@weir/kit/rpc/implement";
import { implement } from "@weir/kit/rpc/implement";
import { nobody, withoutMethod } from "./without-method.ts";

/** What is given back to a caller who sends it. Source: gRPC's interop-test-descriptions.md, "Server", "Echo Metadata". */
const echoedAhead = "x-grpc-test-echo-initial";
const echoedBehind = "x-grpc-test-echo-trailing-bin";
const serverId = crypto.randomUUID();

const testService = implement(TestService, {
  emptyCall: async () => ({}),
  async unaryCall({ responseType, responseSize, responseStatus, fillServerId }, call) {
    echo(call);
    refuseAs(responseStatus);
    return SimpleResponse.create({ payload: payloadOf(responseType, responseSize), serverId: fillServerId ? serverId : "" });
  },
  cacheableUnaryCall: async ({ responseType, responseSize }) => SimpleResponse.create({ payload: payloadOf(responseType, responseSize) }),
  streamingOutputCall: answersTo,
  async streamingInputCall(requests) {
    let aggregatedPayloadSize = 0;
    for await (const { payload } of requests) aggregatedPayloadSize += payload?.body.length ?? 0;
    return { aggregatedPayloadSize };
  },
  async *fullDuplexCall(requests, call) {
    echo(call);
    for await (const request of requests) {
      refuseAs(request.responseStatus);
      yield* answersTo(request, call);
    }
  },
  async *halfDuplexCall(requests, call) {
    const all: StreamingOutputCallRequest[] = [];
    for await (const request of requests) all.push(request);
    for (const request of all) yield* answersTo(request, call);
  },
  unimplementedCall: nobody,
});

/** The server half of gRPC's interoperability tests. */
export const interopService: Implementation = withoutMethod(testService, "unimplementedCall");

async function* answersTo(
  { responseParameters, responseType }: StreamingOutputCallRequest,
  call: Call,
): AsyncGenerator<StreamingOutputCallResponse, void, undefined> {
  for (const { size, intervalUs } of responseParameters) {
    if (intervalUs > 0) await call.clock.sleep(intervalUs / 1000, call.signal);
    yield StreamingOutputCallResponse.create({ payload: payloadOf(responseType, size) });
  }
}

function payloadOf(type: PayloadType, size: number): Payload {
  return Payload.create({ type, body: new Uint8Array(size) });
}

function echo(call: Call): void {
  const ahead = metadataValue(call.metadata, echoedAhead);
  const behind = metadataValue(call.metadata, echoedBehind);
  if (ahead !== undefined) call.replyMetadata.push(echoedAhead, ahead);
  if (behind !== undefined) call.replyTrailers.push(echoedBehind, behind);
}

function refuseAs(status: EchoStatus | undefined): void {
  if (status === undefined || status.code === 0) return;
  const name = (Object.keys(codes) as Code[]).find((one) => codes[one].grpc === status.code) ?? "UNKNOWN";
  throw fault({ reason: "", code: name }, status.message);
}
