import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { bytesOf, type SentFrame } from "./fixtures/frames.ts";
import { handClock, memoryPeer, saidIn, settled, type MemoryPeer } from "./fixtures/memory-peer.ts";
import type { WebSocketOptions } from "./options.ts";

function server(options: WebSocketOptions = {}): MemoryPeer {
  return memoryPeer({ role: "server" }, options);
}
function give(peer: MemoryPeer, ...frames: SentFrame[]): void {
  peer.connection.receive(Buffer.concat(frames.map((frame) => bytesOf(frame, true))));
}
async function said(peer: MemoryPeer): Promise<string[]> {
  await settled();
  return saidIn(peer.frames());
}
const text = (payload: string): SentFrame => ({ opcode: 1, payload });

test("messages are read one ahead of whoever asks, then the peer waits", async () => {
  const peer = server();
  give(peer, text("one"), text("two"), text("three"));
  assert.deepEqual(peer.acts, ["pause"]);
  const first: unknown[] = [];
  for await (const data of peer.connection.messages) if (first.push(data) === 2) break;
  assert.deepEqual(first, ["one", "two"]);
  const second: unknown[] = [];
  for await (const data of peer.connection.messages) if (second.push(data) === 1) break;
  assert.deepEqual(second, ["three"], "a loop that was left can be taken up again");
  assert.equal(peer.acts.at(-1), "resume");
});

test("what was said in the tick in which the peer ends its direction still leaves", async () => {
  const peer = server();
  give(peer, { opcode: 9, payload: "a" });
  void peer.connection.send("b");
  peer.connection.end();
  assert.deepEqual(await said(peer), ["pong 61", "text b"]);
  assert.equal((await peer.connection.whenClosed).code, 1006);
});

test("a peer that nobody asks is pinged, answered and closed all the same", async () => {
  const peer = server();
  give(peer, { opcode: 9, payload: "a" }, { opcode: 8, payload: Buffer.from([3, 233]) });
  assert.deepEqual(await said(peer), ["pong 61", "close 1001"]);
  peer.connection.end();
  assert.deepEqual(await peer.connection.whenClosed, { code: 1001, reason: "", clean: true, error: undefined });
});

test("messages end after a clean close and throw after a loss", async () => {
  const clean = server();
  give(clean, text("last"), { opcode: 8 });
  const seen: unknown[] = [];
  for await (const data of clean.connection.messages) seen.push(data);
  assert.deepEqual(seen, ["last"]);
  const lost = server();
  give(lost, text("last"));
  lost.connection.end();
  const iterator = lost.connection.messages[Symbol.asyncIterator]();
  assert.equal((await iterator.next()).value, "last");
  await assert.rejects(iterator.next(), { reason: "WEBSOCKET_LOST" });
  assert.equal((await lost.connection.whenClosed).code, 1006);
});

test("bytes that came before the end are read to the end although their reader is slow", async () => {
  const peer = server();
  give(peer, text("one"), text("two"), { opcode: 8, payload: Buffer.from([3, 232]) });
  peer.connection.end();
  const seen: unknown[] = [];
  for await (const data of peer.connection.messages) seen.push(data);
  assert.deepEqual(seen, ["one", "two"]);
  assert.equal((await peer.connection.whenClosed).clean, true);
});

test("a listener that takes its time holds up the next message, and one that throws closes with 1011", async () => {
  const peer = server();
  const seen: unknown[] = [];
  const gates: (() => void)[] = [];
  peer.connection.listen({
    message: (_session, data) => {
      seen.push(data);
      if (data === "bad") throw new Error("no");
      return new Promise((resolve) => void gates.push(resolve));
    },
  });
  give(peer, text("one"), text("bad"), text("never"));
  assert.deepEqual([seen, peer.acts], [["one"], ["pause"]]);
  gates[0]?.();
  assert.deepEqual(await said(peer), ["close 1011"]);
  assert.equal((await ended(peer)).error?.reason, "HANDLER_FAILED");
});

test("a listener may wait for the close that it asks for", async () => {
  const peer = server();
  let code = 0;
  peer.connection.listen({ message: async (session) => void (code = (await session.close(4001, "enough")).code) });
  give(peer, text("one"));
  assert.deepEqual(await said(peer), ["close 4001"]);
  give(peer, { opcode: 8, payload: Buffer.from([0x0f, 0xa1]) });
  peer.connection.end();
  await settled();
  assert.equal(code, 4001);
});

