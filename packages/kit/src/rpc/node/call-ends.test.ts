import assert from "node:assert/strict";
import { once } from "node:events";
import { constants } from "node:http2";
import { connect } from "node:net";
import { test } from "node:test";
import type { Call } from "../../call.ts";
import { metadataValue } from "../../call.ts";
import { createGreeter, startGreeter } from "../testdata/greeter.ts";
import { CountRequest, CountResponse, HelloRequest, SumRequest } from "../testdata/greeter.weir.ts";
import { createRawGrpc, envelope, readRaw } from "../testdata/raw-grpc.ts";
import { createRpcHandler } from "./server.ts";

const service = "/weir.greeter.v1.Greeter";
const hello = envelope(HelloRequest.toBinary(HelloRequest.create({ name: "Ada" })));

/** Counts calls that are open, by what their handlers see of them; resolves when as many have begun, and when all have ended. */
function createWatch(): { begin(call: Call): void; begun(count: number): Promise<void>; ended(count: number): Promise<string[]> } {
  const ends: string[] = [];
  let begun = 0;
  let wake = (): void => undefined;
  const until = async (isThere: () => boolean): Promise<void> => {
    while (!isThere()) await new Promise<void>((resolve) => (wake = resolve));
  };
  return {
    begin(call) {
      begun += 1;
      call.onEnd(({ code }) => {
        ends.push(code);
        wake();
      });
      wake();
    },
    begun: (count) => until(() => begun >= count),
    async ended(count) {
      await until(() => ends.length >= count);
      return ends;
    },
  };
}

test("RST_STREAM cancels the call of every kind of method", async () => {
  const watch = createWatch();
  let generatorsLeft = 0;
  const implementation = createGreeter({
    hello(_, call) {
      watch.begin(call);
      return new Promise(() => undefined);
    },
    async *count(_, call) {
      watch.begin(call);
      try {
        for (;;) {
          yield { number: 1, text: "" };
          await new Promise((resolve) => call.onEnd(resolve));
        }
      } finally {
        generatorsLeft += 1;
      }
    },
    async sum(requests, call) {
      watch.begin(call);
      for await (const _ of requests) void _;
      return { total: 0 };
    },
    async *echo(requests, call) {
      watch.begin(call);
      for await (const _ of requests) yield { total: 1 };
    },
  });
  await using greeter = await startGreeter(implementation);
  await using raw = createRawGrpc(greeter.url);
  for (const method of ["Hello", "Count", "Sum", "Echo"]) {
    const stream = raw.open(`${service}/${method}`);
    stream.on("error", () => undefined);
    const streams = method === "Sum" || method === "Echo";
    if (streams) stream.write(hello);
    else stream.end(method === "Hello" ? hello : envelope(Buffer.alloc(0)));
    await watch.begun(["Hello", "Count", "Sum", "Echo"].indexOf(method) + 1);
    stream.close(constants.NGHTTP2_CANCEL);
  }
  assert.deepEqual(await watch.ended(4), ["CANCELLED", "CANCELLED", "CANCELLED", "CANCELLED"]);
  assert.equal(generatorsLeft, 1);
});

test("a client that is killed in the middle of its streams leaves no call behind", async () => {
  const watch = createWatch();
  const implementation = createGreeter({
    async *count(_, call) {
      watch.begin(call);
      for (;;) {
        yield { number: 1, text: "" };
        await new Promise((resolve) => call.onEnd(resolve));
      }
    },
    async *echo(requests, call) {
      watch.begin(call);
      for await (const _ of requests) yield { total: 1 };
    },
  });
  await using greeter = await startGreeter(implementation);
  const raw = createRawGrpc(greeter.url);
  for (let index = 0; index < 20; index += 1) {
    const stream = raw.open(`${service}/${index % 2 === 0 ? "Count" : "Echo"}`);
    stream.on("error", () => undefined);
    if (index % 2 === 0) stream.end(envelope(Buffer.alloc(0)));
    else stream.write(envelope(Buffer.alloc(0)));
  }
  await watch.begun(20);
  raw.session.destroy();
  assert.equal((await watch.ended(20)).length, 20);
  const deadlineMs = performance.now() + 5000;
  while (greeter.server.counters.requestsInFlight > 0 || greeter.server.counters.connectionsOpen > 0) {
    assert.ok(performance.now() < deadlineMs, JSON.stringify(greeter.server.counters));
    await new Promise((resolve) => setImmediate(resolve));
  }
});

