import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { systemClock } from "../clock.ts";
import { fault } from "../fault.ts";
import { coreReasons } from "../fault.ts";
import type { Database } from "../store/database.ts";
import type { Carrier } from "./carrier.ts";
import type { Consumer, ConsumerOptions } from "./consumer.ts";
import { createConsumer } from "./consumer.ts";
import type { ConsumerTables } from "./consumer-tables.ts";
import type { EventRecord } from "./event-record.ts";
import { eventRecord } from "./event-record.ts";
import type { EventType } from "./event.ts";
import { defineEvent } from "./event.ts";
import { OrderPlaced, OrderPlacedLater } from "./testdata/orders.weir.ts";

/** What the suite needs of a carrier: fresh, and a second way to it as another process would have. */
export interface CarrierCase {
  readonly carrier: Carrier;
  /** Another process's. */
  readonly other: Carrier;
  /** Where consumers keep what they must; with the tables of `consumerMigrations`. */
  readonly database: Database<ConsumerTables>;
  close(): Promise<void>;
}

/** A kind of event with a topic of its own. */
export function orderEvent(topic: string): EventType<OrderPlaced> {
  return defineEvent({ name: "order.placed", topic, message: OrderPlaced, key: (message) => message.orderId });
}

/** An event of an order; `step` counts up. */
export function orderRecord(topic: string, orderId: string, step: number): EventRecord {
  return eventRecord(orderEvent(topic), OrderPlaced.create({ orderId, step }), { source: "orders", clock: systemClock });
}

