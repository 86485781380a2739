import {
  BidiStreamRequest,
  ClientStreamRequest,
  ConformancePayload,
  ConformancePayload_RequestInfo,
  ConformanceService,
  IdempotentUnaryRequest,
  ServerStreamRequest,
  UnaryRequest,
} from "#suites/connectrpc/conformance/v1/service.weir.ts";
import type {
  BidiStreamResponse,
  ServerStreamResponse,
  StreamResponseDefinition,
  UnaryResponseDefinition,
} from "#suites/connectrpc/conformance/v1/service.weir.ts";
import type { Call } from "@weir/kit/call";
import type { Any } from "@weir/kit/contract/well-known";
import { anyFrom } from "@weir/kit/contract/well-known";
import type { Implementation } from "@weir/kit/rpc/implement";
import { implement } from "@weir/kit/rpc/implement";
import { completeAnyFrom } from "./complete-any.ts";
import { headersFromMetadata, metadataFromHeaders } from "./metadata-headers.ts";
import { faultFromError } from "./suite-errors.ts";
import { nobody, withoutMethod } from "./without-method.ts";

/** No case asks for more; a gateway gives every call that has no deadline one of its own, which is longer. */
const callersTimeoutMsMax = 5_000;

const implemented = implement(ConformanceService, {
  unary: async (request, call) => ({
    payload: await answerOnce(request.responseDefinition, [completeAnyFrom(UnaryRequest, request)], call),
  }),
  idempotentUnary: async (request, call) => ({
    payload: await answerOnce(request.responseDefinition, [completeAnyFrom(IdempotentUnaryRequest, request)], call),
  }),
  async clientStream(requests, call) {
    const timeoutMs = call.remainingMs();
    const seen: Any[] = [];
    let definition: UnaryResponseDefinition | undefined;
    for await (const request of requests) {
      if (seen.length === 0) definition = request.responseDefinition;
      seen.push(completeAnyFrom(ClientStreamRequest, request));
    }
    return { payload: await answerOnce(definition, seen, call, timeoutMs) };
  },
  async *serverStream(request, call) {
    const info = infoFrom([completeAnyFrom(ServerStreamRequest, request)], call, call.remainingMs());
    const { responseDefinition: definition } = request;
    if (definition === undefined) return;
    promiseHeaders(definition, call);
    yield* answerAll({ definition, first: 0, info }, call);
  },
  bidiStream: answerBoth,
  unimplemented: nobody,
});

/** The service that a reference client of connectconformance calls: each request says how it is to be answered. */
export const conformanceService: Implementation = withoutMethod(implemented, "unimplemented");

async function answerOnce(
  definition: UnaryResponseDefinition | undefined,
  requests: Any[],
  call: Call,
  timeoutMs: number = call.remainingMs(),
): Promise<ConformancePayload> {
  const info = infoFrom(requests, call, timeoutMs);
  if (definition === undefined) return ConformancePayload.create({ requestInfo: info });
  promiseHeaders(definition, call);
  if (definition.responseDelayMs > 0) await call.clock.sleep(definition.responseDelayMs, call.signal);
  const { response } = definition;
  if (response.case === "error") throw faultFromError(response.value, [anyFrom(ConformancePayload_RequestInfo, info)]);
  return ConformancePayload.create({ data: response.value, requestInfo: info });
}

interface AnswerPlan {
  readonly definition: StreamResponseDefinition;
  /** Answers that went out already. */
  readonly first: number;
  /** Goes with the first answer, or with the error when there is none. */
  readonly info: ConformancePayload_RequestInfo;
}

/** Everything that is still to be answered, and the error at the end. */
async function* answerAll({ definition, first, info }: AnswerPlan, call: Call): AsyncGenerator<ServerStreamResponse, void, undefined> {
  for (const [index, data] of definition.responseData.entries()) {
    if (index < first) continue;
    await pause(definition, call);
    yield { payload: ConformancePayload.create({ data, requestInfo: index === 0 ? info : undefined }) };
  }
  const isEmpty = definition.responseData.length === 0;
  if (definition.error) throw faultFromError(definition.error, isEmpty ? [anyFrom(ConformancePayload_RequestInfo, info)] : []);
}

/** Half duplex reads everything before it answers; full duplex answers each request, and the rest at the end. */
async function* answerBoth(requests: AsyncIterable<BidiStreamRequest>, call: Call): AsyncGenerator<BidiStreamResponse, void, undefined> {
  const timeoutMs = call.remainingMs();
  let opening: BidiStreamRequest | undefined;
  let seen: Any[] = [];
  let answered = 0;
  for await (const request of requests) {
    // At once: a server sends the head of an answer that is long in coming without waiting for its first message.
    if (opening === undefined && request.responseDefinition) promiseHeaders(request.responseDefinition, call);
    opening ??= request;
    seen.push(completeAnyFrom(BidiStreamRequest, request));
    if (!opening.fullDuplex) continue;
    const { responseDefinition: definition } = opening;
    const data = definition?.responseData[answered];
    if (definition === undefined || data === undefined) break;
    const requestInfo = answered === 0 ? infoFrom(seen, call, timeoutMs) : ConformancePayload_RequestInfo.create({ requests: seen });
    await pause(definition, call);
    yield { payload: ConformancePayload.create({ data, requestInfo }) };
    answered++;
    seen = [];
  }
  const definition = opening?.responseDefinition;
  if (definition === undefined) return;
  yield* answerAll({ definition, first: answered, info: infoFrom(seen, call, timeoutMs) }, call);
}

function infoFrom(requests: Any[], call: Call, timeoutMs: number): ConformancePayload_RequestInfo {
  return ConformancePayload_RequestInfo.create({
    requestHeaders: headersFromMetadata(call.metadata),
    timeoutMs: timeoutMs > callersTimeoutMsMax ? undefined : BigInt(Math.floor(timeoutMs)),
    requests,
  });
}

function promiseHeaders({ responseHeaders, responseTrailers }: UnaryResponseDefinition | StreamResponseDefinition, call: Call): void {
  call.replyMetadata.push(...metadataFromHeaders(responseHeaders));
  call.replyTrailers.push(...metadataFromHeaders(responseTrailers));
}

async function pause({ responseDelayMs }: StreamResponseDefinition, call: Call): Promise<void> {
  if (responseDelayMs > 0) await call.clock.sleep(responseDelayMs, call.signal);
}
