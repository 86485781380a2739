import assert from "node:assert/strict";
import type net from "node:net";
import { test } from "node:test";
import type { BodyStream } from "./http.ts";
import { readBody } from "./read-body.ts";
import type { wireReasons } from "./reasons.ts";
import { answerHeads } from "./testing/origin.ts";
import { failure, pair, textOf } from "./testing/pair.ts";
import { until } from "./testing/turns.ts";

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const get = { method: "GET", target: "/", headers: [] };

interface Broken {
  readonly reason: keyof typeof wireReasons;
  readonly answered: boolean;
  readonly serve: (socket: net.Socket) => void;
}

const afterHead = (socket: net.Socket, action: () => void): void => void socket.once("data", action);

const broken: Readonly<Record<string, Broken>> = {
  "ends before the head": { reason: "CONNECTION_RESET", answered: false, serve: (socket) => afterHead(socket, () => socket.end()) },
  "resets before the head": {
    reason: "CONNECTION_RESET",
    answered: false,
    serve: (socket) => afterHead(socket, () => socket.resetAndDestroy()),
  },
  "ends in the middle of the head": {
    reason: "CONNECTION_RESET",
    answered: true,
    serve: (socket) => afterHead(socket, () => socket.end("HTTP/1.1 200 OK\r\nX: ")),
  },
  "ends in the middle of a whole body": {
    reason: "UPSTREAM_BODY_TRUNCATED",
    answered: true,
    serve: (socket) => afterHead(socket, () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc")),
  },
};

for (const [name, { reason, answered, serve }] of Object.entries(broken)) {
  test(`client rejects with ${reason} when the origin ${name}`, async (t) => {
    const { client } = await pair(t, serve);
    const error = await failure(client.request(get));
    assert.equal(error.reason, reason);
    assert.deepEqual([error.sent, error.answered], [true, answered]);
    await until(() => client.state.open === 0);
  });
}

for (const [name, answer] of Object.entries({
  "with a length": `HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n${"a".repeat(70_000)}`,
  "in chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
  "in the middle of a chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
})) {
  test(`client fails a streamed body ${name} that is cut short`, async (t) => {
    const { client } = await pair(t, (socket) => afterHead(socket, () => socket.end(answer)));
    const response = await client.request(get);
    assert.equal(response.status, 200);
    const error = await failure(readBody(response.body, 1_000_000));
    assert.equal(error.reason, "UPSTREAM_BODY_TRUNCATED");
    assert.deepEqual([error.sent, error.answered], [true, true]);
  });
}

test("client reads a body up to the end of the connection when nothing else tells its end", async (t) => {
  const { client } = await pair(t, (socket) =>
    afterHead(socket, () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\nhel");
      setImmediate(() => socket.end("lo"));
    }),
  );
  assert.equal(await textOf(await client.request(get)), "hello");
  await until(() => client.state.open === 0);
});

test("client fails such a body when the connection is reset", async (t) => {
  const { client } = await pair(t, (socket) =>
    afterHead(socket, () => socket.write("HTTP/1.1 200 OK\r\n\r\nhel", () => setTimeout(() => socket.resetAndDestroy(), 20))),
  );
  const response = await client.request(get);
  const error = await failure(readBody(response.body, 100));
  assert.equal(error.reason, "UPSTREAM_BODY_TRUNCATED");
});

