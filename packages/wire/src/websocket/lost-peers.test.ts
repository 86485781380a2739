// Peers that die, fall silent, or do not read, over real sockets.
import assert from "node:assert/strict";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type net from "node:net";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { WebSocket as ForeignSocket } from "ws";
import { connectWebSocket } from "./client.ts";
import { echoServer, type EchoServer } from "./fixtures/echo-server.ts";
import type { Holding } from "./fixtures/holder.ts";
import type { WebSocketSession } from "./session.ts";

const holder = fileURLToPath(new URL("./fixtures/holder.ts", import.meta.url));

// What was refused is garbage; only what is held counts.
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Another process that opens `count` sessions, says so and does nothing more. */
async function held(server: EchoServer, count: number, path = "/"): Promise<ChildProcess> {
  const child = fork(holder, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  child.send({ url: server.url + path, count } satisfies Holding);
  await once(child, "message");
  return child;
}
function only(server: EchoServer): WebSocketSession {
  assert.equal(server.sessions.length, 1);
  return server.sessions[0] as WebSocketSession;
}

test("sessions of a process that is killed end at once with 1006", { timeout: 20_000 }, async (t) => {
  const server = await echoServer(t);
  const child = await held(server, 20);
  child.kill("SIGKILL");
  const closes = await Promise.all(server.sessions.map((session) => session.whenClosed));
  assert.equal(closes.length, 20);
  assert.ok(closes.every(({ code, error }) => code === 1006 && error?.reason === "WEBSOCKET_LOST"));
});

test("a process that is stopped, not dead, is found out by pings", { timeout: 20_000 }, async (t) => {
  const server = await echoServer(t, { timeouts: { pingMs: 150, pongMs: 150 } });
  const child = await held(server, 5);
  t.after(() => child.kill("SIGKILL"));
  child.kill("SIGSTOP");
  const closes = await Promise.all(server.sessions.map((session) => session.whenClosed));
  assert.ok(closes.every(({ code, error }) => code === 1006 && error?.reason === "WEBSOCKET_PONG_TIMEOUT"));
});

test("a peer that ends its half without a close frame is lost", { timeout: 10_000 }, async (t) => {
  const server = await echoServer(t);
  const client = new ForeignSocket(server.url);
  await once(client, "open");
  (client as unknown as { _socket: net.Socket })._socket.end();
  const { code, error } = await only(server).whenClosed;
  assert.deepEqual([code, error?.reason], [1006, "WEBSOCKET_LOST"]);
});

test("a peer that does not answer our close is cut after closeMs", { timeout: 10_000 }, async (t) => {
  const server = await echoServer(t, { timeouts: { closeMs: 100 } });
  const child = await held(server, 1, "/silent");
  t.after(() => child.kill("SIGKILL"));
  child.kill("SIGSTOP");
  const { code, clean, error } = await only(server).close(1000);
  assert.deepEqual([code, clean, error?.reason], [1000, false, "WEBSOCKET_CLOSE_TIMEOUT"]);
});

test("what is sent to a peer that does not read stays within the budget, in memory too", { timeout: 20_000 }, async (t) => {
  const server = await echoServer(t, { timeouts: { writeIdleMs: 400 }, limits: { sendBytesMax: 1_000_000 } });
  const child = await held(server, 1, "/silent");
  t.after(() => child.kill("SIGKILL"));
  child.kill("SIGSTOP");
  const session = only(server);
  collect();
  const before = process.memoryUsage();
  let taken = 0;
  for (let count = 0; count < 20_000; count += 1) {
    if (session.trySend(Buffer.alloc(10_000))) taken += 1;
    if (count % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const grown = (): number => process.memoryUsage().external - before.external;
  // What is let go of is swept beside this thread: a collection may be told of it only a turn or two later.
  for (let round = 0; round < 10 && (round === 0 || grown() >= 20_000_000); round += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const grownBytes = grown();
  assert.ok(taken < 1500, `${taken} of 20,000 messages were taken: 1 MB of ours and a few of the kernel's`);
  assert.ok(session.bufferedBytes <= 1_000_000, `${session.bufferedBytes} bytes wait`);
  assert.ok(grownBytes < 20_000_000, `${grownBytes} bytes are held`);
  const { error } = await session.whenClosed;
  assert.equal(error?.reason, "WEBSOCKET_SLOW");
});

test("nothing is read from a peer while nobody asks for its messages", { timeout: 20_000 }, async (t) => {
  const server = await echoServer(t);
  const client = await connectWebSocket(`${server.url}/silent`, { limits: { sendBytesMax: 200_000_000 } });
  t.after(() => client.destroy());
  const message = Buffer.alloc(100_000);
  for (let count = 0; count < 400; count += 1) client.trySend(message);
  // All that the kernel's buffers hold is gone when no more leaves for a while.
  let left = -1;
  for (let quiet = 0; quiet < 20;) {
    await new Promise((resolve) => setImmediate(resolve));
    quiet = client.bufferedBytes === left ? quiet + 1 : 0;
    left = client.bufferedBytes;
  }
  assert.ok(left > 20_000_000, `${left} of 40,000,000 bytes wait at the sender`);
  let seen = 0;
  for await (const data of only(server).messages) {
    assert.equal(data.length, message.length);
    if (++seen === 400) break;
  }
});
