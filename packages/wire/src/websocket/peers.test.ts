// Foreign implementations at the other end: `ws` as client and server, and the WebSocket of Node.
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { WebSocket as ForeignSocket, WebSocketServer as ForeignServer, type ServerOptions } from "ws";
import { createClient } from "../client.ts";
import { createServer } from "../server.ts";
import { connectWebSocket, createWebSocketConnector } from "./client.ts";
import { echoServer } from "./fixtures/echo-server.ts";
import { bytesOf, framesIn } from "./fixtures/frames.ts";
import { randomFrom, saidIn } from "./fixtures/memory-peer.ts";
import type { WebSocketSession } from "./session.ts";

const random = randomFrom(7);
const messages: (string | Buffer)[] = [
  "",
  "Hello",
  "κόσμε ".repeat(40),
  "x".repeat(126),
  "é".repeat(70_000),
  Buffer.alloc(0),
  Buffer.from(Array.from({ length: 300_000 }, () => Math.floor(random() * 256))),
  "y".repeat(1_000_000),
];
const deflates = [false, true, { thresholdBytes: 0, contextTakeover: true }] as const;

function same(found: unknown, sent: string | Buffer): void {
  if (typeof sent === "string") assert.equal(typeof found === "string" ? found : String(found), sent);
  else assert.equal(Buffer.compare(Buffer.from(found as Uint8Array), sent), 0);
}

for (const deflate of deflates) {
  for (const path of ["/", "/pull"]) {
    test(`ws as client gets back what it sent (deflate ${JSON.stringify(deflate)}, ${path})`, { timeout: 20_000 }, async (t) => {
      const { url, sockets } = await echoServer(t, { deflate, protocols: ["two", "one"] });
      const client = new ForeignSocket(url + path, ["one", "two"]);
      await once(client, "open");
      assert.equal(client.protocol, "two");
      assert.equal(client.extensions.includes("permessage-deflate"), deflate !== false);
      for (const message of messages) {
        client.send(message);
        const [data, isBinary] = await once(client, "message");
        assert.equal(isBinary, typeof message !== "string");
        same(data, message);
      }
      client.ping("are you there");
      const [payload] = await once(client, "pong");
      assert.equal(String(payload), "are you there");
      client.close(4123, "done");
      const [code] = await once(client, "close");
      assert.equal(code, 4123);
      assert.deepEqual(sockets.counters.refusals, {});
    });
  }
  test(`ws as server gives back what we sent (deflate ${JSON.stringify(deflate)})`, { timeout: 20_000 }, async (t) => {
    const url = await foreignEcho(t, { perMessageDeflate: deflate === false ? false : { threshold: 0 } });
    const session = await connectWebSocket(url, { deflate, protocols: ["chat"] });
    assert.equal(session.protocol, "chat");
    const iterator = session.messages[Symbol.asyncIterator]();
    for (const message of messages) {
      await session.send(message);
      same((await iterator.next()).value, message);
    }
    const { code, clean, error } = await session.close(1000, "done");
    assert.deepEqual([code, clean, error], [1000, true, undefined]);
    assert.equal((await iterator.next()).done, true);
  });
}

async function foreignEcho(t: TestContext, options: ServerOptions = {}): Promise<string> {
  const server = new ForeignServer({ port: 0, host: "127.0.0.1", ...options });
  server.on("connection", (socket) => socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })));
  await once(server, "listening");
  t.after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test("Node's WebSocket gets back what it sent", { timeout: 20_000 }, async (t) => {
  const { url } = await echoServer(t, { deflate: true });
  const socket = new WebSocket(url, "chat");
  const opened = new WebSocket(url);
  await new Promise((resolve) => opened.addEventListener("open", resolve));
  for (const message of messages) {
    const came = new Promise<MessageEvent>((resolve) => opened.addEventListener("message", resolve, { once: true }));
    opened.binaryType = "arraybuffer";
    opened.send(message as string);
    const { data } = await came;
    same(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer), message);
  }
  const closed = new Promise<CloseEvent>((resolve) => opened.addEventListener("close", resolve));
  opened.close(3001, "done");
  const { code, wasClean } = await closed;
  assert.deepEqual([code, wasClean], [3001, true]);
  socket.close();
});