/** Waits until something is so; fails after twenty seconds, saying what was found. */
export async function until(isSo: () => boolean | Promise<boolean>, found: () => unknown = () => ""): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!(await isSo())) {
    assert.ok(performance.now() < endMs, `expected it to come about within 20 s, found ${JSON.stringify(found())}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

interface Stage {
  readonly seen: string[];
  readonly consumer: Consumer<ConsumerTables>;
  /** Answers how to stop it; the suite's end stops what a failed test has left. */
  start(): () => Promise<void>;
}

/** Stopping twice is once. */
const stops = new Set<() => Promise<void>>();
let topicCount = 0;
const freshTopic = (): string => `orders.t${process.pid}_${topicCount++}`;

/** A consumer that notes what it sees, "order:step". */
function stage(
  options: Pick<ConsumerOptions<ConsumerTables>, "group" | "carrier" | "database"> & Partial<ConsumerOptions<ConsumerTables>>,
): Stage {
  const consumer = createConsumer<ConsumerTables>({ ...options });
  return {
    seen: [],
    consumer,
    start() {
      const controller = new AbortController();
      const running = consumer.run(controller.signal);
      const stop = async (): Promise<void> => {
        controller.abort();
        await running;
      };
      stops.add(stop);
      return stop;
    },
  };
}

const steps = (seen: readonly string[], orderId: string): number[] =>
  seen.filter((one) => one.startsWith(`${orderId}:`)).map((one) => Number(one.split(":")[1]));
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

/** What every carrier must do, told through consumers. */
export function describeCarrier(name: string, open: () => Promise<CarrierCase>, skip: string | false = false): void {
  describe(name, { skip }, () => {
    let own: CarrierCase;
    before(async () => {
      own = await open();
    });
    after(async () => {
      await Promise.all([...stops].map((stop) => stop()));
      await own.close();
    });
    describeOrder(() => own);
    describeFailures(() => own);
    describeGroups(() => own);
  });
}

function describeOrder(of: () => CarrierCase): void {
  test("each event reaches the group once, those of one key in order", async () => {
    const { carrier, database } = of();
    const topic = freshTopic();
    const { seen, consumer, start } = stage({ group: "readers", carrier, database });
    consumer.on(orderEvent(topic), async ({ orderId, step }) => void seen.push(`${orderId}:${step}`));
    for (let batch = 0; batch < 5; batch++) {
      const records = Array.from({ length: 10 }, (_, order) => upTo(4).map((step) => orderRecord(topic, `o${order}`, batch * 4 + step)));
      await carrier.publish(records.flat());
    }
    const stop = start();
    await until(
      () => seen.length >= 200,
      () => seen.length,
    );
    for (let order = 0; order < 10; order++) assert.deepEqual(steps(seen, `o${order}`), upTo(20));
    await until(async () => (await carrier.lag("readers", [topic]))[0]?.events === 0);
    await stop();
    const again = stage({ group: "readers", carrier, database });
    again.consumer.on(orderEvent(topic), async ({ orderId, step }) => void again.seen.push(`${orderId}:${step}`));
    await carrier.publish([orderRecord(topic, "o0", 21)]);
    const stopAgain = again.start();
    await until(() => again.seen.length > 0);
    await stopAgain();
    assert.deepEqual(again.seen, ["o0:21"], "what was committed does not come again");
  });

  test("keys are worked on beside each other, one key never", async () => {
    const { carrier, database } = of();
    const topic = freshTopic();
    const { seen, consumer, start } = stage({ group: "beside", carrier, database, keysMax: 4 });
    const open = Promise.withResolvers<void>();
    let atWork = 0;
    let most = 0;
    consumer.on(orderEvent(topic), async ({ orderId, step }) => {
      most = Math.max(most, ++atWork);
      seen.push(`${orderId}:${step}`);
      await open.promise;
      atWork--;
    });
    await carrier.publish(
      ["a", "b", "c", "d", "e", "f"].flatMap((orderId) => [orderRecord(topic, orderId, 1), orderRecord(topic, orderId, 2)]),
    );
    const stop = start();
    await until(() => seen.length === 4);
    assert.equal(new Set(seen.map((one) => one[0])).size, 4);
    open.resolve();
    await until(
      () => seen.length === 12,
      () => seen,
    );
    await stop();
    assert.equal(most, 4);
  });

  test("what is not done is not committed, though later events of other keys are", async () => {
    const { carrier, database } = of();
    const topic = freshTopic();
    const { seen, consumer, start } = stage({ group: "prefix", carrier, database, keysMax: 100 });
    const gate = Promise.withResolvers<void>();
    consumer.on(orderEvent(topic), async ({ orderId, step }) => {
      if (orderId === "held") await gate.promise;
      seen.push(`${orderId}:${step}`);
    });
    const others = Array.from({ length: 40 }, (_, order) => `o${order}`);
    const send = (step: number): Promise<void> => carrier.publish(others.map((orderId) => orderRecord(topic, orderId, step)));
    await carrier.publish([orderRecord(topic, "held", 1)]);
    const stop = start();
    for (let step = 1; step <= 3; step++) {
      await send(step);
      await until(
        () => seen.length === step * others.length,
        () => seen.length,
      );
    }
    assert.ok(((await carrier.lag("prefix", [topic]))[0]?.events ?? 0) > 0, "the event that is held is not done");
    gate.resolve();
    await until(async () => (await carrier.lag("prefix", [topic]))[0]?.events === 0);
    await stop();
  });

  test("an event without a handler is passed over, and a group that begins at the latest sees only what comes", async () => {
    const { carrier, database } = of();
    const topic = freshTopic();
    const unknown = defineEvent({ name: "order.other", topic, message: OrderPlaced, key: (message: OrderPlaced) => message.orderId });
    await carrier.publish([
      eventRecord(unknown, OrderPlaced.create({ orderId: "a", step: 1 }), { source: "orders", clock: systemClock }),
      orderRecord(topic, "a", 2),
    ]);
    const early = stage({ group: "early", carrier, database });
    early.consumer.on(orderEvent(topic), async ({ orderId, step }) => void early.seen.push(`${orderId}:${step}`));
    const late = stage({ group: "late", carrier, database, from: "latest" });
    late.consumer.on(orderEvent(topic), async ({ orderId, step }) => void late.seen.push(`${orderId}:${step}`));
    const stops = [early.start(), late.start()];
    await until(() => early.seen.length === 1);
    // Only once a group has begun does "latest" mean this place.
    await until(async () => (await carrier.lag("late", [topic]))[0]?.events === 0);
    await carrier.publish([orderRecord(topic, "a", 3)]);
    await until(
      () => late.seen.length === 1 && early.seen.length === 2,
      () => [early.seen, late.seen],
    );
    await Promise.all(stops.map((stop) => stop()));
    assert.deepEqual([early.seen, late.seen], [["a:2", "a:3"], ["a:3"]]);
  });
}

function describeFailures(of: () => CarrierCase): void {
  test("an event that fails is tried again while others go on, then parked with all later ones of its key, and replayed in order", async () => {
    const { carrier, database } = of();
    const topic = freshTopic();
    const { seen, consumer, start } = stage({ group: "parking", carrier, database, attemptsMax: 2 });
    let isMended = false;
    const attempts: string[] = [];
    consumer.on(orderEvent(topic), async ({ orderId, step }) => {
      attempts.push(`${orderId}:${step}`);
      if (orderId === "bad" && step === 2 && !isMended) throw new Error("cannot be handled");
      seen.push(`${orderId}:${step}`);
    });
    await carrier.publish(upTo(4).flatMap((step) => [orderRecord(topic, "bad", step), orderRecord(topic, "good", step)]));
    const stop = start();
    await until(() => steps(seen, "good").length === 4);
    await until(async () => (await consumer.deadLetters.list("parking")).length === 3);
    assert.deepEqual(steps(seen, "bad"), [1]);
    assert.deepEqual(steps(attempts, "bad"), [1, 2, 2]);
    const parked = await consumer.deadLetters.list("parking");
    assert.deepEqual(
      parked.map(({ key, problem, attempts: tried }) => [key, problem, tried]),
      [
        ["bad", "cannot be handled", 2],
        ["bad", "", 0],
        ["bad", "", 0],
      ],
    );
    assert.equal(await consumer.deadLetters.replay("parking", parked[0]?.sequence ?? 0), true);
    await until(
      async () =>
        (await consumer.deadLetters.list("parking")).every((letter) => !letter.isReplayed && letter.problem !== "") || attempts.length > 8,
    );
    isMended = true;
    await until(async () => (await consumer.deadLetters.list("parking")).every((letter) => !letter.isReplayed));
    const [first] = await consumer.deadLetters.list("parking");
    if (first) await consumer.deadLetters.replay("parking", first.sequence);
    await carrier.publish([orderRecord(topic, "bad", 5)]);
    await until(
      () => steps(seen, "bad").length === 5,
      () => seen,
    );
    assert.deepEqual(steps(seen, "bad"), upTo(5));
    await until(async () => (await consumer.deadLetters.list("parking")).length === 0);
    await stop();
  });

  test("bytes that are no message are parked at once", async () => {
    const { carrier, database } = of();
    const topic = freshTopic();
    const { seen, consumer, start } = stage({ group: "unreadable", carrier, database });
    consumer.on(orderEvent(topic), async ({ orderId, step }) => void seen.push(`${orderId}:${step}`));
    await carrier.publish([{ ...orderRecord(topic, "a", 1), data: Uint8Array.of(0x0a, 0xff) }, orderRecord(topic, "b", 1)]);
    const stop = start();
    await until(() => seen.length === 1);
    await until(async () => (await consumer.deadLetters.list("unreadable")).length === 1);
    const [letter] = await consumer.deadLetters.list("unreadable");
    assert.deepEqual([letter?.reason, letter?.attempts], ["EVENT_UNREADABLE", 1]);
    assert.equal(await consumer.deadLetters.drop("unreadable", letter?.sequence ?? 0), true);
    assert.deepEqual(await consumer.deadLetters.list("unreadable"), []);
    await stop();
  });

  test("a handler that never settles is given up at its deadline, and its event parked", async () => {
    const { carrier, database } = of();
    const topic = freshTopic();
    const { seen, consumer, start } = stage({ group: "stuck", carrier, database, attemptsMax: 2, handlerMsMax: 30 });
    consumer.on(orderEvent(topic), ({ orderId, step }) => {
      seen.push(`${orderId}:${step}`);
      return new Promise(() => undefined);
    });
    await carrier.publish([orderRecord(topic, "a", 1)]);
    const stop = start();
    await until(async () => (await consumer.deadLetters.list("stuck")).length === 1);
    await stop();
    assert.deepEqual(seen, ["a:1", "a:1"]);
    assert.equal((await consumer.deadLetters.list("stuck"))[0]?.reason, "DEADLINE_EXCEEDED");
  });

  test("a reader knows events of a later version by the fields that it has, and one of an earlier version by defaults", async () => {
    const { carrier, database } = of();
    const topic = freshTopic();
    const later = defineEvent({
      name: "order.placed",
      topic,
      message: OrderPlacedLater,
      key: (message: OrderPlacedLater) => message.orderId,
    });
    const fromLater = OrderPlacedLater.create({ orderId: "a", step: 1, coupon: "spring" });
    await carrier.publish([eventRecord(later, fromLater, { source: "orders", clock: systemClock }), orderRecord(topic, "a", 2)]);
    const [early, late] = ["versions", "versions.later"].map((group) => stage({ group, carrier, database })) as [Stage, Stage];
    early.consumer.on(orderEvent(topic), async (message) => void early.seen.push(JSON.stringify(message)));
    late.consumer.on(later, async (message) => void late.seen.push(JSON.stringify(message)));
    const stops = [early.start(), late.start()];
    await until(() => early.seen.length === 2 && late.seen.length === 2);
    await Promise.all(stops.map((stop) => stop()));
    assert.deepEqual(early.seen, ['{"orderId":"a","step":1}', '{"orderId":"a","step":2}']);
    assert.deepEqual(late.seen, ['{"orderId":"a","step":1,"coupon":"spring"}', '{"orderId":"a","step":2,"coupon":""}']);
  });

  test("what somebody else's outage makes fail is tried until it is over, and parks nothing", async () => {
    const { carrier, database } = of();
    const topic = freshTopic();
    const { seen, consumer, start } = stage({ group: "outage", carrier, database, attemptsMax: 1 });
    let failures = 0;
    consumer.on(orderEvent(topic), async ({ orderId, step }) => {
      if (failures++ < 3) throw fault({ ...coreReasons.DEADLINE_EXCEEDED, reason: "MAIL_AWAY", code: "UNAVAILABLE" }, "away");
      seen.push(`${orderId}:${step}`);
    });
    await carrier.publish([orderRecord(topic, "a", 1)]);
    const stop = start();
    await until(() => seen.length === 1);
    await stop();
    assert.deepEqual(await consumer.deadLetters.list("outage"), []);
  });

  test("an effect in the service's database happens once, though its event comes twice", async () => {
    const { carrier, database } = of();
    const topic = freshTopic();
    const { seen, consumer, start } = stage({ group: "effects", carrier, database });
    const record = orderRecord(topic, "a", 1);
    consumer.apply(orderEvent(topic), async (_, { orderId, step }) => void seen.push(`${orderId}:${step}`));
    await carrier.publish([record, { ...orderRecord(topic, "a", 2) }]);
    const stop = start();
    await until(() => seen.length === 2);
    await stop();
    // Another group's offset: the same group under a carrier that has forgotten it reads all again.
    const again = stage({ group: "effects", carrier: forgetful(carrier), database });
    again.consumer.apply(orderEvent(topic), async (_, { orderId, step }) => void again.seen.push(`${orderId}:${step}`));
    await carrier.publish([orderRecord(topic, "a", 3)]);
    const stopAgain = again.start();
    await until(() => again.seen.length > 0);
    await stopAgain();
    assert.deepEqual(again.seen, ["a:3"]);
  });
}

/** The same carrier to a reader that has lost its place. */
function forgetful(carrier: Carrier): Carrier {
  return { ...carrier, read: (options) => carrier.read({ ...options, group: `${options.group}.again` }) };
}

function describeGroups(of: () => CarrierCase): void {
  test("members of a group share its keys, and who stays takes over from who leaves", async () => {
    const { carrier, other, database } = of();
    const topic = freshTopic();
    const members = [carrier, other].map((one) => {
      const member = stage({ group: "shared", carrier: one, database });
      member.consumer.on(orderEvent(topic), async ({ orderId, step }) => void member.seen.push(`${orderId}:${step}`));
      return member;
    });
    const [first, second] = members as [Stage, Stage];
    const orders = Array.from({ length: 64 }, (_, order) => `o${order}`);
    const send = (step: number): Promise<void> => carrier.publish(orders.map((orderId) => orderRecord(topic, orderId, step)));
    const stopFirst = first.start();
    const stopSecond = second.start();
    let step = 0;
    await until(async () => {
      await send(++step);
      await until(() => first.seen.length + second.seen.length >= orders.length * step);
      return first.seen.length > 0 && second.seen.length > 0;
    });
    await stopFirst();
    const before = second.seen.length;
    const last = step + 1;
    await send(last);
    await until(
      () => orders.every((orderId) => second.seen.includes(`${orderId}:${last}`)),
      () => second.seen.length - before,
    );
    await stopSecond();
    const all = [...first.seen, ...second.seen];
    assert.equal(new Set(all).size, orders.length * last, "nothing is lost");
    for (const orderId of orders)
      for (const { seen } of members) {
        const own = steps(seen, orderId);
        assert.deepEqual(
          own,
          own.toSorted((left, right) => left - right),
          `${orderId} in order`,
        );
      }
  });
}
