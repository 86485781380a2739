import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import net from "node:net";
import { test } from "node:test";
import { Call } from "../../call.ts";
import { isFault } from "../../fault.ts";
import { createClient } from "../client.ts";
import { bytesFromEnvelope } from "../envelope.ts";
import { createFetchTransport } from "../fetch-transport.ts";
import { createGreeter, eventually, quiet, startGreeter } from "../testdata/greeter.ts";
import type { CountResponse, GreeterClient } from "../testdata/greeter.weir.ts";
import { Greeter } from "../testdata/greeter.weir.ts";
import { createWireTransport } from "./transport.ts";

type Kind = "fetch" | "wire";
const kinds: readonly Kind[] = ["fetch", "wire"];

function clientOf(kind: Kind, url: string): GreeterClient & AsyncDisposable {
  const transport =
    kind === "fetch"
      ? createFetchTransport({ baseUrl: url, headers: () => ({ "x-token": "t" }) })
      : createWireTransport({ url, metadata: ["x-token", "t"] });
  const close = async (): Promise<void> => ("close" in transport ? (transport.close as () => Promise<void>)() : undefined);
  return { ...createClient(Greeter, transport), [Symbol.asyncDispose]: close };
}

function rejectsWith(answer: Promise<unknown>, reason: string): Promise<void> {
  return assert.rejects(answer, (thrown) => {
    assert.ok(isFault(thrown), String(thrown));
    assert.equal(thrown.reason, reason, thrown.message);
    return true;
  });
}

