import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isFault } from "../fault.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { createChannel, type Channel } from "./channel.ts";
import { elapsing, select, trySelect } from "./select.ts";

const faultOf = (reason: string) => (thrown: unknown) => isFault(thrown) && thrown.reason === reason;

async function drained<T>(channel: Channel<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of channel) values.push(value);
  return values;
}

test("a channel refuses a capacity that is no bound", () => {
  for (const capacity of [-1, 0.5, NaN, Infinity, 2 ** 31])
    assert.throws(() => createChannel({ capacity }), faultOf("FLOW_OPTION_INVALID"));
});

test("no value is lost, doubled or overtaken, and the bound is kept, whatever senders and receivers do", async () => {
  const step = fc.record({
    capacity: fc.integer({ min: 0, max: 5 }),
    senders: fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 5 }),
    pauses: fc.infiniteStream(fc.boolean()),
    receivers: fc.integer({ min: 1, max: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(step, async ({ capacity, senders, pauses, receivers }) => {
      const channel = createChannel<{ sender: number; number: number }>({ capacity });
      const pause = async (): Promise<void> => {
        if (pauses.next().value) await new Promise((resolve) => setImmediate(resolve));
      };
      const sending = senders.map(async (count, sender) => {
        for (let number = 0; number < count; number++) {
          await pause();
          await channel.send({ sender, number });
          assert.ok(channel.size <= capacity);
        }
      });
      const taken: { sender: number; number: number }[] = [];
      const receiving = Array.from({ length: receivers }, async () => {
        for await (const value of channel) {
          taken.push(value);
          await pause();
        }
      });
      await Promise.all(sending);
      channel.close();
      await Promise.all(receiving);
      senders.forEach((count, sender) => {
        const own = taken.filter((value) => value.sender === sender).map((value) => value.number);
        assert.deepEqual(
          own,
          Array.from({ length: count }, (_, index) => index),
        );
      });
      assert.equal(
        taken.length,
        senders.reduce((sum, count) => sum + count, 0),
      );
    }),
    { numRuns: 200 },
  );
});

test("a sender waits while the channel is full and goes on when a value is taken", async () => {
  const channel = createChannel<number>({ capacity: 1 });
  await channel.send(1);
  assert.equal(channel.trySend(2), false);
  let sent = false;
  const sending = channel.send(2).then(() => (sent = true));
  await Promise.resolve();
  assert.equal(sent, false);
  assert.deepEqual(channel.tryReceive(), { done: false, value: 1 });
  await sending;
  assert.equal(channel.size, 1);
});

test("with capacity 0 a value goes from hand to hand", async () => {
  const channel = createChannel<string>({ capacity: 0 });
  assert.equal(channel.trySend("nobody waits"), false);
  const received = channel.receive();
  assert.equal(channel.trySend("here"), true);
  assert.deepEqual(await received, { done: false, value: "here" });
});

test("closing lets values out, ends receivers and refuses senders", async () => {
  const channel = createChannel<number>({ capacity: 1 });
  await channel.send(1);
  const refused = assert.rejects(channel.send(2), faultOf("CHANNEL_CLOSED"));
  channel.close();
  channel.close();
  await refused;
  assert.equal(channel.trySend(3), false);
  await assert.rejects(channel.send(3), faultOf("CHANNEL_CLOSED"));
  assert.deepEqual(await drained(channel), [1]);
  const empty = createChannel<number>({ capacity: 1 });
  const waiting = empty.receive();
  empty.close();
  assert.deepEqual(await waiting, { done: true, value: undefined });
});

test("an aborted wait takes no value and sends none", async () => {
  const channel = createChannel<number>({ capacity: 0 });
  const controller = new AbortController();
  const receiving = channel.receive(controller.signal);
  controller.abort();
  await assert.rejects(receiving, faultOf("CALL_CANCELLED"));
  assert.equal(channel.trySend(1), false);
  const second = new AbortController();
  const sending = channel.send(2, second.signal);
  second.abort();
  await assert.rejects(sending, faultOf("CALL_CANCELLED"));
  assert.equal(channel.tryReceive(), undefined);
  await assert.rejects(channel.send(3, second.signal), faultOf("CALL_CANCELLED"));
});

test("a wait that was served lets go of its signal", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const counted = new Proxy(signal, {
    get(target, name) {
      if (name === "addEventListener" || name === "removeEventListener") {
        return (...given: Parameters<AbortSignal["addEventListener"]>) => {
          listeners += name === "addEventListener" ? 1 : -1;
          target[name](...given);
        };
      }
      return Reflect.get(target, name, target) as unknown;
    },
  });
  const channel = createChannel<number>({ capacity: 0 });
  const received = channel.receive(counted);
  await channel.send(1, counted);
  await received;
  await Promise.all([
    channel.send(2, counted),
    channel.receive(counted),
    select({ more: channel.sending(3) }, { signal: counted }),
    channel.receive(),
  ]);
  assert.equal(listeners, 0);
});

test("select does exactly one arm and leaves no trace at the others", async () => {
  const left = createChannel<number>({ capacity: 0 });
  const right = createChannel<number>({ capacity: 0 });
  const chosen = select({ left: left.receiving(), right: right.receiving() });
  assert.equal(right.trySend(2), true);
  assert.deepEqual(await chosen, { key: "right", value: { done: false, value: 2 } });
  assert.equal(left.trySend(1), false, "nobody waits at the left any more");
});

test("two selects meet, and one that sends and receives does not meet itself", async () => {
  const channel = createChannel<number>({ capacity: 0 });
  const both = select({ send: channel.sending(1), receive: channel.receiving() });
  const other = await select({ receive: channel.receiving() });
  assert.deepEqual(other.value, { done: false, value: 1 });
  assert.equal((await both).key, "send");
});

test("select is fair among arms that are always ready", async () => {
  const clock = createVirtualClock({ seed: 7 });
  const channels = {
    a: createChannel<number>({ capacity: 1 }),
    b: createChannel<number>({ capacity: 1 }),
    c: createChannel<number>({ capacity: 1 }),
  };
  const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
  for (let turn = 0; turn < 3000; turn++) {
    for (const channel of Object.values(channels)) channel.trySend(turn);
    const { key } = await select({ a: channels.a.receiving(), b: channels.b.receiving(), c: channels.c.receiving() }, { clock });
    counts[key] = (counts[key] ?? 0) + 1;
  }
  // Three standard deviations of a binomial distribution with n = 3000, p = 1/3.
  for (const count of Object.values(counts)) assert.ok(Math.abs(count - 1000) < 78, JSON.stringify(counts));
});

test("select may be bounded in time, given up, and refused by a closed channel", async () => {
  const clock = createVirtualClock();
  const channel = createChannel<number>({ capacity: 0 });
  const late = select({ value: channel.receiving(), late: elapsing(50, clock) }, { clock });
  await clock.advance(50);
  assert.equal((await late).key, "late");
  assert.equal(clock.pending, 0);
  const controller = new AbortController();
  const given = select({ value: channel.receiving() }, { signal: controller.signal });
  controller.abort();
  await assert.rejects(given, faultOf("CALL_CANCELLED"));
  const sending = select({ value: channel.sending(1), late: elapsing(50, clock) });
  channel.close();
  await assert.rejects(sending, faultOf("CHANNEL_CLOSED"));
  assert.equal(clock.pending, 0);
  await assert.rejects(select({ value: channel.sending(1) }), faultOf("CHANNEL_CLOSED"));
  assert.equal(trySelect({ late: elapsing(1, clock) }), undefined);
});