test("a handler of a stream is not asked for more than its reader takes", async () => {
  let made = 0;
  const text = "x".repeat(10_000);
  const implementation = createGreeter({
    async *count() {
      for (;;) {
        made += 1;
        yield { number: made, text };
      }
    },
  });
  await using greeter = await startGreeter(implementation);
  await using raw = createRawGrpc(greeter.url);
  const stream = raw.open(`${service}/Count`);
  stream.end(envelope(CountRequest.toBinary({ count: 0, text: "" })));
  await once(stream, "response");
  // The reader takes nothing: what was made stands still at once, by the window of the stream and a short queue.
  let before = -1;
  for (let turns = 0; turns < 2000 && (made !== before || turns < 50); turns += 1) {
    before = made;
    for (let wait = 0; wait < 5; wait += 1) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(made * text.length < 1_000_000, `${made} messages`);
  const stoodAt = made;
  let taken = 0;
  for await (const chunk of stream) {
    taken += (chunk as Buffer).length;
    if (taken > 2_000_000) break;
  }
  assert.ok(made > stoodAt + 50, `${made} after ${stoodAt}`);
});

test("10,000 cancelled calls leave nothing behind", { timeout: 60_000 }, async () => {
  let open = 0;
  const implementation = createGreeter({
    hello(_, call) {
      open += 1;
      return new Promise((_, reject) =>
        call.onEnd((reason) => {
          open -= 1;
          reject(reason);
        }),
      );
    },
  });
  // More resets than a peer may send are its own test: here each connection stays below them.
  await using greeter = await startGreeter(implementation);
  for (let round = 0; round < 25; round += 1) {
    await using raw = createRawGrpc(greeter.url);
    for (let batch = 0; batch < 4; batch += 1) {
      const streams = Array.from({ length: 100 }, () => {
        const stream = raw.open(`${service}/Hello`, { "grpc-timeout": "20S" });
        stream.on("error", () => undefined);
        stream.end(hello);
        return stream;
      });
      while (open < 100) await new Promise((resolve) => setImmediate(resolve));
      for (const stream of streams) stream.close(constants.NGHTTP2_CANCEL);
      while (open > 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await using raw = createRawGrpc(greeter.url);
  const stream = raw.open(`${service}/Hello`, { "grpc-timeout": "1m" });
  stream.end(hello);
  assert.equal((await readRaw(stream)).status, "4");
  while (greeter.server.counters.requestsInFlight > 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(open, 0);
});

test("a deadline passes while the body is still on its way", async () => {
  let ran = 0;
  const implementation = createGreeter({
    async sum(requests) {
      ran += 1;
      let total = 0;
      for await (const { number } of requests) total += number;
      return { total };
    },
  });
  await using greeter = await startGreeter(implementation);
  await using raw = createRawGrpc(greeter.url);
  for (const method of ["Hello", "Sum"]) {
    const stream = raw.open(`${service}/${method}`, { "grpc-timeout": "50m" });
    stream.on("error", () => undefined);
    stream.write(envelope(SumRequest.toBinary({ number: 1 })).subarray(0, 3));
    assert.equal((await readRaw(stream)).status, "4", method);
  }
  assert.equal(ran, 1);
});

test("a body that fails behind the end of its call is nobody's failure", async (context) => {
  let ran = 0;
  const implementation = createGreeter({ hello: () => Promise.reject(new Error(`ran ${(ran += 1)} times`)) });
  const unheard: unknown[] = [];
  const onUnheard = (thrown: unknown): void => void unheard.push(thrown);
  process.on("unhandledRejection", onUnheard);
  context.after(() => process.off("unhandledRejection", onUnheard));
  const handler = createRpcHandler([implementation]);
  async function* broken(): AsyncGenerator<Uint8Array, void> {
    yield Buffer.of(9);
    throw new Error("The rest does not come.");
  }
  const grpc = ["content-type", "application/grpc"];
  const json = ["content-type", "application/json"];
  const [stays, goes] = [(): void => undefined, (listener: () => void): void => listener()];
  for (const [target, headers, onCancel, expected] of [
    [`${service}/Hello`, [...grpc, "grpc-timeout", "0m"], stays, "4"],
    [`${service}/Hello`, grpc, goes, "1"],
    [`${service}/Hello`, [...json, "connect-timeout-ms", "0"], stays, 504],
    [`${service}/Hello`, json, goes, 499],
    ["/v1/hello", [...json, "connect-timeout-ms", "0"], stays, 504],
    ["/v1/hello", json, goes, 499],
  ] as const) {
    const request = { method: "POST", target, authority: "x", headers: [...headers], body: broken() };
    const answer = await handler(request, { peerAddress: "memory", secure: false, version: "2", onCancel });
    assert.equal(metadataValue(answer.headers, "grpc-status") ?? answer.status, expected, `${target} ${headers.join(" ")}`);
  }
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([unheard, ran], [[], 0]);
});

test("gRPC-Web is answered as text, to requests padded anywhere, over HTTP/1.1", async () => {
  await using greeter = await startGreeter();
  for (const contentType of ["application/grpc-web-text", "application/grpc-web-text+proto"]) {
    const body = `${hello.subarray(0, 4).toString("base64")}${hello.subarray(4).toString("base64")}`;
    const answer = await greeter.ask("POST", `${service}/Hello`, { headers: ["content-type", contentType], body });
    assert.equal(answer.headers.get("content-type"), contentType);
    const bytes = Buffer.from(answer.text, "base64");
    assert.match(bytes.toString("latin1"), /hello Ada.*\x80\0\0\0.grpc-status: 0\r\n$/s);
    const count = envelope(CountRequest.toBinary({ count: 3, text: "t" })).toString("base64");
    const streamed = await greeter.ask("POST", `${service}/Count`, { headers: ["content-type", contentType], body: count });
    const parts = streamed.text.match(/[^=]+=*/g) ?? [];
    const whole = Buffer.concat(parts.map((part) => Buffer.from(part, "base64")));
    const first = CountResponse.fromBinary(whole.subarray(5, 5 + whole.readUInt32BE(1)));
    assert.deepEqual([first.number, first.text], [1, "t"]);
    const refused = await greeter.ask("POST", `${service}/Hello`, { headers: ["content-type", contentType], body: "!!!!" });
    assert.match(Buffer.from(refused.text, "base64").toString("latin1"), /^\x80.*grpc-status: 3\r\n/s);
  }
});

test("a half-closed HTTP/1.1 client of a Connect stream that goes away cancels its call", async () => {
  const watch = createWatch();
  const implementation = createGreeter({
    async *count(_, call) {
      watch.begin(call);
      yield { number: 1, text: "" };
      await new Promise((resolve) => call.onEnd(resolve));
    },
  });
  await using greeter = await startGreeter(implementation);
  const socket = connect(Number(new URL(greeter.url).port), "127.0.0.1");
  const body = envelope(Buffer.from('{"count":1}'));
  const head = `POST ${service}/Count HTTP/1.1\r\nhost: x\r\ncontent-type: application/connect+json\r\ncontent-length: ${body.length}\r\n\r\n`;
  socket.write(Buffer.concat([Buffer.from(head), body]));
  await once(socket, "data");
  socket.destroy();
  assert.deepEqual(await watch.ended(1), ["CANCELLED"]);
});

test("a stream of answers whose one message stops half-way is given up after the time of a unary call, and frees its memory", async () => {
  let asked = 0;
  const implementation = createGreeter({
    async *count() {
      asked += 1;
      yield { number: 1, text: "" };
    },
  });
  await using greeter = await startGreeter(implementation, { timeoutMsMax: 50 });
  await using raw = createRawGrpc(greeter.url);
  const whole = envelope(CountRequest.toBinary(CountRequest.create({ count: 1, text: "x".repeat(100) })));
  const half = raw.open(`${service}/Count`);
  half.write(whole.subarray(0, 20));
  const { status } = await readRaw(half);
  assert.deepEqual([status, asked], ["4", 0]);
  // The whole message is followed by a stream of any length.
  assert.deepEqual([(await raw.ask(`${service}/Count`, whole)).status, asked], ["0", 1]);
});
