import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import {
  createClient,
  createWebSocketServer,
  type ByteDuplex,
  type Client,
  type HttpHandler,
  type WebSocketServer,
  type WebSocketSession,
} from "@weir/wire";
import { WebSocket, WebSocketServer as WsServer } from "ws";
import { snapshotOf, startBackend, startHouse, type Backend, type House } from "./fixtures/house.ts";
import { until } from "./fixtures/until.ts";

/** A backend that echoes messages and answers other requests by its name. */
async function startEcho(id: string, version = "v1"): Promise<{ backend: Backend; sockets: WebSocketServer }> {
  const sockets = createWebSocketServer({ protocols: ["chat.v1"] });
  const handler: HttpHandler = async (request) => {
    if (request.target === "/forbidden") return { status: 403, headers: ["x-why", "closed shop"], body: Buffer.from("no entry") };
    if (request.upgrade !== "websocket") return { status: 200, headers: [], body: Buffer.from(id) };
    return sockets.accept(request, (session) => void echo(id, session));
  };
  return { backend: await startBackend(id, version, handler), sockets };
}

async function echo(id: string, session: WebSocketSession): Promise<void> {
  try {
    for await (const data of session.messages) await session.send(typeof data === "string" ? `${id}: ${data}` : data);
  } catch {
    // Lost or failed: the test looks at the other side.
  }
}

function lineOf(house: House, index = -1): Record<string, unknown> {
  return JSON.parse(house.lines.at(index) ?? "{}") as Record<string, unknown>;
}

async function openWs(house: House, path = "/chat"): Promise<WebSocket> {
  const socket = new WebSocket(`${house.gateway.url.replace("http", "ws")}${path}`, ["chat.v1"]);
  await once(socket, "open");
  return socket;
}

async function messageOf(socket: WebSocket): Promise<string> {
  const [data] = (await once(socket, "message")) as [Buffer];
  return data.toString();
}

/** An extended CONNECT (RFC 8441), and the stream that it opens. */
async function openOverHttp2(client: Client, target: string): Promise<ByteDuplex> {
  const headers = ["sec-websocket-version", "13", "sec-websocket-protocol", "chat.v1"];
  const { status, duplex, headers: answered } = await client.request({ method: "GET", target, headers, upgrade: "websocket" });
  assert.equal(status, 200);
  assert.ok(!answered.includes("sec-websocket-accept"), "the handshake of HTTP/1.1 stays there");
  return duplex as ByteDuplex;
}

async function nextOf(chunks: AsyncIterator<Uint8Array> | undefined): Promise<Uint8Array> {
  const result = await chunks?.next();
  assert.ok(result?.done === false, "more should come");
  return result.value;
}

/** A short frame of a client, under a mask of zeros. */
function frameOf(opcode: number, text: string): Uint8Array {
  const content = Buffer.from(text, "latin1");
  return Uint8Array.of(0x80 | opcode, 0x80 | content.length, 0, 0, 0, 0, ...content);
}

test("gateway carries a WebSocket of ws, with its bytes, time and close in the log", async () => {
  const { backend } = await startEcho("a");
  const house = await startHouse(snapshotOf([backend]), [backend]);
  const socket = await openWs(house);
  assert.equal(socket.protocol, "chat.v1");
  socket.send("hello");
  assert.equal(await messageOf(socket), "a: hello");
  const metrics = await (await fetch(`${house.gateway.adminUrl}/metrics`)).text();
  assert.match(metrics, /^weir_gateway_sessions 1$/m);
  assert.match(metrics, /^weir_gateway_in_flight 0$/m);
  socket.close(4001, "enough");
  await once(socket, "close");
  await until(() => house.lines.length === 1, "the session to be over");
  const { status, close, bytesIn, bytesOut, version, cause, broken } = lineOf(house);
  assert.deepEqual([status, close, version, cause, broken], [101, 4001, "v1", undefined, undefined]);
  assert.ok(Number(bytesIn) >= 11 && Number(bytesOut) >= 10, `${String(bytesIn)} in, ${String(bytesOut)} out`);
  await house.stop();
});

test("gateway carries a WebSocket over HTTP/2 to an endpoint of HTTP/1.1", async () => {
  const endpoint = new WsServer({ port: 0, host: "127.0.0.1" });
  await once(endpoint, "listening");
  endpoint.on("connection", (socket) => socket.on("message", (data: Buffer) => socket.send(`ws: ${data.toString()}`)));
  const { port } = endpoint.address() as { port: number };
  const house = await startHouse(snapshotOf([{ id: "a", version: "v1", port }]), []);
  const client = createClient({ host: "127.0.0.1", port: Number(new URL(house.gateway.url).port), http2: true });
  const sessions = await Promise.all(Array.from({ length: 5 }, (_, index) => openOverHttp2(client, `/room/${index}`)));
  const readers = sessions.map((session) => session[Symbol.asyncIterator]());
  for (const [index, session] of sessions.entries()) {
    await session.write(frameOf(1, `hello ${index}`));
    const value = await nextOf(readers[index]);
    assert.deepEqual(Buffer.from(value).subarray(2).toString(), `ws: hello ${index}`);
  }
  assert.equal(client.state.open, 1, "five sessions on one connection");
  for (const [index, session] of sessions.entries()) {
    await session.write(frameOf(8, "\u0003\u00e8"));
    const value = await nextOf(readers[index]);
    assert.deepEqual([...value], [0x88, 2, 0x03, 0xe8]);
    assert.equal((await readers[index]?.next())?.done, true);
    session.end();
  }
  await until(() => house.lines.length === 5, "the sessions to be over");
  assert.deepEqual([lineOf(house)["status"], lineOf(house)["close"]], [200, 1000]);
  await client.close();
  await house.stop();
  endpoint.close();
});

