import assert from "node:assert/strict";
import { test } from "node:test";
import { Call, metadataValue } from "../call.ts";
import type { Code, Fault } from "../fault.ts";
import { codes, fault, isFault } from "../fault.ts";
import type { Layer, Message } from "../service.ts";
import { createTestTransport } from "../testing/transport.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { createClient } from "./client.ts";
import { createConnectTransport } from "./connect-transport.ts";
import { createGreeter, createLogBook, eventually, quiet } from "./testdata/greeter.ts";
import type { CountResponse, GreeterClient } from "./testdata/greeter.weir.ts";
import { Greeter, HelloResponse } from "./testdata/greeter.weir.ts";

type Any = Message<unknown>;

function rejectsWith(answer: Promise<unknown>, reason: string): Promise<void> {
  return assert.rejects(answer, (thrown) => {
    assert.ok(isFault(thrown), String(thrown));
    assert.equal(thrown.reason, reason, thrown.message);
    return true;
  });
}

async function collect(stream: AsyncIterable<CountResponse>): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { number } of stream) numbers.push(number);
  return numbers;
}

async function* numbersFrom(...numbers: number[]): AsyncGenerator<{ number: number }> {
  for (const number of numbers) yield { number };
}

test("a client calls every kind of method in memory through the real stack", async () => {
  const client = createClient(Greeter, createTestTransport([createGreeter()]));
  const answer = await client.hello({ name: "ada", tags: ["a"], serial: 2n ** 60n, seal: Uint8Array.of(1, 2) });
  assert.deepEqual(answer, HelloResponse.create({ greeting: "hello ada", tags: ["a"], serial: 2n ** 60n, seal: Uint8Array.of(1, 2) }));
  assert.deepEqual(await collect(client.count({ count: 3 })), [1, 2, 3]);
  assert.deepEqual(await collect(client.count({ count: -1 })), []);
  assert.deepEqual(await client.sum(numbersFrom(1, 2, 3)), { total: 6 });
  const totals: number[] = [];
  for await (const { total } of client.echo(numbersFrom(1, 2, 3))) totals.push(total);
  assert.deepEqual(totals, [1, 3, 6]);
});

test("every fault comes back as it was thrown, from unary calls and from streams", async () => {
  const thrower = (code: string): Fault =>
    fault({ reason: "PLANTED", code: code as Code }, `Planted ${code}.`, {
      retryAfterMs: 1500,
      details: [{ typeName: "a.B", value: { c: [1] } }],
      cause: new Error("secret"),
    });
  const client = createClient(
    Greeter,
    createTestTransport([
      createGreeter({
        hello: ({ name }) => Promise.reject(thrower(name)),
        async *count({ text }) {
          yield { number: 1, text: "" };
          throw thrower(text);
        },
        sum: () => Promise.reject(thrower("ABORTED")),
      }),
    ]),
  );
  for (const code of Object.keys(codes)) {
    for (const answer of [client.hello({ name: code }), collect(client.count({ text: code }))]) {
      await assert.rejects(answer, (thrown) => {
        assert.ok(isFault(thrown));
        assert.deepEqual(
          [thrown.code, thrown.reason, thrown.message, thrown.retryAfterMs, thrown.details, thrown.cause],
          [code, "PLANTED", `Planted ${code}.`, 1500, [{ typeName: "a.B", value: { c: [1] } }], undefined],
        );
        return true;
      });
    }
  }
  await rejectsWith(client.sum(numbersFrom(1)), "PLANTED");
});

test("a call inherits deadline and trace of the one it is made in, and sends its own metadata only", async () => {
  const clock = createVirtualClock();
  const seen: [remainingMs: number, traceId: string, token: string | undefined, foreign: boolean][] = [];
  const transport = createTestTransport(
    [
      createGreeter({
        async hello(_request, call) {
          const { metadata } = call;
          seen.push([
            call.remainingMs(),
            call.trace.traceId,
            metadata[metadata.indexOf("authorization") + 1],
            metadata.includes("x-secret"),
          ]);
          return HelloResponse.create();
        },
      }),
    ],
    { clock, timeoutMsMax: Infinity },
  );
  const client = createClient(Greeter, transport);
  const trace = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled: true };
  const served = new Call({ clock, timeoutMs: 1000, trace, metadata: ["x-secret", "1"] });
  await clock.advance(400);
  await client.hello({}, served);
  await client.hello({}, { parent: served, timeoutMs: 100, metadata: ["authorization", "Bearer t"] });
  await client.hello({}, { clock });
  await client.hello({}, new Call({ clock, timeoutMs: 60_000 }));
  await client.hello({}, { parent: new Call({ clock, timeoutMs: 60_000 }) });
  assert.equal(served.ended, undefined);
  assert.deepEqual(
    seen.map(([remainingMs, traceId, , foreign]) => [remainingMs, traceId, foreign]),
    [
      [600, trace.traceId, false],
      [100, trace.traceId, false],
      [30_000, "", false],
      [60_000, "", false],
      [60_000, "", false],
    ],
  );
  assert.equal(seen[1]?.[2], "Bearer t");
});