test("a peer is answered although its close came right behind its message", async () => {
  for (const pulled of [false, true]) {
    const peer = server();
    const answer = async (): Promise<void> => {
      await settled();
      await peer.connection.send("answer");
    };
    if (pulled) {
      void (async () => {
        for await (const _ of peer.connection.messages) await answer();
      })();
    } else peer.connection.listen({ message: answer });
    await settled();
    give(peer, text("question"), { opcode: 9 }, { opcode: 8, payload: Buffer.from([3, 232]) });
    peer.connection.end();
    await peer.connection.whenClosed;
    assert.deepEqual(await said(peer), ["pong ", "text answer", "close 1000"], pulled ? "pulled" : "told");
  }
});

test("a close waits for whoever is at work, but not longer than closeMs", async () => {
  const clock = handClock();
  const peer = server({ clock, timeouts: { closeMs: 500 } });
  peer.connection.listen({ message: () => new Promise(() => undefined) });
  give(peer, text("question"), { opcode: 8, payload: Buffer.from([3, 233]) });
  assert.deepEqual(await said(peer), []);
  clock.pass(530);
  assert.deepEqual(await said(peer), ["close 1001"]);
  assert.deepEqual(await ended(peer), { code: 1001, reason: "", clean: true, error: undefined });
});

test("pings are answered while the listener is at work", async () => {
  const peer = server();
  peer.connection.listen({ message: () => new Promise(() => undefined) });
  give(peer, text("question"), { opcode: 9, payload: "a" });
  assert.deepEqual(await said(peer), ["pong 61"]);
});

async function ended(peer: MemoryPeer): ReturnType<MemoryPeer["connection"]["close"]> {
  peer.connection.end();
  return await peer.connection.whenClosed;
}

test("more than the budget is refused when it would wait, and the connection goes on", async () => {
  const peer = server({ limits: { sendBytesMax: 1000 } });
  peer.fill();
  const first = peer.connection.send("x".repeat(600));
  await settled();
  assert.equal(peer.connection.trySend("y".repeat(300)), true);
  await settled();
  assert.equal(peer.connection.trySend("z".repeat(300)), false);
  await assert.rejects(peer.connection.send("z".repeat(300)), { reason: "WEBSOCKET_SLOW" });
  assert.ok(peer.connection.bufferedBytes >= 900 && peer.connection.bufferedBytes <= 1000);
  peer.drain();
  await first;
  assert.equal(peer.connection.trySend("z".repeat(300)), true);
  assert.deepEqual((await said(peer)).length, 3);
});

for (const slowCode of [1013, 1008] as const) {
  test(`more than the budget closes with ${slowCode} when the policy says so`, async () => {
    const peer = server({ limits: { sendBytesMax: 1000 }, slow: "close", slowCode });
    peer.fill();
    peer.connection.trySend("x".repeat(900));
    await settled();
    assert.equal(peer.connection.trySend("y".repeat(900)), false);
    assert.deepEqual((await said(peer)).at(-1), `close ${slowCode}`);
    assert.equal((await ended(peer)).error?.reason, "WEBSOCKET_SLOW");
  });
}

test("a send waits while the peer does not read, and fails when the connection is lost", async () => {
  const peer = server();
  peer.fill();
  void peer.connection.trySend("x");
  await settled();
  const sent = peer.connection.send("y");
  peer.connection.closed();
  await assert.rejects(sent, { reason: "WEBSOCKET_LOST" });
  await assert.rejects(peer.connection.send("z"), { reason: "WEBSOCKET_CLOSED" });
  assert.equal(peer.connection.trySend("z"), false);
});

test("pings of a peer that does not read are answered once", async () => {
  const peer = server();
  peer.fill();
  peer.connection.trySend("x");
  await settled();
  for (let count = 0; count < 500; count += 1) give(peer, { opcode: 9, payload: `${count}` });
  assert.deepEqual(await said(peer), ["text x"]);
  peer.drain();
  assert.deepEqual(await said(peer), ["text x", `pong ${Buffer.from("499").toString("hex")}`]);
});

test("a flood of pings or pongs closes with 1008, a slow trickle does not", async () => {
  for (const opcode of [9, 10]) {
    const clock = handClock();
    const peer = server({ clock, limits: { controlFramesPerSecondMax: 10 } });
    for (let second = 0; second < 30; second += 1) {
      for (let count = 0; count < 8; count += 1) give(peer, { opcode });
      clock.pass(1000);
    }
    assert.ok(!(await said(peer)).includes("close 1008"));
    for (let count = 0; count < 25; count += 1) give(peer, { opcode });
    assert.equal((await said(peer)).at(-1), "close 1008");
    assert.equal((await ended(peer)).error?.reason, "WEBSOCKET_CONTROL_FLOOD");
  }
});

