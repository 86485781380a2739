import assert from "node:assert/strict";
import {
  Payload,
  ResponseParameters,
  SimpleRequest,
  StreamingInputCallRequest,
  StreamingOutputCallRequest,
} from "#suites/grpc/testing/messages.weir.ts";
import { TestService, UnimplementedService } from "#suites/grpc/testing/test.weir.ts";
import type { TestServiceClient } from "#suites/grpc/testing/test.weir.ts";
import { Call, metadataValue } from "@weir/kit/call";
import { createClient } from "@weir/kit/rpc/client";
import type { Transport } from "@weir/kit/rpc/transport";
import type { Layer, Message } from "@weir/kit/service";

type Case = (client: TestServiceClient, transport: Transport) => Promise<void>;

const requestSizes = [27182, 8, 1828, 45904] as const;
const answerSizes = [31415, 9, 2653, 58979] as const;
const large = SimpleRequest.create({ responseSize: 314159, payload: payloadOf(271828) });

/** The client half of gRPC's interoperability tests, by name. Source: gRPC's interop-test-descriptions.md. Each rejects when it fails. */
export const interopCases: Readonly<Record<string, Case>> = {
  async empty_unary(client) {
    assert.deepEqual(await client.emptyCall({}), {});
  },
  async large_unary(client) {
    const { payload } = await client.unaryCall(large);
    assert.equal(payload?.body.length, 314159);
  },
  async client_streaming(client) {
    const requests = streamOf(requestSizes.map((size) => StreamingInputCallRequest.create({ payload: payloadOf(size) })));
    assert.deepEqual(await client.streamingInputCall(requests), { aggregatedPayloadSize: 74922 });
  },
  async server_streaming(client) {
    const request = StreamingOutputCallRequest.create({ responseParameters: answerSizes.map(sizeOf) });
    assert.deepEqual(await sizesOf(client.streamingOutputCall(request)), answerSizes);
  },
  async ping_pong(client) {
    const pairs = new Turns(requestSizes.map((size, index) => outputRequest(size, answerSizes[index] ?? 0)));
    const sizes: number[] = [];
    for await (const { payload } of client.fullDuplexCall(pairs.requests())) {
      sizes.push(payload?.body.length ?? 0);
      assert.equal(sizes.length, pairs.sent, "an answer for each request, in turn");
      pairs.next();
    }
    assert.deepEqual(sizes, answerSizes);
  },
  async empty_stream(client) {
    assert.deepEqual(await sizesOf(client.fullDuplexCall(streamOf([]))), []);
  },
  async custom_metadata(_client, transport) {
    const metadata = ["x-grpc-test-echo-initial", "test_initial_metadata_value", "x-grpc-test-echo-trailing-bin", "q6ur"];
    let seen: Call | undefined;
    const watch: Layer<Message<unknown>, Message<unknown>> = (next) => (message, call) => next(message, (seen = call));
    const client = createClient(TestService, transport, { layers: [watch] });
    const echoed = (): (string | undefined)[] => [
      metadataValue(seen?.replyMetadata ?? [], "x-grpc-test-echo-initial"),
      metadataValue(seen?.replyTrailers ?? [], "x-grpc-test-echo-trailing-bin"),
    ];
    await client.unaryCall(SimpleRequest.create({ responseSize: 314159, payload: payloadOf(271828) }), { metadata: [...metadata] });
    assert.deepEqual(echoed(), ["test_initial_metadata_value", "q6ur"]);
    seen = undefined;
    await sizesOf(client.fullDuplexCall(streamOf([outputRequest(271828, 314159)]), { metadata: [...metadata] }));
    assert.deepEqual(echoed(), ["test_initial_metadata_value", "q6ur"]);
  },
  async status_code_and_message(client) {
    const responseStatus = { code: 2, message: "test status message" };
    const expected = { code: "UNKNOWN", message: "test status message" };
    await assert.rejects(client.unaryCall({ responseStatus }), expected);
    await assert.rejects(sizesOf(client.fullDuplexCall(streamOf([StreamingOutputCallRequest.create({ responseStatus })]))), expected);
  },
  async special_status_message(client) {
    const message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
    await assert.rejects(client.unaryCall({ responseStatus: { code: 2, message } }), { code: "UNKNOWN", message });
  },
  async unimplemented_method(client) {
    await assert.rejects(client.unimplementedCall({}), { code: "UNIMPLEMENTED" });
  },
  async unimplemented_service(_client, transport) {
    await assert.rejects(createClient(UnimplementedService, transport).unimplementedCall({}), { code: "UNIMPLEMENTED" });
  },
  async cancel_after_begin(client) {
    const call = new Call();
    const asking = client.streamingInputCall(neverAsking(call), call);
    setImmediate(() => call.cancel());
    await assert.rejects(asking, { code: "CANCELLED" });
  },
  async cancel_after_first_response(client) {
    const call = new Call();
    const pairs = new Turns([outputRequest(27182, 31415), outputRequest(8, 9)]);
    let answers = 0;
    const reading = async (): Promise<void> => {
      for await (const { payload } of client.fullDuplexCall(pairs.requests(), call)) {
        assert.equal(payload?.body.length, 31415);
        answers++;
        call.cancel();
      }
    };
    await assert.rejects(reading(), { code: "CANCELLED" });
    assert.equal(answers, 1);
  },
  async timeout_on_sleeping_server(client) {
    const pairs = new Turns([outputRequest(27182, 31415, 1_000_000)]);
    await assert.rejects(sizesOf(client.fullDuplexCall(pairs.requests(), { timeoutMs: 1 })), { code: "DEADLINE_EXCEEDED" });
  },
};

function payloadOf(size: number): Payload {
  return Payload.create({ body: new Uint8Array(size) });
}

function sizeOf(size: number): ResponseParameters {
  return ResponseParameters.create({ size });
}

function outputRequest(size: number, answerSize: number, intervalUs: number = 0): StreamingOutputCallRequest {
  const responseParameters = [ResponseParameters.create({ size: answerSize, intervalUs })];
  return StreamingOutputCallRequest.create({ responseParameters, payload: payloadOf(size) });
}

async function* streamOf<T>(items: readonly T[]): AsyncGenerator<T, void, undefined> {
  yield* items;
}

/** Requests of a caller who says nothing until the call ends. */
async function* neverAsking(call: Call): AsyncGenerator<StreamingInputCallRequest, void, undefined> {
  await new Promise((resolve) => call.signal.addEventListener("abort", resolve, { once: true }));
  yield* [];
}

async function sizesOf(answers: AsyncIterable<{ readonly payload?: Payload | undefined }>): Promise<number[]> {
  const sizes: number[] = [];
  for await (const { payload } of answers) sizes.push(payload?.body.length ?? 0);
  return sizes;
}

/** Requests that wait for each other's answer. A class because it holds whoever waits. */
class Turns {
  sent = 0;
  readonly #items: readonly StreamingOutputCallRequest[];
  #wake: (() => void) | undefined;

  constructor(items: readonly StreamingOutputCallRequest[]) {
    this.#items = items;
  }

  async *requests(): AsyncGenerator<StreamingOutputCallRequest, void, undefined> {
    for (const item of this.#items) {
      const answered = new Promise<void>((resolve) => (this.#wake = resolve));
      this.sent++;
      yield item;
      await answered;
    }
  }

  next(): void {
    this.#wake?.();
  }
}