test("a handler that hangs is answered DEADLINE_EXCEEDED by the server and given up by the client", async () => {
  const clock = createVirtualClock();
  const reasons: (string | undefined)[] = [];
  const hanging = createGreeter({
    hello: (_request, call) =>
      new Promise((_resolve, reject) => {
        call.signal.addEventListener("abort", () => reasons.push((call.signal.reason as Fault).reason));
        if (call.remainingMs() > 1e6) reject(new Error("no deadline"));
      }),
  });
  const client = createClient(Greeter, createTestTransport([hanging], { clock, timeoutMsMax: 200 }));
  const byServer = rejectsWith(client.hello({}, { clock, timeoutMs: 10_000 }), "DEADLINE_EXCEEDED");
  await clock.advance(199);
  assert.deepEqual(reasons, []);
  await clock.advance(1);
  await byServer;
  assert.deepEqual(reasons, ["DEADLINE_EXCEEDED"]);
  const byClient = rejectsWith(client.hello({}, { clock, timeoutMs: 50 }), "DEADLINE_EXCEEDED");
  await clock.advance(50);
  await byClient;
  const late = new Call({ clock, timeoutMs: 10 });
  await clock.advance(10);
  await rejectsWith(client.hello({}, late), "DEADLINE_EXCEEDED");
  await rejectsWith(collect(client.count({}, late)), "DEADLINE_EXCEEDED");
});

test("many deadlines pass in their order with one timer, whoever was answered in between", async () => {
  const clock = createVirtualClock();
  const release: (() => void)[] = [];
  const waiting = createGreeter({ hello: () => new Promise((resolve) => release.push(() => resolve(HelloResponse.create()))) });
  const client = createClient(Greeter, createTestTransport([waiting], { clock, timeoutMsMax: 100 }));
  const outcomes: string[] = [];
  for (let index = 0; index < 6; index++) {
    client.hello({}, { clock, timeoutMs: 1e6 }).then(
      () => outcomes.push(`${index} answered`),
      (thrown: Fault) => outcomes.push(`${index} ${thrown.reason} at ${clock.monotonicMs()}`),
    );
    await clock.advance(10);
  }
  for (const index of [0, 2, 5]) release[index]?.();
  await clock.advance(1000);
  assert.deepEqual(outcomes, [
    "0 answered",
    "2 answered",
    "5 answered",
    "1 DEADLINE_EXCEEDED at 110",
    "3 DEADLINE_EXCEEDED at 130",
    "4 DEADLINE_EXCEEDED at 140",
  ]);
});

test("leaving a stream tells the handler, also one that hangs", async () => {
  const seen: string[] = [];
  const streaming = createGreeter({
    async *count({ count }, call) {
      try {
        call.signal.addEventListener("abort", () => seen.push(`signal ${(call.signal.reason as Fault).reason}`));
        for (let number = 1; ; number++) {
          yield { number, text: "" };
          if (number === count)
            await new Promise((_resolve, reject) => call.signal.addEventListener("abort", () => reject(call.signal.reason as Error)));
        }
      } finally {
        seen.push("left");
      }
    },
  });
  const client = createClient(Greeter, createTestTransport([streaming]));
  for await (const { number } of client.count({ count: 0 })) if (number === 5) break;
  await eventually(() => seen.length === 2, "signal and left");
  const call = new Call();
  const stream = collect(client.count({ count: 3 }, call));
  setImmediate(() => call.cancel(fault({ reason: "ENOUGH", code: "CANCELLED" }, "Enough.")));
  await rejectsWith(stream, "ENOUGH");
  await eventually(() => seen.length === 4, "signal and left again");
  assert.deepEqual(seen.toSorted(), ["left", "left", "signal CALL_CANCELLED", "signal CALL_CANCELLED"]);
});