const bounds: [string, WebSocketOptions["limits"], SentFrame[], string][] = [
  ["a message over the limit", { messageBytesMax: 10 }, [text("x".repeat(11))], "close 1009"],
  [
    "fragments over the limit together",
    { messageBytesMax: 10 },
    [
      { ...text("x".repeat(6)), fin: false },
      { opcode: 0, payload: "x".repeat(5) },
    ],
    "close 1009",
  ],
  ["a frame over the limit", { frameBytesMax: 10 }, [text("x".repeat(11))], "close 1009"],
  [
    "too many fragments",
    { fragmentsMax: 3 },
    Array.from({ length: 4 }, (_, index) => ({ opcode: index === 0 ? 1 : 0, payload: "x", fin: false })),
    "close 1008",
  ],
  [
    "too many empty fragments",
    { emptyFragmentsMax: 3 },
    Array.from({ length: 5 }, (_, index) => ({ opcode: index === 0 ? 1 : 0, fin: false })),
    "close 1008",
  ],
];
for (const [what, limits, frames, close] of bounds) {
  test(`${what}: ${close}`, async () => {
    const peer = server({ limits: limits ?? {} });
    give(peer, ...frames);
    assert.deepEqual(await said(peer), [close]);
  });
}

test("a length of 2^62 is refused before a byte of it is kept", async () => {
  const peer = server();
  peer.connection.receive(Buffer.from([0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]));
  assert.deepEqual(await said(peer), ["close 1009"]);
  const negative = server();
  negative.connection.receive(Buffer.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4]));
  assert.deepEqual(await said(negative), ["close 1002"]);
});

test("frames without a mask are refused by a server, masked ones by a client", async () => {
  const ours = server();
  ours.connection.receive(bytesOf(text("x"), false));
  assert.deepEqual(await said(ours), ["close 1002"]);
  const client = memoryPeer({ role: "client" });
  client.connection.receive(bytesOf(text("x"), true));
  assert.deepEqual(await said(client), ["close 1002"]);
});

const agreed = { sendTakeover: false, receiveTakeover: false, sendWindowBits: 15 };

test("a bomb is stopped at messageBytesMax with 1009", async () => {
  const bomb = deflateRawSync(Buffer.alloc(64 * 1024 * 1024), { finishFlush: 2 }).subarray(0, -4);
  for (const receiveTakeover of [false, true]) {
    const deflate = { ...agreed, receiveTakeover };
    const peer = memoryPeer({ role: "server", deflate }, { deflate: true, limits: { messageBytesMax: 100_000 } });
    const before = process.memoryUsage().rss;
    give(peer, { opcode: 2, rsv: 4, payload: bomb });
    const closing = peer.connection.whenClosed;
    while (peer.acts.length === 0) await settled();
    peer.connection.end();
    assert.equal((await closing).error?.reason, "WEBSOCKET_MESSAGE_TOO_LARGE");
    assert.deepEqual(await said(peer), ["close 1009"]);
    assert.ok(process.memoryUsage().rss - before < 40_000_000);
  }
});

test("short messages leave as they are, in the order in which they were sent", async () => {
  const peer = memoryPeer({ role: "server", deflate: agreed }, { deflate: { thresholdBytes: 100 } });
  const sends = [peer.connection.send("long ".repeat(100)), peer.connection.send("short"), peer.connection.send("z".repeat(200))];
  const closed = peer.connection.close(1000);
  await Promise.all(sends);
  await settled();
  assert.deepEqual(
    peer.frames().map((frame) => [frame.opcode, frame.rsv]),
    [
      [1, 4],
      [1, 0],
      [1, 4],
      [8, 0],
    ],
  );
  peer.connection.closed();
  assert.equal((await closed).clean, false);
});

test("close checks its code and its reason", async () => {
  const peer = server();
  for (const code of [0, 999, 1005, 1006, 1015, 2999, 5000]) {
    await assert.rejects(peer.connection.close(code, "x"), { reason: "WEBSOCKET_SEND_INVALID" });
  }
  await assert.rejects(peer.connection.close(1000, "x".repeat(124)), { reason: "WEBSOCKET_SEND_INVALID" });
  assert.throws(() => peer.connection.ping(Buffer.alloc(126)), { reason: "WEBSOCKET_SEND_INVALID" });
  assert.equal(peer.connection.ping(Buffer.from("a")), true);
  assert.deepEqual(await said(peer), ["ping 61"]);
});

test("what one tick sends leaves in one write", async () => {
  let writes = 0;
  const peer = server();
  const { bytes } = peer.written;
  for (let count = 0; count < 100; count += 1) peer.connection.trySend(`${count}`);
  assert.equal(peer.written.bytes, bytes, "nothing is written before the tick ends");
  await settled();
  writes = peer.frames().length;
  assert.equal(writes, 100);
});
