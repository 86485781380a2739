// Whatever the other side does, every call settles: what it means, and what is sent once more. The other side is nghttp2.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerHttp2Stream } from "node:http2";
import { test } from "node:test";
import { Call } from "../../call.ts";
import { isFault } from "../../fault.ts";
import { createClient } from "../client.ts";
import { eventually } from "../testdata/greeter.ts";
import type { GreeterClient } from "../testdata/greeter.weir.ts";
import { Greeter } from "../testdata/greeter.weir.ts";
import { answerGreeting, beginAnswer, greeting, startRawHttp2 } from "../testdata/raw-http2.ts";
import type { WireTransport, WireTransportOptions } from "./transport.ts";
import { createWireTransport } from "./transport.ts";

interface Caller extends AsyncDisposable {
  readonly client: GreeterClient;
  readonly transport: WireTransport;
}

function callerOf(url: string, options: Partial<WireTransportOptions> = {}): Caller {
  const transport = createWireTransport({ url, protocol: "grpc", ...options });
  return { client: createClient(Greeter, transport, { timeoutMs: 10_000 }), transport, [Symbol.asyncDispose]: () => transport.close() };
}

async function outcome(answer: Promise<unknown>): Promise<string> {
  try {
    await answer;
    return "OK";
  } catch (thrown) {
    assert.ok(isFault(thrown), String(thrown));
    return `${thrown.code} ${thrown.reason}`;
  }
}

async function collect(stream: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const message of stream) if (message !== undefined) count += 1;
  return count;
}

async function* numbersFrom(...numbers: number[]): AsyncGenerator<{ number: number }> {
  for (const number of numbers) yield { number };
}

test("streams finish after GOAWAY with NO_ERROR, and new calls go elsewhere", { timeout: 20_000 }, async () => {
  await using raw = await startRawHttp2((stream, index) => {
    if (index > 0) {
      answerGreeting(stream);
      return;
    }
    beginAnswer(stream);
    stream.write(greeting);
  });
  await using caller = callerOf(raw.url);
  const answers = caller.client.count({ count: 2 })[Symbol.asyncIterator]();
  assert.equal((await answers.next()).done, false);
  const [first] = raw.sessions;
  first?.goaway(0);
  const calls = await Promise.all(Array.from({ length: 20 }, () => outcome(caller.client.hello({}))));
  assert.deepEqual(new Set(calls), new Set(["OK"]));
  raw.streams[0]?.end(greeting);
  assert.equal((await answers.next()).done, false);
  assert.equal((await answers.next()).done, true);
  assert.equal(raw.sessionsMade(), 2);
});

test("calls above the last stream of a GOAWAY are sent once more, of every kind", { timeout: 20_000 }, async () => {
  let refused = 0;
  await using raw = await startRawHttp2((stream, index) => {
    if (index === 0) answerGreeting(stream);
    else if (raw.sessionsMade() === 1) {
      refused += 1;
      if (refused === 6) stream.session?.goaway(0, 1);
    } else answerGreeting(stream);
  });
  await using caller = callerOf(raw.url);
  const { client } = caller;
  assert.equal(await outcome(client.hello({})), "OK");
  const outcomes = await Promise.all([
    ...[1, 2, 3].map(() => outcome(client.hello({}))),
    outcome(collect(client.count({}))),
    outcome(client.sum(numbersFrom(1, 2, 3))),
    outcome(collect(client.echo(numbersFrom(1, 2, 3)))),
  ]);
  assert.deepEqual(
    outcomes,
    Array.from(outcomes, () => "OK"),
  );
  assert.equal(raw.streams.length, 13);
});

test("a stream of requests that is sent again is whole, also what had been pulled", { timeout: 20_000 }, async () => {
  const bodies: number[] = [];
  await using raw = await startRawHttp2((stream, index) => {
    let bytes = 0;
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (index === 0 && bytes > 20_000) stream.close(7);
    });
    stream.on("end", () => {
      bodies.push(bytes);
      answerGreeting(stream);
    });
  });
  await using caller = callerOf(raw.url);
  let pulled = 0;
  async function* many(): AsyncGenerator<{ number: number }> {
    for (; pulled < 8000; pulled++) yield { number: 1_000_000 + pulled };
  }
  assert.equal(await outcome(caller.client.sum(many())), "OK");
  assert.deepEqual([pulled, bodies, raw.streams.length], [8000, [8000 * 9], 2]);
});