test("frames that come in the packet of the handshake are not lost", { timeout: 5000 }, async (t) => {
  const { port } = await echoServer(t);
  const socket = net.connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  const head = `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
  socket.write(
    Buffer.concat([Buffer.from(head), bytesOf({ opcode: 1, payload: "one" }, true), bytesOf({ opcode: 1, payload: "two" }, true)]),
  );
  let bytes = Buffer.alloc(0);
  const until = async (found: (rest: Buffer) => boolean): Promise<Buffer> => {
    for (;;) {
      const rest = bytes.subarray(bytes.indexOf("\r\n\r\n") + 4);
      if (found(rest)) return rest;
      const [chunk] = await once(socket, "data");
      bytes = Buffer.concat([bytes, chunk as Buffer]);
    }
  };
  await until((rest) => rest.length >= 10);
  socket.write(bytesOf({ opcode: 1, payload: "three" }, true));
  const rest = await until((now) => now.length >= 17);
  assert.match(bytes.toString("latin1"), /^HTTP\/1\.1 101 [^]*sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
  assert.deepEqual(saidIn(framesIn(rest)), ["text one", "text two", "text three"]);
});

const refusals: [string, Record<string, string>, number, string][] = [
  ["another version", { "Sec-WebSocket-Version": "8" }, 426, "WEBSOCKET_VERSION_UNSUPPORTED"],
  ["no key", { "Sec-WebSocket-Key": "" }, 400, "WEBSOCKET_REQUEST_INVALID"],
  ["a short key", { "Sec-WebSocket-Key": "AAAA" }, 400, "WEBSOCKET_REQUEST_INVALID"],
  ["malformed extensions", { "Sec-WebSocket-Extensions": 'a; b="' }, 400, "WEBSOCKET_REQUEST_INVALID"],
  ["a subprotocol twice", { "Sec-WebSocket-Protocol": "a, a" }, 400, "WEBSOCKET_REQUEST_INVALID"],
  ["a page of another origin", { Origin: "http://elsewhere.example" }, 403, "WEBSOCKET_ORIGIN_REFUSED"],
  ["a sandboxed page", { Origin: "null" }, 403, "WEBSOCKET_ORIGIN_REFUSED"],
];
for (const [what, headers, status, reason] of refusals) {
  test(`a handshake with ${what} is answered ${status}`, { timeout: 5000 }, async (t) => {
    const { port, sockets } = await echoServer(t);
    const client = createClient({ host: "127.0.0.1", port });
    t.after(() => client.close());
    const all = { "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", ...headers };
    const list = Object.entries(all).flatMap(([name, value]) => [name.toLowerCase(), value]);
    const response = await client.request({ method: "GET", target: "/", upgrade: "websocket", headers: list });
    assert.equal(response.status, status);
    assert.ok(response.body instanceof Uint8Array && Buffer.from(response.body).includes(reason));
    assert.equal(sockets.counters.refusals[reason], 1);
    if (status === 426) assert.ok(response.headers.includes("sec-websocket-version"));
  });
}

test("origins may be listed, and judged by a function", { timeout: 5000 }, async (t) => {
  const listed = await echoServer(t, { origins: ["https://a.example"] });
  const judged = await echoServer(t, { origins: (origin) => origin.endsWith(".example") });
  for (const { url } of [listed, judged]) {
    const session = await connectWebSocket(url, { headers: ["origin", "https://a.example"] });
    await session.close();
    await assert.rejects(connectWebSocket(url, { headers: ["origin", "https://a.test"] }), { reason: "WEBSOCKET_REFUSED" });
  }
  const own = await echoServer(t);
  const session = await connectWebSocket(own.url, { headers: ["origin", `http://127.0.0.1:${own.port}`] });
  await session.close();
});

const answers: [string, readonly string[]][] = [
  ["a wrong Sec-WebSocket-Accept", ["sec-websocket-accept", "AAAA"]],
  ["none", []],
  ["a subprotocol nobody offered", ["sec-websocket-protocol", "x"]],
  ["an extension nobody offered", ["sec-websocket-extensions", "permessage-deflate"]],
];
for (const [what, headers] of answers) {
  test(`a client refuses an answer with ${what}`, { timeout: 5000 }, async (t) => {
    const { createHash } = await import("node:crypto");
    const server = createServer(async (request) => {
      const key = request.headers[request.headers.indexOf("sec-websocket-key") + 1] ?? "";
      const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      const right = headers.length === 0 || headers[0] === "sec-websocket-accept" ? [] : ["sec-websocket-accept", accept];
      return { status: 101, headers: [...right, ...headers], takeOver: () => undefined };
    });
    t.after(() => server.close());
    const { port } = await server.listen({ port: 0 });
    await assert.rejects(connectWebSocket(`ws://127.0.0.1:${port}`), { reason: "WEBSOCKET_ANSWER_INVALID" });
  });
}

test("a client that cannot connect, or is answered otherwise, says so", { timeout: 5000 }, async (t) => {
  const { port } = await echoServer(t);
  const server = createServer(async () => ({ status: 200, headers: [], body: Buffer.from("no") }));
  t.after(() => server.close());
  const other = await server.listen({ port: 0 });
  await assert.rejects(connectWebSocket(`ws://127.0.0.1:${other.port}`), { reason: "WEBSOCKET_REFUSED" });
  await assert.rejects(connectWebSocket("ws://127.0.0.1:1"), { reason: "CONNECT_FAILED" });
  await assert.rejects(connectWebSocket(`http://127.0.0.1:${port}`), { reason: "REQUEST_INVALID" });
  await assert.rejects(connectWebSocket(`wss://127.0.0.1:${port}`), { reason: "TLS_HANDSHAKE_FAILED" });
  await assert.rejects(connectWebSocket(`ws://127.0.0.1:${port}`, { signal: AbortSignal.abort() }), { reason: "REQUEST_CANCELLED" });
});

test("many sessions share a client's pool and one set of options", { timeout: 10_000 }, async (t) => {
  const { port, sockets } = await echoServer(t);
  const client = createClient({ host: "127.0.0.1", port });
  t.after(() => client.close());
  const connect = createWebSocketConnector({ client });
  const sessions: WebSocketSession[] = await Promise.all(Array.from({ length: 50 }, () => connect(`ws://feed.example:${port}/pull`)));
  assert.deepEqual([client.state.open, sockets.counters.sessionsOpen], [50, 50]);
  const drained = sockets.drain(2000);
  const closes = await Promise.all(sessions.map((session) => session.whenClosed));
  await drained;
  assert.ok(closes.every(({ code, clean }) => code === 1001 && clean));
  assert.equal(sockets.counters.sessionsOpen, 0);
  await assert.rejects(connect(`ws://feed.example:${port}/`), { reason: "WEBSOCKET_REFUSED" });
});