function isUnavailable(answer: Promise<unknown>, what = ""): Promise<void> {
  return assert.rejects(answer, (thrown) => {
    assert.ok(isFault(thrown), String(thrown));
    assert.equal(thrown.code, "UNAVAILABLE", `${what} ${thrown.reason}: ${thrown.message}`);
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

/** A server that answers every request with these bytes, then ends, cuts or keeps the connection. */
async function startLiar(answer: string | Uint8Array, then: "end" | "cut" | "keep"): Promise<{ url: string } & AsyncDisposable> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("data", () => {
      socket.write(answer, () => {
        if (then === "end") socket.end();
        else if (then === "cut") socket.resetAndDestroy();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function httpAnswer(status: string, contentType: string, body: string | Uint8Array): Buffer {
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 ${status}\r\ncontent-type: ${contentType}\r\ncontent-length: ${body.length}\r\n\r\n`),
    Buffer.from(body as string),
  ]);
}

for (const kind of kinds) {
  test(`${kind}: unary calls and streams over a socket, many at once`, async () => {
    await using greeter = await startGreeter();
    await using client = clientOf(kind, greeter.url);
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => client.hello({ name: `n${index}`, tags: ["ü"] })));
    assert.deepEqual(
      answers.map((answer) => answer.greeting),
      Array.from({ length: 50 }, (_, index) => `hello n${index}`),
    );
    assert.deepEqual(
      await Promise.all(Array.from({ length: 10 }, () => collect(client.count({ count: 100 })))),
      Array.from({ length: 10 }, () => Array.from({ length: 100 }, (_, index) => index + 1)),
    );
  });

  test(`${kind}: the transport's own headers are sent`, async () => {
    const tokens: boolean[] = [];
    await using greeter = await startGreeter(
      createGreeter({}, { layers: [(next) => (request, call) => (tokens.push(call.metadata.includes("x-token")), next(request, call))] }),
    );
    await using client = clientOf(kind, greeter.url);
    await client.hello({});
    await collect(client.count({ count: 1 }));
    assert.deepEqual(tokens, [true, true]);
  });

  test(`${kind}: a call that is cancelled or late is seen by the server, and settles`, async () => {
    const seen: string[] = [];
    const hanging = createGreeter({
      hello: (_request, call) => new Promise(() => call.signal.addEventListener("abort", () => seen.push("hello"))),
      async *count(_request, call) {
        try {
          yield { number: 1, text: "" };
          await new Promise((_resolve, reject) => call.signal.addEventListener("abort", () => reject(call.signal.reason as Error)));
        } finally {
          seen.push("count");
        }
      },
    });
    await using greeter = await startGreeter(hanging);
    await using client = clientOf(kind, greeter.url);
    await rejectsWith(client.hello({}, { timeoutMs: 30 }), "DEADLINE_EXCEEDED");
    await eventually(() => seen.length === 1, "the server's handler to be told");
    const call = new Call();
    const answer = client.hello({}, call);
    const stream = client.count({}, call)[Symbol.asyncIterator]();
    assert.equal(((await stream.next()).value as CountResponse).number, 1);
    const next = stream.next();
    call.cancel();
    await rejectsWith(answer, "CALL_CANCELLED");
    await rejectsWith(next as Promise<unknown>, "CALL_CANCELLED");
    await eventually(() => seen.length === 3, "both handlers to be told");
    await rejectsWith(collect(client.count({}, { timeoutMs: 50 })), "DEADLINE_EXCEEDED");
    await eventually(() => seen.length === 4, "the handler of the late stream to be told");
  });

  test(`${kind}: breaking out of a stream frees the handler and leaves the client usable`, async () => {
    let left = 0;
    const endless = createGreeter({
      async *count() {
        try {
          for (let number = 1; ; number++) yield { number, text: "x".repeat(1000) };
        } finally {
          left++;
        }
      },
    });
    await using greeter = await startGreeter(endless);
    await using client = clientOf(kind, greeter.url);
    for (let round = 1; round <= 3; round++) {
      for await (const { number } of client.count({})) if (number === 10) break;
      await eventually(() => left === round, "the handler to be left");
    }
    assert.equal((await client.hello({ name: "still" })).greeting, "hello still");
  });

  test(`${kind}: a slow reader holds up the handler over the socket`, async () => {
    let made = 0;
    const busy = createGreeter({
      async *count() {
        for (let number = 1; ; number++) {
          made = number;
          yield { number, text: "x".repeat(100_000) };
        }
      },
    });
    await using greeter = await startGreeter(busy);
    await using client = clientOf(kind, greeter.url);
    const iterator = client.count({})[Symbol.asyncIterator]();
    await iterator.next();
    // Sockets and streams buffer some megabytes; without back-pressure the handler would never stop.
    await quiet(() => made);
    assert.ok(made < 400, `the handler made ${made} messages of 100 kB for a reader of one`);
    for (let count = 0; count < 400; count++) await iterator.next();
    assert.ok(made >= 400);
    await iterator.return?.();
  });

  test(`${kind}: everything settles when the server is killed in the middle`, async () => {
    let begun = 0;
    const hanging = createGreeter({
      hello: () => {
        begun++;
        return new Promise(() => undefined);
      },
      async *count() {
        begun++;
        for (let number = 1; number <= 3; number++) yield { number, text: "" };
        await new Promise(() => undefined);
      },
    });
    const greeter = await startGreeter(hanging);
    await using client = clientOf(kind, greeter.url);
    const numbers: number[] = [];
    const reading = (async () => {
      for await (const { number } of client.count({})) numbers.push(number);
    })();
    const settled = [isUnavailable(reading), isUnavailable(client.hello({}))];
    await eventually(() => begun === 2 && numbers.length === 3, "both calls to be under way");
    await greeter[Symbol.asyncDispose]();
    await Promise.all(settled);
    assert.deepEqual(numbers, [1, 2, 3]);
    await isUnavailable(client.hello({}));
  });

  test(`${kind}: answers that are not Connect become the Faults of the specification`, async () => {
    const table: [answer: Buffer, expected: string][] = [
      [httpAnswer("404 Not Found", "text/html", "<h1>no</h1>"), "UNIMPLEMENTED PEER_HTTP_STATUS"],
      [httpAnswer("503 Busy", "text/plain", "busy"), "UNAVAILABLE PEER_HTTP_STATUS"],
      [httpAnswer("500 Oops", "application/json", '{"error":"x"}'), "UNKNOWN PEER_HTTP_STATUS"],
      [httpAnswer("401 No", "application/json", "not json"), "UNAUTHENTICATED PEER_HTTP_STATUS"],
      [httpAnswer("400 Bad", "application/json", '{"code":"aborted","message":"m"}'), "ABORTED PEER_FAULT"],
      [httpAnswer("204 Nothing", "application/json", ""), "UNKNOWN PEER_HTTP_STATUS"],
      [httpAnswer("200 OK", "text/html", "<h1>login</h1>"), "UNKNOWN PEER_ANSWER_FOREIGN"],
    ];
    const unary: typeof table = [
      [httpAnswer("200 OK", "application/json", "{"), "INTERNAL PEER_ANSWER_INVALID"],
      [httpAnswer("200 OK", "application/json", '{"greeting":1}'), "INTERNAL PEER_ANSWER_INVALID"],
      [httpAnswer("200 OK", "application/json", Uint8Array.of(0x22, 0xff, 0x22)), "INTERNAL PEER_ANSWER_INVALID"],
    ];
    const envelope = (flags: number, text: string): Buffer =>
      httpAnswer("200 OK", "application/connect+json", bytesFromEnvelope(flags, Buffer.from(text)));
    const stream: typeof table = [
      [envelope(2, "{"), "INTERNAL PEER_ANSWER_INVALID"],
      [envelope(2, "[]"), "INTERNAL PEER_ANSWER_INVALID"],
      [envelope(2, '{"error":{"code":"aborted"}}'), "ABORTED PEER_FAULT"],
      [envelope(2, '{"error":{}}'), "UNKNOWN PEER_FAULT"],
      [envelope(1, "{}"), "INTERNAL PEER_ANSWER_INVALID"],
      [envelope(0, '{"number":"x"}'), "INTERNAL PEER_ANSWER_INVALID"],
      [envelope(0, "{}"), "INTERNAL STREAM_TRUNCATED"],
      [httpAnswer("200 OK", "application/connect+json", ""), "INTERNAL STREAM_TRUNCATED"],
      [httpAnswer("200 OK", "application/connect+json", "\0\0\0"), "INTERNAL STREAM_TRUNCATED"],
    ];
    const check = async (rows: typeof table, ask: (client: GreeterClient) => Promise<unknown>): Promise<void> => {
      for (const [answer, expected] of rows) {
        await using liar = await startLiar(answer, "end");
        await using client = clientOf(kind, liar.url);
        await assert.rejects(ask(client), (thrown) => {
          assert.ok(isFault(thrown));
          assert.equal(`${thrown.code} ${thrown.reason}`, expected, `${answer.toString()} ${thrown.message}`);
          return true;
        });
      }
    };
    await check([...table, ...unary], (client) => client.hello({}));
    await check([...table, ...stream], (client) => collect(client.count({})));
  });

  test(`${kind}: a stream that breaks off is a Fault wherever it breaks, never a silent end`, async () => {
    const head = "HTTP/1.1 200 OK\r\ncontent-type: application/connect+json\r\ntransfer-encoding: chunked\r\n\r\n";
    const message = bytesFromEnvelope(0, Buffer.from("{}"));
    const chunk = Buffer.concat([Buffer.from(`${message.length.toString(16)}\r\n`), message, Buffer.from("\r\n")]);
    for (const cut of [0, 1, 5, chunk.length - 2, chunk.length]) {
      for (const then of ["end", "cut"] as const) {
        await using liar = await startLiar(Buffer.concat([Buffer.from(head), chunk.subarray(0, cut)]), then);
        await using client = clientOf(kind, liar.url);
        await isUnavailable(collect(client.count({})), `cut at ${cut}, ${then}`);
      }
    }
    await using whole = await startLiar(Buffer.concat([Buffer.from(head), chunk, Buffer.from("0\r\n\r\n")]), "end");
    await using client = clientOf(kind, whole.url);
    await rejectsWith(collect(client.count({})), "STREAM_TRUNCATED");
  });

  test(`${kind}: a unary answer that breaks off, never comes or is not HTTP is a Fault`, async () => {
    const table: [answer: string, then: "end" | "cut" | "keep", code: string][] = [
      ["HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{}", "end", "UNAVAILABLE"],
      ["HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{}", "cut", "UNAVAILABLE"],
      ["HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{}", "keep", "DEADLINE_EXCEEDED"],
      ["HTTP/1.1 2", "cut", "UNAVAILABLE"],
      ["", "keep", "DEADLINE_EXCEEDED"],
      ["\r\n", "end", "UNAVAILABLE"],
    ];
    for (const [answer, then, code] of table) {
      await using liar = await startLiar(answer, then);
      await using client = clientOf(kind, liar.url);
      await assert.rejects(client.hello({}, { timeoutMs: 200 }), (thrown) => {
        assert.ok(isFault(thrown));
        assert.equal(thrown.code, code, `${JSON.stringify(answer)} ${then}: ${thrown.message}`);
        return true;
      });
    }
  });

  test(`${kind}: nobody listening is UNAVAILABLE`, async () => {
    const greeter = await startGreeter();
    await greeter[Symbol.asyncDispose]();
    await using client = clientOf(kind, greeter.url);
    await isUnavailable(client.hello({}));
    await isUnavailable(collect(client.count({})));
  });
}

test("wire: requests stream too, both ways at once", async () => {
  await using greeter = await startGreeter();
  await using client = clientOf("wire", greeter.url);
  assert.deepEqual(await client.sum(numbersFrom(...Array.from({ length: 1000 }, (_, index) => index))), { total: 499_500 });
  let sent = 0;
  let received = 0;
  async function* inTurn(): AsyncGenerator<{ number: number }> {
    for (; sent < 20; sent++) {
      assert.equal(received, sent, "the answer to the number before has come");
      yield { number: 1 };
      await eventually(() => received > sent, "the answer to a number");
    }
  }
  for await (const { total } of client.echo(inTurn())) assert.equal(total, ++received);
  assert.equal(received, 20);
});

test("wire: a stream of requests that fails at the caller ends the call", async () => {
  await using greeter = await startGreeter();
  await using client = clientOf("wire", greeter.url);
  async function* failing(): AsyncGenerator<{ number: number }> {
    yield { number: 1 };
    throw new Error("planted");
  }
  await assert.rejects(client.sum(failing()), isFault);
  assert.equal((await client.hello({ name: "still" })).greeting, "hello still");
});

test("fetch: a method that streams requests is refused", async () => {
  await using client = clientOf("fetch", "http://127.0.0.1:1");
  await rejectsWith(client.sum(numbersFrom(1)), "STREAM_UNSUPPORTED");
});

test("a url that is not http://host:port is refused at once", () => {
  for (const url of ["", "127.0.0.1:80", "https://127.0.0.1/path", "http://127.0.0.1/path", "ftp://x"]) {
    assert.throws(
      () => createWireTransport({ url }),
      (thrown) => isFault(thrown) && thrown.message.includes("http://host:port"),
      url,
    );
  }
});

test("a stream that never waits leaves room for other calls", async (t) => {
  const busy = createGreeter({
    async *count() {
      for (let number = 1; ; number++) yield { number, text: "" };
    },
  });
  await using greeter = await startGreeter(busy);
  // Read by another process, so that the server's turn never ends by itself.
  const reader = spawn("curl", ["-sS", "--max-time", "10", "-o", "/dev/null", `${greeter.url}/v1/count/0`]);
  t.after(() => reader.kill());
  await using client = clientOf("wire", greeter.url);
  await eventually(() => greeter.server.counters.requestsInFlight > 0, "the stream to begin");
  for (let count = 0; count < 20; count++) {
    const startMs = performance.now();
    await client.hello({});
    assert.ok(performance.now() - startMs < 500);
  }
});