test("REFUSED_STREAM is tried twice and no more, and not at all once the budget is spent", { timeout: 20_000 }, async () => {
  await using raw = await startRawHttp2((stream) => stream.close(7));
  await using caller = callerOf(raw.url);
  for (let count = 0; count < 150; count++) {
    assert.equal(await outcome(caller.client.hello({})), "UNAVAILABLE UPSTREAM_STREAM_REFUSED");
    if (count === 0) assert.equal(raw.streams.length, 2);
  }
  assert.equal(raw.streams.length, 150 + 100);
});

test("the codes of RST_STREAM mean what gRPC says", { timeout: 20_000 }, async () => {
  const expected = ["INTERNAL", "INTERNAL", "INTERNAL", "INTERNAL", "INTERNAL", "UNKNOWN", "INTERNAL"];
  expected.push("UNAVAILABLE", "CANCELLED", "INTERNAL", "INTERNAL", "RESOURCE_EXHAUSTED", "PERMISSION_DENIED", "INTERNAL");
  let asked = 0;
  await using raw = await startRawHttp2((stream) => stream.close(asked));
  await using caller = callerOf(raw.url);
  for (const [code, meaning] of expected.entries()) {
    asked = code;
    assert.equal((await outcome(caller.client.hello({}))).split(" ")[0], meaning, String(code));
    assert.equal((await outcome(collect(caller.client.count({})))).split(" ")[0], meaning, String(code));
  }
});

test("RST_STREAM with NO_ERROR behind a whole answer takes nothing from it", { timeout: 20_000 }, async () => {
  await using raw = await startRawHttp2((stream) => {
    beginAnswer(stream);
    stream.end(greeting);
    stream.on("wantTrailers", () => setImmediate(() => stream.close(0)));
  });
  await using caller = callerOf(raw.url);
  let stopped = false;
  async function* endless(): AsyncGenerator<{ number: number }> {
    try {
      for (;;) {
        yield { number: 1 };
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      stopped = true;
    }
  }
  assert.equal(await outcome(caller.client.hello({})), "OK");
  assert.equal(await outcome(caller.client.sum(endless())), "OK");
  await eventually(() => stopped, "the caller's messages to be left");
});

test("an answer that ends without trailers, or with its connection, is a Fault at once", { timeout: 20_000 }, async () => {
  const ways: [end: (stream: ServerHttp2Stream, cut: () => void) => void, expected: string][] = [
    [(stream) => stream.end(greeting), "INTERNAL STREAM_TRUNCATED"],
    [(stream) => stream.end(), "INTERNAL STREAM_TRUNCATED"],
    [(stream, cut) => stream.write(greeting, cut), "UNAVAILABLE UPSTREAM_BODY_TRUNCATED"],
    [(stream, cut) => stream.write(greeting.subarray(0, 2), cut), "UNAVAILABLE UPSTREAM_BODY_TRUNCATED"],
  ];
  for (const [end, expected] of ways) {
    await using raw = await startRawHttp2((stream) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc" });
      end(stream, () => setImmediate(raw.cut));
    });
    await using caller = callerOf(raw.url);
    const { client } = caller;
    for (const ask of [
      () => client.hello({}),
      () => collect(client.count({})),
      () => client.sum(numbersFrom(1)),
      () => collect(client.echo(numbersFrom(1))),
    ]) {
      assert.equal(await outcome(ask()), expected);
    }
  }
  await using raw = await startRawHttp2(() => setImmediate(raw.cut));
  await using caller = callerOf(raw.url);
  assert.equal(await outcome(caller.client.hello({})), "UNAVAILABLE CONNECTION_RESET");
});

test("a call that is given up resets its stream with CANCEL, and an answer after that harms nobody", { timeout: 20_000 }, async () => {
  const late: ServerHttp2Stream[] = [];
  await using raw = await startRawHttp2((stream, index) => (index < 3 ? void late.push(stream) : answerGreeting(stream)));
  await using caller = callerOf(raw.url);
  const { client } = caller;
  const call = new Call();
  const outcomes = [
    outcome(client.hello({}, { timeoutMs: 50 })),
    outcome(client.hello({}, call)),
    outcome(collect(client.count({}, { timeoutMs: 50 }))),
  ];
  await eventually(() => late.length === 3, "three streams");
  const closed = late.map((stream) => once(stream, "close"));
  call.cancel();
  assert.deepEqual(await Promise.all(outcomes), [
    "DEADLINE_EXCEEDED DEADLINE_EXCEEDED",
    "CANCELLED CALL_CANCELLED",
    "DEADLINE_EXCEEDED DEADLINE_EXCEEDED",
  ]);
  await Promise.all(closed);
  assert.deepEqual(
    late.map(({ rstCode }) => rstCode),
    [8, 8, 8],
  );
  for (const stream of late) answerGreeting(stream);
  assert.equal(await outcome(client.hello({})), "OK");
  assert.equal(raw.sessionsMade(), 1);
});