test("a stream can be left while its next message is being waited for", async () => {
  const seen: string[] = [];
  const hanging = createGreeter({
    async *count(_request, call) {
      call.signal.addEventListener("abort", () => seen.push("told"));
      yield { number: 1, text: "" };
      await new Promise(() => undefined);
    },
  });
  const client = createClient(Greeter, createTestTransport([hanging]));
  const iterator = client.count({})[Symbol.asyncIterator]();
  await iterator.next();
  const waiting = rejectsWith(iterator.next() as Promise<unknown>, "CALL_CANCELLED");
  assert.deepEqual(await iterator.return?.(), { done: true, value: undefined });
  await waiting;
  await eventually(() => seen.length === 1, "the handler to be told");
});

test("each iteration of a stream is a call of its own", async () => {
  const client = createClient(Greeter, createTestTransport([createGreeter()]));
  const stream = client.count({ count: 2 });
  assert.deepEqual(
    [await collect(stream), await collect(stream)],
    [
      [1, 2],
      [1, 2],
    ],
  );
});

test("nothing waits for a layer or a transport that does not listen to the signal", async () => {
  const clock = createVirtualClock();
  const never = new Promise<never>(() => undefined);
  const quiet: AsyncIterable<never> = { [Symbol.asyncIterator]: () => ({ next: () => never }) };
  const deafClientOf = (answer: Promise<Any>): GreeterClient =>
    createClient(Greeter, createTestTransport([createGreeter()]), { layers: [() => () => answer] });
  const deafTransport = createConnectTransport(() => new Promise(() => undefined));
  const deafClient = createClient(Greeter, deafTransport);
  const answers = [
    rejectsWith(
      collect(deafClientOf(Promise.resolve({ stream: true, messages: quiet })).count({}, { clock, timeoutMs: 100 })),
      "DEADLINE_EXCEEDED",
    ),
    rejectsWith(collect(deafClientOf(never).count({}, { clock, timeoutMs: 100 })), "DEADLINE_EXCEEDED"),
    rejectsWith(deafClientOf(never).hello({}, { clock, timeoutMs: 100 }), "DEADLINE_EXCEEDED"),
    rejectsWith(deafClient.hello({}, { clock, timeoutMs: 100 }), "DEADLINE_EXCEEDED"),
    rejectsWith(collect(deafClient.count({}, { clock, timeoutMs: 100 })), "DEADLINE_EXCEEDED"),
  ];
  await clock.advance(100);
  await Promise.all(answers);
  assert.equal(clock.pending, 0);
});

test("a call that has ended or run out of time before it is made is not sent", async () => {
  const clock = createVirtualClock();
  let sent = 0;
  const transport = createConnectTransport(() => {
    sent++;
    return Promise.reject(new Error("sent"));
  });
  const client = createClient(Greeter, transport);
  const cancelled = new Call();
  cancelled.cancel();
  const late = new Call({ clock, timeoutMs: 5 });
  await clock.advance(5);
  await rejectsWith(client.hello({}, cancelled), "CALL_CANCELLED");
  await rejectsWith(client.hello({}, late), "DEADLINE_EXCEEDED");
  await rejectsWith(collect(client.count({}, cancelled)), "CALL_CANCELLED");
  assert.equal(sent, 0);
  await rejectsWith(client.hello({}), "PEER_UNREACHABLE");
});

test("metadata that comes at the end of a stream reaches the call", async () => {
  const late = createGreeter({
    async *count(_request, call) {
      yield { number: 1, text: "" };
      call.replyMetadata.push("x-late", "1");
    },
  });
  let seen: Call | undefined;
  const keep: Layer<Any, Any> = (next) => (message, call) => next(message, (seen = call));
  const client = createClient(Greeter, createTestTransport([late]), { layers: [keep] });
  await collect(client.count({}));
  assert.ok(seen);
  assert.equal(metadataValue(seen.replyTrailers, "x-late"), "1");
  assert.equal(metadataValue(seen.replyMetadata, "x-late"), undefined);
});

