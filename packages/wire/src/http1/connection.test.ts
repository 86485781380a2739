import assert from "node:assert/strict";
import { test } from "node:test";
import type { BodyStream, ByteDuplex, HttpHandler, HttpRequest, HttpResponse } from "../http.ts";
import type { WireError } from "../reasons.ts";
import { readBody } from "../read-body.ts";
import { bytesOf, conversation } from "../testing/conversation.ts";
import { openBody } from "../testing/open-body.ts";
import { turn, until } from "../testing/turns.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

function answering(text: string): HttpHandler {
  return async () => ({ status: 200, headers: ["date", "now"], body: Buffer.from(text) });
}

test("connection answers pipelined requests in order and in one write", async () => {
  const finish: ((text: string) => void)[] = [];
  const handler: HttpHandler = (request) =>
    new Promise((resolve) => {
      finish.push((text) => resolve({ status: 200, headers: ["date", request.target], body: Buffer.from(text) }));
    });
  const { connection, output } = conversation(handler);
  connection.receive(bytesOf("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n"));
  finish[2]?.("three");
  finish[1]?.("two");
  await turn();
  assert.equal(output.text(), "", "the first answer is not there yet");
  finish[0]?.("one");
  await turn();
  assert.equal(output.writes.length, 1);
  assert.deepEqual(
    [...output.text().matchAll(/date: \/(\d)[^]*?\r\n\r\n(one|two|three)/g)].map((match) => match[1] + (match[2] as string)),
    ["1one", "2two", "3three"],
  );
});

test("connection works on no more than pipelineDepthMax requests at once, and reads on afterwards", async () => {
  const finish: (() => void)[] = [];
  const handler: HttpHandler = () => new Promise((resolve) => void finish.push(() => resolve({ status: 204, headers: [] })));
  const { connection, output } = conversation(handler, { limits: { pipelineDepthMax: 2 } });
  connection.receive(bytesOf(get.repeat(5)));
  assert.equal(finish.length, 2);
  assert.equal(output.paused, true, "bytes that cannot be worked on stop the reading");
  finish[0]?.();
  await turn();
  assert.equal(finish.length, 3);
  for (let at = 1; at < 5; at += 1) {
    finish[at]?.();
    await turn();
  }
  assert.equal(output.text().match(/204 No Content/g)?.length, 5);
  assert.equal(output.paused, false);
});

test("connection writes head and small body in one write", async () => {
  const { connection, output } = conversation(answering("hello"));
  connection.receive(bytesOf(get));
  await turn();
  assert.deepEqual(output.writes.map(String), ["HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 5\r\n\r\nhello"]);
});

test("connection adds a Date of the clock it was given", async () => {
  const clock = { nowMs: () => Date.UTC(2001, 1, 3, 4, 5, 6), monotonicMs: () => 0, after: () => () => undefined };
  const { connection, output } = conversation(async () => ({ status: 204, headers: [] }), { clock });
  connection.receive(bytesOf(get));
  await turn();
  assert.equal(output.text(), "HTTP/1.1 204 No Content\r\ndate: Sat, 03 Feb 2001 04:05:06 GMT\r\n\r\n");
});

const bodyless: readonly { name: string; method: string; response: HttpResponse; lines: string }[] = [
  {
    name: "HEAD of a whole body",
    method: "HEAD",
    response: { status: 200, headers: [], body: Buffer.from("abc") },
    lines: "content-length: 3\r\n",
  },
  {
    name: "HEAD with the length of GET",
    method: "HEAD",
    response: { status: 200, headers: [], lengthOfGet: 7 },
    lines: "content-length: 7\r\n",
  },
  { name: "HEAD that knows no length", method: "HEAD", response: { status: 200, headers: [] }, lines: "" },
  {
    name: "304 with the length of GET",
    method: "GET",
    response: { status: 304, headers: [], lengthOfGet: 7 },
    lines: "content-length: 7\r\n",
  },
  { name: "304 with a body", method: "GET", response: { status: 304, headers: [], body: Buffer.from("abc") }, lines: "" },
  { name: "204 with a body", method: "GET", response: { status: 204, headers: [], body: Buffer.from("abc") }, lines: "" },
  { name: "200 without a body", method: "GET", response: { status: 200, headers: [] }, lines: "content-length: 0\r\n" },
  {
    name: "201 with an empty body",
    method: "GET",
    response: { status: 201, headers: [], body: new Uint8Array(0) },
    lines: "content-length: 0\r\n",
  },
];

