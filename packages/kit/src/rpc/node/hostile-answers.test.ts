// What handlers give that cannot be answered as it is: every call is answered all the same, and what they began is let go of.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import WebSocket from "ws";
import { Call } from "../../call.ts";
import type { FaultDetail } from "../../fault.ts";
import { fault, isFault } from "../../fault.ts";
import type { Layer, Message } from "../../service.ts";
import { createClient } from "../client.ts";
import type { Compressor } from "../compression.ts";
import type { Implementation } from "../implement.ts";
import { implement } from "../implement.ts";
import { createRawGrpc, envelope } from "../testdata/raw-grpc.ts";
import { createGreeter, eventually, startGreeter } from "../testdata/greeter.ts";
import type { FilesHandlers } from "../testdata/files.weir.ts";
import { Files } from "../testdata/files.weir.ts";
import type { CountResponse, GreeterHandlers } from "../testdata/greeter.weir.ts";
import { Greeter, HelloResponse } from "../testdata/greeter.weir.ts";
import { createWireTransport } from "./transport.ts";

const circle: Record<string, unknown> = {};
circle["self"] = circle;
/** Details that JSON cannot say. */
const unsayable: readonly unknown[] = [{ count: 1n }, circle, { toJSON: () => assert.fail("no JSON of this") }];

function failing(details: readonly FaultDetail[], reason = "PLANTED"): Partial<GreeterHandlers> {
  const thrown = (): Error => fault({ reason, code: "NOT_FOUND" }, "Planted.", { details });
  const fails = (): AsyncIterable<never> => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(thrown()) }) });
  return { hello: () => Promise.reject(thrown()), count: fails, echo: fails, sum: () => Promise.reject(thrown()) };
}

function withSocketRules(handlers: Partial<GreeterHandlers>): Implementation {
  const greeter = createGreeter(handlers);
  const rule = { verb: "GET" as const, path: "/v1/echo", body: "", responseBody: "" };
  const methods = greeter.methods.map((method) =>
    method.descriptor.localName === "echo" ? { ...method, descriptor: { ...method.descriptor, http: [rule] } } : method,
  );
  return { ...greeter, methods };
}

