import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, type SentFrame } from "./fixtures/frames.ts";
import { handClock, memoryPeer, saidIn, settled, type HandClock, type MemoryPeer } from "./fixtures/memory-peer.ts";
import type { WebSocketTimeouts } from "./options.ts";

function peerWith(timeouts: Partial<WebSocketTimeouts>, role: "server" | "client" = "server"): { peer: MemoryPeer; clock: HandClock } {
  const clock = handClock();
  return { clock, peer: memoryPeer({ role }, { clock, timeouts: { pingMs: 1000, pongMs: 300, ...timeouts } }) };
}
function give(peer: MemoryPeer, frame: SentFrame): void {
  peer.connection.receive(bytesOf(frame, true));
}
async function said(peer: MemoryPeer): Promise<string[]> {
  await settled();
  return saidIn(peer.frames());
}

test("a silent peer is pinged, and cut when it stays silent", async () => {
  const { peer, clock } = peerWith({});
  clock.pass(1030);
  assert.deepEqual(await said(peer), ["ping "]);
  clock.pass(330);
  await settled();
  assert.deepEqual(peer.acts, ["destroy"]);
  const { code, error } = await peer.connection.whenClosed;
  assert.deepEqual([code, error?.reason], [1006, "WEBSOCKET_PONG_TIMEOUT"]);
});

test("sessions that go by one clock share its timer, whatever their options", () => {
  const clock = handClock();
  let timers = 0;
  const counted = { ...clock, after: (durationMs: number, action: () => void) => ((timers += 1), clock.after(durationMs, action)) };
  for (let count = 0; count < 10; count += 1) memoryPeer({ role: "server" }, { clock: counted });
  assert.equal(timers, 1);
});

test("a peer that answers pings, or sends anything, is kept", async () => {
  for (const opcode of [10, 9, 2]) {
    const { peer, clock } = peerWith({});
    peer.connection.listen({ message: () => undefined });
    let pings = 0;
    for (let step = 0; step < 200; step += 1) {
      clock.pass(50);
      const found = (await said(peer)).filter((line) => line === "ping ").length;
      if (found > pings) give(peer, { opcode });
      pings = found;
    }
    assert.deepEqual(peer.acts, []);
    assert.ok(pings >= 5, `${pings} pings in 10 seconds`);
  }
});

test("silence while nobody asks for messages is not the peer's", async () => {
  const { peer, clock } = peerWith({});
  peer.connection.receive(Buffer.concat([bytesOf({ opcode: 1, payload: "a" }, true), bytesOf({ opcode: 1, payload: "b" }, true)]));
  for (let round = 0; round < 10; round += 1) clock.pass(1030);
  await settled();
  assert.deepEqual(peer.acts, ["pause"]);
});

test("a session without messages is closed with 1001 although its pongs come", async () => {
  const { peer, clock } = peerWith({ idleMs: 5000 });
  peer.connection.listen({ message: () => undefined });
  for (let round = 0; round < 4; round += 1) {
    clock.pass(1000);
    give(peer, { opcode: 10 });
  }
  give(peer, { opcode: 1, payload: "a" });
  for (let round = 0; round < 5; round += 1) {
    clock.pass(1000);
    give(peer, { opcode: 10 });
  }
  assert.ok(!(await said(peer)).includes("close 1001"));
  for (let round = 0; round < 3; round += 1) clock.pass(1000);
  assert.equal((await said(peer)).at(-1), "close 1001");
});

test("a peer that takes nothing within writeIdleMs is cut", async () => {
  const { peer, clock } = peerWith({ writeIdleMs: 500, pingMs: Infinity });
  peer.fill();
  peer.connection.trySend("x");
  await settled();
  clock.pass(400);
  peer.drain();
  clock.pass(400);
  await settled();
  assert.deepEqual(peer.acts, []);
  peer.fill();
  peer.connection.trySend("x");
  await settled();
  clock.pass(530);
  await settled();
  assert.deepEqual(peer.acts, ["destroy"]);
  assert.equal((await peer.connection.whenClosed).error?.reason, "WEBSOCKET_SLOW");
});

test("a close that is not answered within closeMs is cut", async () => {
  const { peer, clock } = peerWith({ closeMs: 200 });
  const closed = peer.connection.close(1000);
  clock.pass(230);
  const { clean, error } = await closed;
  assert.deepEqual([clean, error?.reason], [false, "WEBSOCKET_CLOSE_TIMEOUT"]);
});

for (const role of ["server", "client"] as const) {
  test(`a ${role} cuts a connection that stays open after both closes`, async () => {
    const { peer, clock } = peerWith({ lingerMs: 200 }, role);
    peer.connection.receive(bytesOf({ opcode: 8, payload: Buffer.from([3, 232]) }, role === "server"));
    assert.deepEqual(await said(peer), ["close 1000"]);
    assert.deepEqual(peer.acts, role === "server" ? ["end"] : [], "the server ends first");
    clock.pass(230);
    const { code, clean, error } = await peer.connection.whenClosed;
    assert.deepEqual([code, clean, error], [1000, true, undefined]);
  });
}

test("no timer is left when the last session has gone", async () => {
  const { peer, clock } = peerWith({});
  peer.connection.closed();
  clock.pass(60_000);
  await settled();
  assert.deepEqual(await said(peer), []);
});