test("gateway passes on how an endpoint refuses an upgrade", async () => {
  const { backend } = await startEcho("a");
  const house = await startHouse(snapshotOf([backend]), [backend]);
  const socket = new WebSocket(`${house.gateway.url.replace("http", "ws")}/forbidden`);
  const [, answer] = (await once(socket, "unexpected-response")) as [unknown, { statusCode: number; headers: Record<string, string> }];
  assert.deepEqual([answer.statusCode, answer.headers["x-why"]], [403, "closed shop"]);
  socket.on("error", () => undefined);
  socket.terminate();
  const client = createClient({ host: "127.0.0.1", port: Number(new URL(house.gateway.url).port), http2: true });
  const refused = await client.request({
    method: "GET",
    target: "/forbidden",
    headers: ["sec-websocket-version", "13"],
    upgrade: "websocket",
  });
  assert.deepEqual([refused.status, Buffer.from(refused.body as Uint8Array).toString()], [403, "no entry"]);
  await client.close();
  await house.stop();
});

test("gateway never tells a client of HTTP/2 of a session that the endpoint has not agreed to", async () => {
  const answers: HttpHandler[] = [
    // Says yes to HTTP, not to the upgrade.
    async () => ({ status: 200, headers: [], body: Buffer.from("welcome") }),
    // Agrees with what is no answer to our key.
    async () => ({ status: 101, headers: ["sec-websocket-accept", "x".repeat(28)], takeOver: (duplex) => void duplex }),
  ];
  for (const answer of answers) {
    const backend = await startBackend("a", "v1", answer);
    const house = await startHouse(snapshotOf([backend]), [backend]);
    const client = createClient({ host: "127.0.0.1", port: Number(new URL(house.gateway.url).port), http2: true });
    const refused = await client.request({ method: "GET", target: "/", headers: ["sec-websocket-version", "13"], upgrade: "websocket" });
    assert.equal(refused.status, 502);
    assert.equal((JSON.parse(Buffer.from(refused.body as Uint8Array).toString()) as { reason: string }).reason, "UPSTREAM_INVALID");
    await client.close();
    await house.stop();
  }
});

test("gateway's sessions outlive changes of weight", async () => {
  const old = await startEcho("old", "v1");
  const fresh = await startEcho("new", "v2");
  const backends = [old.backend, fresh.backend];
  const house = await startHouse(snapshotOf(backends, { newWeight: 0 }), backends);
  const first = await openWs(house);
  await house.gateway.apply(snapshotOf(backends, { newWeight: 10_000, revision: 2 }));
  const second = await openWs(house);
  first.send("x");
  assert.equal(await messageOf(first), "old: x");
  second.send("x");
  assert.equal(await messageOf(second), "new: x");
  first.close();
  second.close();
  await until(() => house.lines.length === 2, "the sessions to be over");
  await house.stop();
});

test("gateway tells that an endpoint left a session without a close, and ejects one that does so", async () => {
  let dropped = 0;
  const backend = await startBackend("a", "v1", (request) => {
    const key = request.headers[request.headers.indexOf("sec-websocket-key") + 1] ?? "";
    return Promise.resolve({
      status: 101,
      headers: ["sec-websocket-accept", createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64")],
      takeOver(duplex) {
        dropped++;
        duplex.destroy();
      },
    });
  });
  const house = await startHouse(snapshotOf([backend]), [backend]);
  for (let turn = 0; turn < 3; turn++) {
    const socket = new WebSocket(house.gateway.url.replace("http", "ws"));
    socket.on("error", () => undefined);
    await once(socket, "close");
  }
  await until(() => house.lines.length === 3, "the sessions to be over");
  assert.equal(dropped, 3);
  assert.deepEqual([lineOf(house)["cause"], lineOf(house)["broken"]], ["RESET", true]);
  assert.ok(house.log.includes("endpoint ejected"));
  await house.stop();
});

test("gateway that stops closes sessions with 1001 on both sides, behind a whole frame", async () => {
  const { backend, sockets } = await startEcho("a");
  const house = await startHouse(snapshotOf([backend]), []);
  const socket = await openWs(house);
  socket.send("x".repeat(100_000));
  assert.equal((await messageOf(socket)).length, 100_003);
  const closed = once(socket, "close") as Promise<[number]>;
  const stopped = house.gateway.stop(2000);
  assert.equal((await closed)[0], 1001);
  await stopped;
  await until(() => sockets.counters.sessionsOpen === 0, "the endpoint to be told");
  assert.equal(lineOf(house)["close"], 1001);
  await backend.server.close();
});

test("gateway's sessions leave room for requests, however many there are", async () => {
  const { backend } = await startEcho("a");
  const house = await startHouse(snapshotOf([backend]), [backend]);
  const client = createClient({ host: "127.0.0.1", port: Number(new URL(house.gateway.url).port), http2: true });
  // More than the connections that requests to one endpoint may have.
  const sessions = await Promise.all(Array.from({ length: 600 }, () => openOverHttp2(client, "/chat")));
  assert.equal(await (await fetch(house.gateway.url)).text(), "a");
  for (const session of sessions) session.destroy();
  await client.close();
  await house.stop();
});