async function closeOf(url: string): Promise<readonly [code: number, reason: string, last: string]> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/echo`);
  let last = "";
  socket.on("message", (data: Buffer) => (last = data.toString()));
  const [code, reason] = (await once(socket, "close")) as [number, Buffer];
  return [code, reason.toString(), last];
}

async function* numbers(): AsyncGenerator<{ number: number }> {
  yield { number: 1 };
}

test("a fault with details that cannot be written is answered without them, in every protocol", { timeout: 20_000 }, async () => {
  for (const value of unsayable) {
    const handlers = failing([
      { typeName: "a.B", value },
      { typeName: "a.C", value: { c: 1 }, bytes: Uint8Array.of(8, 1) },
    ]);
    await using greeter = await startGreeter(withSocketRules(handlers));
    for (const protocol of ["connect", "grpc", "grpc-web"] as const) {
      const transport = createWireTransport({ url: greeter.url, protocol, http2: true });
      const client = createClient(Greeter, transport, { timeoutMs: 3000 });
      const calls = [client.hello({}), client.count({})[Symbol.asyncIterator]().next(), client.sum(numbers())];
      for (const call of calls) {
        await assert.rejects(call, (thrown) => isFault(thrown) && thrown.reason === "PLANTED" && thrown.details.length > 0, protocol);
      }
      await transport.close();
    }
    const rest = await greeter.ask("GET", "/v1/hello/ada");
    assert.deepEqual([rest.status, rest.json["reason"]], [404, "PLANTED"]);
    const lines = await greeter.ask("GET", "/v1/count/1");
    assert.match(lines.text, /PLANTED/);
    const [code, reason, last] = await closeOf(greeter.url);
    assert.deepEqual([code, reason], [1008, "PLANTED"]);
    assert.match(last, /PLANTED/);
  }
});

test("a reason that does not fit a close frame is cut there, and said whole before", { timeout: 20_000 }, async () => {
  for (const reason of ["😀".repeat(60), "ü".repeat(100), `${"x".repeat(122)}ü`, "\ud800".repeat(50)]) {
    await using greeter = await startGreeter(withSocketRules(failing([], reason)));
    const [code, told, last] = await closeOf(greeter.url);
    assert.equal(code, 1008);
    assert.ok(Buffer.byteLength(told) <= 123);
    assert.ok(reason.toWellFormed().startsWith(told), told);
    assert.equal((JSON.parse(last) as { error: { reason: string } }).error.reason.toWellFormed(), reason.toWellFormed());
  }
});

test("a source whose return throws harms nobody when its call is given up", { timeout: 20_000 }, async () => {
  let asked = 0;
  const aborted: string[] = [];
  const source: GreeterHandlers["count"] = (_, call) => ({
    [Symbol.asyncIterator]: () => ({
      next() {
        call.signal.addEventListener("abort", () => aborted.push(call.ended?.code ?? ""));
        asked += 1;
        return new Promise<IteratorResult<CountResponse>>(() => undefined);
      },
      return() {
        throw new Error("will not");
      },
    }),
  });
  await using greeter = await startGreeter(createGreeter({ count: source }));
  const transport = createWireTransport({ url: greeter.url, protocol: "grpc" });
  const client = createClient(Greeter, transport);
  const call = new Call();
  const first = client.count({}, call)[Symbol.asyncIterator]().next();
  await eventually(() => asked === 1, "the source to be asked");
  call.cancel();
  await assert.rejects(first, { code: "CANCELLED" });
  await assert.rejects(client.count({}, { timeoutMs: 50 })[Symbol.asyncIterator]().next(), { code: "DEADLINE_EXCEEDED" });
  assert.equal((await client.hello({ name: "ada" })).greeting, "hello ada");
  await eventually(() => aborted.length === 2, "both signals to abort");
  await transport.close();
});

test("a stream whose head cannot be sent is let go of", { timeout: 20_000 }, async () => {
  let left = 0;
  const greeter = createGreeter({
    async *count(_, call) {
      try {
        call.replyMetadata.push("x-bad", "a\nb");
        for (;;) yield { number: 1, text: "" };
      } finally {
        left += 1;
      }
    },
  });
  await using running = await startGreeter(greeter);
  for (const protocol of ["grpc", "grpc-web", "connect"] as const) {
    const transport = createWireTransport({ url: running.url, protocol, http2: true });
    const before = left;
    await assert.rejects(createClient(Greeter, transport).count({}, { timeoutMs: 3000 })[Symbol.asyncIterator]().next());
    await eventually(() => left === before + 1, `the source over ${protocol} to be left`);
    await transport.close();
  }
});

test("a stream whose first message makes no head is let go of, and answered", { timeout: 20_000 }, async () => {
  let left = 0;
  const none = async function* (): AsyncGenerator<never> {
    try {
      yield null as never;
      yield null as never;
    } finally {
      left += 1;
    }
  };
  const refuses = (): never => assert.fail("not asked");
  const files: FilesHandlers = {
    put: refuses,
    get: refuses,
    describe: refuses,
    turn: refuses,
    upload: refuses,
    download: none,
    pipe: none,
  };
  await using running = await startGreeter(implement(Files, files));
  const { status, json } = await running.ask("GET", "/v1/downloads/a");
  assert.deepEqual([status, json["reason"]], [500, "UNEXPECTED"]);
  assert.equal(left, 1);
});

test("metadata that is no text is left out of a refusal, which is given all the same", { timeout: 20_000 }, async () => {
  const spoil = (call: Call): void => void call.replyMetadata.push(7 as never, "x");
  const handlers: Partial<GreeterHandlers> = {
    async hello(_, call) {
      spoil(call);
      return HelloResponse.create({});
    },
    count(_, call) {
      spoil(call);
      throw fault({ reason: "PLANTED", code: "NOT_FOUND" }, "Planted.");
    },
  };
  await using greeter = await startGreeter(createGreeter(handlers));
  for (const protocol of ["connect", "grpc", "grpc-web"] as const) {
    const transport = createWireTransport({ url: greeter.url, protocol, http2: true });
    const client = createClient(Greeter, transport, { timeoutMs: 3000 });
    await assert.rejects(client.hello({}), { code: "INTERNAL", reason: "UNEXPECTED" }, protocol);
    await assert.rejects(client.count({})[Symbol.asyncIterator]().next(), { code: "NOT_FOUND", reason: "PLANTED" }, protocol);
    await transport.close();
  }
});

test("a call that ended while its message was being read does not reach the handler", { timeout: 20_000 }, async () => {
  let asked = 0;
  const layer: Layer<Message<unknown>, Message<unknown>> = (next) => (message, call) => {
    asked += 1;
    return next(message, call);
  };
  const slow = { name: "slow", reading: 0, gate: Promise.withResolvers<Uint8Array>() };
  const compressor: Compressor = {
    name: slow.name,
    compress: (bytes) => bytes,
    decompress() {
      slow.reading += 1;
      return slow.gate.promise;
    },
  };
  await using greeter = await startGreeter(createGreeter(), { layers: [layer], compressors: [compressor] });
  await using raw = createRawGrpc(greeter.url);
  for (const method of ["Hello", "Count"]) {
    const stream = raw.open(`/weir.greeter.v1.Greeter/${method}`, { "grpc-encoding": slow.name });
    stream.on("error", () => undefined);
    stream.end(envelope(Buffer.of(1), 1));
    const before = slow.reading;
    await eventually(() => slow.reading > before, "the message to be read");
    stream.close(8);
    await once(stream, "close");
  }
  await eventually(() => greeter.server.counters.requestsInFlight === 0, "both calls to end");
  slow.gate.resolve(new Uint8Array(0));
  await greeter.ask("GET", "/v1/hello/ada");
  assert.equal(asked, 1);
});

test("a stream that is answered after its call has ended is let go of", { timeout: 20_000 }, async () => {
  const left: string[] = [];
  const late = (where: string): Layer<Message<unknown>, Message<unknown>> => {
    return (next) => async (message, call) => {
      const answer = await next(message, call);
      if (!answer.stream) return answer;
      const iterator = answer.messages[Symbol.asyncIterator]();
      // Begun, as streams from another server are.
      const first = await iterator.next();
      await new Promise<void>((resolve) => call.onEnd(() => setImmediate(resolve)));
      const messages = {
        [Symbol.asyncIterator]: () => ({
          next: () => Promise.resolve(first),
          async return() {
            left.push(where);
            await iterator.return?.();
            return { done: true as const, value: undefined };
          },
        }),
      };
      return { stream: true, messages };
    };
  };
  await using greeter = await startGreeter(createGreeter(), { layers: [late("server")], streamTimeoutMsMax: 50 });
  const transport = createWireTransport({ url: greeter.url, protocol: "grpc" });
  await assert.rejects(createClient(Greeter, transport).count({})[Symbol.asyncIterator]().next(), { code: "DEADLINE_EXCEEDED" });
  await eventually(() => left.length === 1, "the server's stream to be left");
  await using plain = await startGreeter();
  const other = createWireTransport({ url: plain.url, protocol: "grpc" });
  const client = createClient(Greeter, other, { layers: [late("client")] });
  await assert.rejects(client.count({}, { timeoutMs: 100 })[Symbol.asyncIterator]().next(), { code: "DEADLINE_EXCEEDED" });
  await eventually(() => left.length === 2, "the client's stream to be left");
  assert.deepEqual(left, ["server", "client"]);
  await Promise.all([transport.close(), other.close()]);
});