for (const { name, method, response, lines } of bodyless) {
  test(`connection writes the head only for ${name}`, async () => {
    const { connection, output } = conversation(async () => response);
    connection.receive(bytesOf(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`));
    await turn();
    assert.match(
      output.text().replace(/date: [^\r]*\r\n/, ""),
      new RegExp(`^HTTP/1\\.1 ${response.status} [A-Za-z ]+\\r\\n${lines}\\r\\n$`),
    );
    assert.equal(output.ended, false);
  });
}

test("connection leaves a streamed body that HEAD does not want", async () => {
  const body = openBody();
  const { connection, output } = conversation(async () => ({ status: 200, headers: ["date", "now"], body: body.stream }));
  connection.receive(bytesOf("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"));
  await turn();
  assert.equal(output.text(), "HTTP/1.1 200 OK\r\ndate: now\r\n\r\n");
  assert.equal(body.left(), true);
});

test("connection writes a stream as chunks with trailers, head first", async () => {
  const body = openBody();
  const stream: BodyStream = { ...body.stream, trailers: () => ["x-sum", "12"] };
  const { connection, output } = conversation(async () => ({ status: 200, headers: ["date", "now"], body: stream }));
  connection.receive(bytesOf(get));
  await turn();
  assert.equal(output.text(), "HTTP/1.1 200 OK\r\ndate: now\r\ntransfer-encoding: chunked\r\n\r\n", "the head does not wait for the body");
  body.push("hello");
  await turn();
  body.push("0123456789abcdef");
  body.end();
  await turn();
  assert.equal(output.text().split("\r\n\r\n").slice(1).join("\r\n\r\n"), "5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nx-sum: 12\r\n\r\n");
  assert.equal(output.ended, false);
});

test("connection writes a stream to HTTP/1.0 without chunks and closes", async () => {
  const { connection, output } = conversation(async () => ({
    status: 200,
    headers: ["date", "now"],
    body: (async function* () {
      yield bytesOf("hello");
    })(),
  }));
  connection.receive(bytesOf("GET / HTTP/1.0\r\n\r\n"));
  await until(() => output.ended);
  assert.equal(output.text(), "HTTP/1.1 200 OK\r\ndate: now\r\nconnection: close\r\n\r\nhello");
});

for (const [name, length, chunks] of [
  ["longer", 3, ["abcd"]],
  ["shorter", 3, ["a", "b"]],
] as const) {
  test(`connection is cut when a stream is ${name} than it said`, async () => {
    const failures: WireError[] = [];
    const stream = Object.assign(
      (async function* () {
        for (const chunk of chunks) yield bytesOf(chunk);
      })(),
      { length },
    );
    const { connection, output } = conversation(async () => ({ status: 200, headers: [], body: stream }), {
      onFailure: (error) => failures.push(error),
    });
    connection.receive(bytesOf(get));
    await until(() => output.destroyed);
    assert.deepEqual(
      failures.map((error) => error.reason),
      ["RESPONSE_INVALID"],
    );
    assert.match(output.text(), /content-length: 3/);
  });
}

test("connection is cut when a stream fails, so that nobody takes the answer for whole", async () => {
  const { connection, output } = conversation(async () => ({
    status: 200,
    headers: [],
    body: (async function* () {
      yield bytesOf("hel");
      throw new Error("broken");
    })(),
  }));
  connection.receive(bytesOf(get));
  await until(() => output.destroyed);
  assert.doesNotMatch(output.text(), /0\r\n\r\n$/);
});

const injections: readonly (readonly [string, HttpResponse])[] = [
  ["CR LF in a value", { status: 200, headers: ["x", "a\r\nset-cookie: b"] }],
  ["LF in a value", { status: 200, headers: ["x", "a\nb"] }],
  ["CR in a value", { status: 200, headers: ["x", "a\rb"] }],
  ["NUL in a value", { status: 200, headers: ["x", "a\0b"] }],
  ["characters that become CR LF when cut to a byte", { status: 200, headers: ["x", "a\u010d\u010ab"] }],
  ["CR LF in a name", { status: 200, headers: ["x\r\ny", "a"] }],
  ["space in a name", { status: 200, headers: ["x y", "a"] }],
  ["colon in a name", { status: 200, headers: ["x:", "a"] }],
  ["empty name", { status: 200, headers: ["", "a"] }],
  ["upper case in a name", { status: 200, headers: ["Content-Length", "5"] }],
  ["content-length", { status: 200, headers: ["content-length", "5"] }],
  ["transfer-encoding", { status: 200, headers: ["transfer-encoding", "chunked"] }],
  ["connection", { status: 200, headers: ["connection", "close"] }],
  ["a value that is no string", { status: 200, headers: ["x", 5 as unknown as string] }],
  ["a name without a value", { status: 200, headers: ["x"] }],
  ["status 99", { status: 99, headers: [] }],
  ["status 1000", { status: 1000, headers: [] }],
  ["status 200.5", { status: 200.5, headers: [] }],
  ["status 100", { status: 100, headers: [] }],
  ["status 101 without an upgrade", { status: 101, headers: [], takeOver: () => undefined }],
];

for (const [name, response] of injections) {
  test(`connection answers a bare 500 when a handler gives ${name}`, async () => {
    const failures: WireError[] = [];
    const { connection, output } = conversation(async () => ({ ...response, body: Buffer.from("secret") }), {
      onFailure: (error) => failures.push(error),
    });
    connection.receive(bytesOf(get));
    await turn();
    assert.equal(output.text().replace(/date: [^\r]*\r\n/, ""), "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n");
    assert.equal(failures.length, 1);
    assert.equal(failures[0]?.code, "INTERNAL");
  });
}

for (const [name, handler] of [
  ["rejects", () => Promise.reject(new Error("secret"))],
  [
    "throws",
    () => {
      throw new Error("secret");
    },
  ],
] as readonly (readonly [string, HttpHandler])[]) {
  test(`connection answers a bare 500 when a handler ${name}`, async () => {
    const failures: WireError[] = [];
    const { connection, output } = conversation(handler, { onFailure: (error) => failures.push(error) });
    connection.receive(bytesOf(get + get));
    await turn();
    assert.equal(output.text().match(/500 Internal Server Error\r\n/g)?.length, 2);
    assert.doesNotMatch(output.text(), /secret/);
    assert.deepEqual(
      failures.map((error) => [error.reason, (error.cause as Error).message]),
      [
        ["HANDLER_FAILED", "secret"],
        ["HANDLER_FAILED", "secret"],
      ],
    );
  });
}

test("connection hands itself over after 101 with the bytes that were there already", async () => {
  const got: string[] = [];
  let duplex: ByteDuplex | undefined;
  const handler: HttpHandler = async (request) => ({
    status: 101,
    headers: ["x-for", request.upgrade as string],
    takeOver: (given) => {
      duplex = given;
      void (async () => {
        for await (const bytes of given) got.push(Buffer.from(bytes).toString());
        got.push("end");
      })();
    },
  });
  const { connection, output } = conversation(handler);
  connection.receive(bytesOf("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: Echo\r\n\r\nfirst"));
  await turn();
  assert.equal(output.text(), "HTTP/1.1 101 Switching Protocols\r\nx-for: echo\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n");
  connection.receive(bytesOf("second"));
  await duplex?.write(bytesOf("third"));
  connection.end();
  await turn();
  assert.deepEqual(got, ["first", "second", "end"]);
  assert.match(output.text(), /third$/);
  duplex?.end();
  assert.equal(output.ended, true);
});

test("connection tells the handler when the client goes away", async () => {
  let cancelled = 0;
  const body = openBody();
  const { connection, output } = conversation(async (_request, exchange) => {
    exchange.onCancel(() => {
      cancelled += 1;
    });
    return { status: 200, headers: [], body: body.stream };
  });
  connection.receive(bytesOf(get));
  await turn();
  connection.closed();
  await turn();
  assert.equal(cancelled, 1);
  assert.equal(body.left(), true);
  assert.equal(output.text().endsWith("0\r\n\r\n"), false);
});

test("connection fails a body whose client went away", async () => {
  let reason = "";
  const handler: HttpHandler = async (request: HttpRequest) => {
    try {
      await readBody(request.body, 1000);
    } catch (thrown) {
      reason = (thrown as WireError).reason;
    }
    return { status: 200, headers: [] };
  };
  const { connection } = conversation(handler, { limits: { inlineBytesMax: 1 } });
  connection.receive(bytesOf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nabc"));
  connection.closed();
  await turn();
  assert.equal(reason, "CLIENT_GONE");
});

test("connection answers what was asked before the client ended its side", async () => {
  let cancelled = false;
  const { connection, output } = conversation(async (_request, exchange) => {
    exchange.onCancel(() => {
      cancelled = true;
    });
    await turn();
    return { status: 200, headers: ["date", "now"], body: Buffer.from("x") };
  });
  connection.receive(bytesOf(get));
  connection.end();
  await until(() => output.ended);
  assert.equal(cancelled, true);
  assert.equal(output.text(), "HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 1\r\nconnection: close\r\n\r\nx");
});

test("connection closes after requestsPerConnectionMax requests", async () => {
  const { connection, output } = conversation(answering("x"), { limits: { requestsPerConnectionMax: 2 } });
  connection.receive(bytesOf(get.repeat(3)));
  await turn();
  assert.equal(output.text().match(/200 OK/g)?.length, 2);
  assert.equal(output.text().match(/connection: close/g)?.length, 1);
  assert.equal(output.ended, true);
});

test("connection that is shut answers what it has and then closes", async () => {
  const finish: (() => void)[] = [];
  const handler: HttpHandler = () => new Promise((resolve) => void finish.push(() => resolve({ status: 204, headers: ["date", "now"] })));
  const { connection, output } = conversation(handler);
  connection.receive(bytesOf(get + get));
  connection.shut();
  assert.equal(output.ended, false);
  for (const done of finish) done();
  await turn();
  assert.equal(
    output.text(),
    "HTTP/1.1 204 No Content\r\ndate: now\r\n\r\nHTTP/1.1 204 No Content\r\ndate: now\r\nconnection: close\r\n\r\n",
  );
  assert.equal(output.ended, true);
});

test("connection that is shut while idle closes at once", () => {
  const { connection, output } = conversation(answering("x"));
  connection.shut();
  assert.equal(output.ended, true);
});

test("a body cannot be read twice", async () => {
  let reason = "";
  const handler: HttpHandler = async (request) => {
    await readBody(request.body, 100);
    await readBody(request.body, 100).catch((thrown: WireError) => {
      reason = thrown.reason;
    });
    return { status: 204, headers: [] };
  };
  const { connection } = conversation(handler, { limits: { inlineBytesMax: 1 } });
  connection.receive(bytesOf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"));
  await turn();
  assert.equal(reason, "BODY_ALREADY_READ");
});