const invalid: Readonly<Record<string, readonly [string, keyof typeof wireReasons]>> = {
  "another protocol": ["SSH-2.0-x\r\n\r\n", "UPSTREAM_HEAD_INVALID"],
  "a bare LF": ["HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", "UPSTREAM_HEAD_INVALID"],
  "a status of two digits": ["HTTP/1.1 20 OK\r\n\r\n", "UPSTREAM_HEAD_INVALID"],
  "a version 2.0": ["HTTP/2.0 200 OK\r\n\r\n", "UPSTREAM_HEAD_INVALID"],
  "a folded header": ["HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "UPSTREAM_HEAD_INVALID"],
  "white space before a colon": ["HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", "UPSTREAM_HEAD_INVALID"],
  "NUL in a value": ["HTTP/1.1 200 OK\r\nX: \0\r\n\r\n", "UPSTREAM_HEAD_INVALID"],
  "two lengths": ["HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", "UPSTREAM_FRAMING_INVALID"],
  "a list of lengths": ["HTTP/1.1 200 OK\r\nContent-Length: 0, 0\r\n\r\n", "UPSTREAM_FRAMING_INVALID"],
  "a length and chunks": [
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "UPSTREAM_FRAMING_INVALID",
  ],
  "an unknown coding": ["HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "UPSTREAM_FRAMING_INVALID"],
  "chunks on HTTP/1.0": ["HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "UPSTREAM_FRAMING_INVALID"],
  "a bad chunk": ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "UPSTREAM_BODY_INVALID"],
  "a head beyond its bound": [`HTTP/1.1 200 OK\r\nX: ${"a".repeat(20_000)}`, "UPSTREAM_HEAD_TOO_LARGE"],
  "too many headers": [`HTTP/1.1 200 OK\r\n${"X: 1\r\n".repeat(101)}\r\n`, "UPSTREAM_HEAD_TOO_LARGE"],
  "101 that nobody asked for": ["HTTP/1.1 101 Switching Protocols\r\n\r\n", "UPSTREAM_HEAD_INVALID"],
  "101 to a protocol of its own choice": [
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n",
    "UPSTREAM_HEAD_INVALID",
  ],
  "interim answers without end": ["HTTP/1.1 103 Early Hints\r\n\r\n".repeat(20), "UPSTREAM_HEAD_INVALID"],
};

for (const [name, [answer, reason]] of Object.entries(invalid)) {
  test(`client rejects with ${reason} when the origin answers ${name}`, async (t) => {
    const { client } = await pair(t, (socket) => afterHead(socket, () => socket.write(answer, "latin1")));
    const error = await failure(client.request(get));
    assert.equal(error.reason, reason);
    assert.equal(error.status, 502);
    assert.deepEqual([error.sent, error.answered], [true, true]);
    await until(() => client.state.open === 0);
  });
}

test("client gives up a connection on which bytes come unasked, so that they answer nothing", async (t) => {
  const { client, origin } = await pair(t, (socket, index) => answerHeads(socket, () => (index === 0 ? ok + ok : ok)));
  assert.equal(await textOf(await client.request(get)), "ok");
  await until(() => client.state.open === 0);
  assert.equal(await textOf(await client.request(get)), "ok");
  assert.equal(origin.sockets.length, 2);
});

test("client skips interim answers and takes HEAD, 204 and 304 without bodies", async (t) => {
  const answers = [
    "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
    "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n",
    ok,
  ];
  const { client, origin } = await pair(t, (socket) => answerHeads(socket, (count) => answers[count]));
  const head = await client.request({ ...get, method: "HEAD" });
  assert.deepEqual([head.status, head.body, head.lengthOfGet], [200, undefined, 7]);
  assert.deepEqual([(await client.request(get)).status, client.state.idle], [204, 1]);
  const unmodified = await client.request(get);
  assert.deepEqual([unmodified.status, unmodified.body, unmodified.lengthOfGet], [304, undefined, 9]);
  assert.equal((await client.request({ ...get, method: "HEAD" })).lengthOfGet, undefined);
  assert.equal(await textOf(await client.request(get)), "ok");
  assert.equal(origin.sockets.length, 1);
});

test("client hands over trailers", async (t) => {
  const { client } = await pair(t, (socket) =>
    answerHeads(socket, () => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"),
  );
  const response = await client.request(get);
  assert.equal(await textOf(response), "ok");
  assert.deepEqual((response.body as BodyStream).trailers?.(), ["x-sum", "1"]);
});