test("connections grow old under load and no call notices", { timeout: 30_000 }, async () => {
  await using raw = await startRawHttp2((stream) => void setImmediate(() => answerGreeting(stream)));
  await using caller = callerOf(raw.url, { http2: { ageMs: 30 } });
  const failed = new Map<string, number>();
  let left = 4000;
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const found = await outcome(caller.client.hello({}));
      if (found !== "OK") failed.set(found, (failed.get(found) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 20 }, worker));
  assert.deepEqual([...failed], []);
  assert.ok(raw.sessionsMade() >= 5, `${raw.sessionsMade()} sessions`);
});

test("a reader that stops holds the server up, whatever it has to say", { timeout: 20_000 }, async () => {
  let written = 0;
  await using raw = await startRawHttp2((stream) => {
    beginAnswer(stream);
    const write = (): void => {
      do written += 1;
      while (!stream.destroyed && stream.write(greeting));
      if (!stream.destroyed) stream.once("drain", write);
    };
    write();
  });
  await using caller = callerOf(raw.url);
  const answers = caller.client.count({})[Symbol.asyncIterator]();
  await answers.next();
  let [seen, sinceMs] = [-1, performance.now()];
  await eventually(() => {
    if (seen !== written) [seen, sinceMs] = [written, performance.now()];
    return performance.now() - sinceMs > 200;
  }, "the server to stand still");
  assert.ok(written * greeting.length < 4e6, `${written} messages`);
  await answers.return?.();
  await eventually(() => raw.streams[0]?.destroyed === true, "the stream to be closed");
});

test("a server that comes back at its port is found again, by streams too", { timeout: 20_000 }, async () => {
  const first = await startRawHttp2(answerGreeting);
  await using caller = callerOf(first.url);
  const { client } = caller;
  assert.equal(await outcome(client.hello({})), "OK");
  await first[Symbol.asyncDispose]();
  for (let count = 0; count < 3; count++) assert.match(await outcome(client.hello({})), /^UNAVAILABLE (CONNECT_FAILED|CONNECTION_RESET)$/);
  await using second = await startRawHttp2(answerGreeting, { port: Number(new URL(first.url).port) });
  assert.equal(second.url, first.url);
  assert.equal(await outcome(client.hello({})), "OK");
  assert.equal(await outcome(collect(client.count({}))), "OK");
  assert.equal(second.sessionsMade(), 1);
});

test("a burst of calls waits for its connections, and only a bounded one", { timeout: 20_000 }, async () => {
  await using raw = await startRawHttp2(answerGreeting);
  const burst = async (options: Partial<WireTransportOptions>): Promise<Map<string, number>> => {
    await using caller = callerOf(raw.url, options);
    const counts = new Map<string, number>();
    for (const found of await Promise.all(Array.from({ length: 3000 }, () => outcome(caller.client.hello({}))))) {
      counts.set(found, (counts.get(found) ?? 0) + 1);
    }
    return counts;
  };
  assert.deepEqual([...(await burst({}))], [["OK", 3000]]);
  const bounded = await burst({ callsWaitingMax: 1000 });
  assert.deepEqual([bounded.get("OK"), bounded.get("UNAVAILABLE WAITERS_TOO_MANY")], [1000, 2000]);
});

test("a stream that is quiet stays, as long as PING is answered", { timeout: 20_000 }, async () => {
  await using raw = await startRawHttp2((stream) => beginAnswer(stream));
  let pings = 0;
  raw.server.on("session", (session) => void session.on("ping", () => (pings += 1)));
  await using caller = callerOf(raw.url, { http2: { pingMs: 50, pingTimeoutMs: 60_000 } });
  const quiet = collect(caller.client.count({}));
  await eventually(() => pings >= 3, "three PING frames");
  raw.streams[0]?.end(greeting);
  assert.equal(await quiet, 1);
  assert.equal(raw.sessionsMade(), 1);
});
