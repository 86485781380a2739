import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { isFault } from "../fault.ts";
import type { SendingTask } from "./fixtures/sending-thread.ts";
import { createSharedMemory, word } from "./shared-memory.ts";
import { openSharedReceiver } from "./shared-receiver.ts";
import { openSharedSender } from "./shared-sender.ts";

const faultOf = (reason: string) => (thrown: unknown) => isFault(thrown) && thrown.reason === reason;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("memory of another size or kind is refused", () => {
  for (const options of [{ bytes: 1000 }, { bytes: 512 }, { bytes: 2 ** 31 }, { bytes: 1024, messages: 3 }, { bytes: 1024, messages: 1 }])
    assert.throws(() => createSharedMemory(options), faultOf("FLOW_OPTION_INVALID"));
  for (const bytes of [0, 100, 4096]) assert.throws(() => openSharedSender(new SharedArrayBuffer(bytes)), faultOf("FLOW_OPTION_INVALID"));
});

test("what is sent is received whole and in order, whatever the sizes and whoever is faster", () => {
  const step = fc.record({ size: fc.integer({ min: 0, max: 512 }), takes: fc.integer({ min: 0, max: 3 }) });
  const given = fc.record({
    steps: fc.array(step, { maxLength: 200 }),
    messages: fc.constantFrom(2, 4, 64),
    senders: fc.constantFrom("one" as const, "many" as const),
  });
  fc.assert(
    fc.property(given, ({ steps, messages, senders }) => {
      const buffer = createSharedMemory({ bytes: 1024, messages, senders });
      const [sender, receiver] = [openSharedSender(buffer), openSharedReceiver(buffer)];
      const waiting: Uint8Array[] = [];
      steps.forEach(({ size, takes }, index) => {
        const payload = new Uint8Array(size).fill(index & 255);
        if (!sender.trySend(payload)) {
          for (const one of waiting.splice(0)) assert.deepEqual(receiver.tryReceive(), one);
          assert.equal(receiver.tryReceive(), undefined);
          assert.equal(sender.trySend(payload), true, "an empty channel has room for half its bytes");
        }
        waiting.push(payload);
        assert.ok(waiting.length <= messages);
        for (let left = takes; left > 0; left--) assert.deepEqual(receiver.tryReceive(), waiting.shift());
      });
      for (const payload of waiting.splice(0)) assert.deepEqual(receiver.tryReceive(), payload);
      assert.equal(receiver.tryReceive(), undefined);
      assert.equal(sender.trySend(new Uint8Array(512)), true, "what has been received leaves its room");
    }),
    { numRuns: 300 },
  );
});

test("a payload is written and read in place", () => {
  const buffer = createSharedMemory({ bytes: 1024 });
  const [sender, receiver] = [openSharedSender(buffer), openSharedReceiver(buffer)];
  const room = sender.tryReserve(100);
  const later = sender.tryReserve(4);
  assert.equal(room?.bytes.buffer, buffer);
  later?.commit();
  assert.equal(receiver.tryReceive(), undefined, "what was reserved later waits");
  room?.bytes.fill(7);
  room?.commit(10);
  room?.commit(20);
  const message = receiver.tryReceive();
  assert.equal(message?.buffer, buffer);
  assert.deepEqual(message, new Uint8Array(10).fill(7));
  assert.equal(receiver.tryReceive()?.length, 4);
  assert.throws(() => sender.tryReserve(513), faultOf("MESSAGE_TOO_LARGE"));
});

test("a closed channel is received to its end and takes no more", async () => {
  const buffer = createSharedMemory({ bytes: 1024, messages: 2 });
  const [sender, receiver] = [openSharedSender(buffer), openSharedReceiver(buffer)];
  for (const value of [1, 2]) assert.equal(sender.trySend(Uint8Array.of(value)), true);
  assert.equal(sender.trySend(Uint8Array.of(3)), false);
  const refused = assert.rejects(sender.send(Uint8Array.of(3)), faultOf("CHANNEL_CLOSED"));
  openSharedSender(buffer).close();
  await refused;
  assert.throws(() => sender.trySend(Uint8Array.of(3)), faultOf("CHANNEL_CLOSED"));
  const found: number[] = [];
  for await (const message of receiver) found.push(message[0] as number);
  assert.deepEqual([found, receiver.closed, receiver.receiveBlocking()], [[1, 2], true, undefined]);
});

test("waiting may be given up or run out of time, and nothing is lost by it", async () => {
  const buffer = createSharedMemory({ bytes: 1024, messages: 2 });
  const [sender, receiver] = [openSharedSender(buffer), openSharedReceiver(buffer)];
  assert.equal(receiver.receiveBlocking(1), undefined);
  const controller = new AbortController();
  const receiving = assert.rejects(receiver.receive(controller.signal), faultOf("CALL_CANCELLED"));
  await turn();
  controller.abort();
  await receiving;
  sender.trySend(Uint8Array.of(1));
  sender.trySend(Uint8Array.of(2));
  assert.equal(sender.sendBlocking(Uint8Array.of(3), 1), false);
  const second = new AbortController();
  const sending = assert.rejects(sender.send(Uint8Array.of(3), second.signal), faultOf("CALL_CANCELLED"));
  await turn();
  second.abort();
  await sending;
  assert.deepEqual([receiver.tryReceive()?.[0], receiver.tryReceive()?.[0], receiver.tryReceive()], [1, 2, undefined]);
});

test("threads that send at once lose, double and overtake nothing", async () => {
  const buffer = createSharedMemory({ bytes: 8192, messages: 64, senders: "many" });
  const count = 5000;
  const threads = (["blocking", "async", "in_place"] as const).map((waits, sender) => {
    const workerData: SendingTask = { buffer, sender, count, bytesMax: 300, waits };
    return new Worker(new URL("fixtures/sending-thread.ts", import.meta.url), { workerData });
  });
  const ended = Promise.all(threads.map((thread) => once(thread, "exit"))).then(() => openSharedSender(buffer).close());
  const next = threads.map(() => 0);
  for await (const message of openSharedReceiver(buffer)) {
    const view = new DataView(message.buffer, message.byteOffset);
    const [sender, number] = [view.getUint32(0), view.getUint32(4)];
    assert.equal(number, next[sender]);
    assert.equal(message.length, 8 + ((number * 31 + sender * 17) % 293));
    assert.ok(message.subarray(8).every((byte) => byte === (number & 255)));
    next[sender] = number + 1;
  }
  await ended;
  assert.deepEqual(next, [count, count, count]);
});

test("a thread that blocks for messages gets them all and ends when the channel is closed", async () => {
  const buffer = createSharedMemory({ bytes: 4096, messages: 16, senders: "one" });
  const thread = new Worker(new URL("fixtures/receiving-thread.ts", import.meta.url), { workerData: buffer });
  const sender = openSharedSender(buffer);
  let bytes = 0;
  for (let number = 0; number < 20_000; number++) {
    const payload = new Uint8Array(number % 200);
    bytes += payload.length;
    await sender.send(payload);
  }
  sender.close();
  assert.deepEqual((await once(thread, "message"))[0], { messages: 20_000, bytes });
  await once(thread, "exit");
});

test("a thread that ended while it reserved is noticed, nobody waits for ever", () => {
  const buffer = createSharedMemory({ bytes: 1024 });
  new Int32Array(buffer)[word.lock] = 1;
  assert.throws(() => openSharedSender(buffer).trySend(Uint8Array.of(1)), faultOf("SHARED_CHANNEL_BROKEN"));
});