test("a stream's deadline ends it at both sides even when the handler hangs", async () => {
  const clock = createVirtualClock();
  const seen: string[] = [];
  const hanging = createGreeter({
    async *count(_request, call) {
      call.signal.addEventListener("abort", () => seen.push((call.signal.reason as Fault).reason));
      yield { number: 1, text: "" };
      await new Promise(() => undefined);
    },
  });
  for (const [timeoutMs, streamTimeoutMsMax] of [
    [100, Infinity],
    [undefined, 100],
  ] as const) {
    const client = createClient(Greeter, createTestTransport([hanging], { clock, streamTimeoutMsMax }));
    const numbers: number[] = [];
    const reading = (async () => {
      for await (const { number } of client.count({}, { clock, timeoutMs })) numbers.push(number);
    })();
    const rejected = rejectsWith(reading, "DEADLINE_EXCEEDED");
    await clock.advance(99);
    assert.deepEqual(numbers, [1]);
    await clock.advance(1);
    await rejected;
  }
  assert.equal(seen.length, 2);
});

test("a slow reader holds up the handler", async () => {
  let made = 0;
  const busy = createGreeter({
    async *count() {
      for (let number = 1; ; number++) {
        made = number;
        yield { number, text: "x".repeat(10_000) };
      }
    },
  });
  const client = createClient(Greeter, createTestTransport([busy]));
  let read = 0;
  for await (const { number } of client.count({})) {
    read = number;
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(made - read < 40, `made ${made}, read ${read}`);
    if (number === 200) break;
  }
  const stopped = made;
  await quiet(() => made);
  assert.ok(made - stopped <= 1, "the handler stops when nobody reads");
});

test("layers stand around every call of a client, and see its answer's metadata", async () => {
  const seen: string[] = [];
  const observe: Layer<Any, Any> = (next) => async (message, call) => {
    seen.push(`${call.method} stream ${String(message.stream)}`);
    const answer = await next(message, call);
    seen.push(`x-from ${call.replyMetadata[call.replyMetadata.indexOf("x-from") + 1]}`);
    return answer;
  };
  const greeting = createGreeter({
    async hello(_request, call) {
      call.replyMetadata.push("x-from", "handler");
      return HelloResponse.create();
    },
  });
  const client = createClient(Greeter, createTestTransport([greeting]), { layers: [observe] });
  await client.hello({});
  await collect(client.count({ count: 1 }));
  assert.deepEqual(seen.slice(0, 3), [
    "/weir.greeter.v1.Greeter/Hello stream false",
    "x-from handler",
    "/weir.greeter.v1.Greeter/Count stream false",
  ]);
});

test("a layer may answer a stream for itself, and one of the wrong kind is refused", async () => {
  const wrong: Layer<Any, Any> = () => async (message, call) =>
    call.method.endsWith("Hello") ? { stream: true, messages: numbersFrom(1) } : { stream: false, message: { number: 9, text: "" } };
  const atClient = createClient(Greeter, createTestTransport([createGreeter()]), { layers: [wrong] });
  await rejectsWith(atClient.hello({}), "HANDLER_ANSWER_INVALID");
  await rejectsWith(collect(atClient.count({})), "HANDLER_ANSWER_INVALID");
  const log = createLogBook();
  const atServer = createClient(Greeter, createTestTransport([createGreeter()], { layers: [wrong], log }));
  await rejectsWith(atServer.hello({}), "HANDLER_ANSWER_INVALID");
  assert.deepEqual(await collect(atServer.count({})), [9]);
});

test("an answer over the client's limit is refused, unary and in a stream", async () => {
  const { createFetchTransport } = await import("./fetch-transport.ts");
  const { startGreeter } = await import("./testdata/greeter.ts");
  await using greeter = await startGreeter();
  const client = createClient(Greeter, createFetchTransport({ baseUrl: greeter.url, answerBytesMax: 100 }));
  await rejectsWith(client.hello({ name: "x".repeat(200) }), "RESPONSE_TOO_LARGE");
  await rejectsWith(collect(client.count({ count: 1, text: "x".repeat(200) })), "RESPONSE_TOO_LARGE");
  assert.equal((await client.hello({ name: "ada" })).greeting, "hello ada");
});

test("metadata with line breaks never reaches the wire", async () => {
  const client: GreeterClient = createClient(Greeter, createTestTransport([createGreeter()]));
  await assert.rejects(client.hello({}, { metadata: ["x", "a\r\ny: b"] }), /line breaks/);
});
