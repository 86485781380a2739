import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fault } from "../fault.ts";
import type { ActorContext } from "./actor.ts";
import { counting, faultOf, house } from "./testing/counting-actor.ts";

test("an actor handles messages one at a time, in order, and answers those that ask", async () => {
  const { root, ask } = house();
  const seen: string[] = [];
  const actor = root.actor({
    name: "slow",
    state: () => seen,
    handlers: {
      async work(state, name: string): Promise<string> {
        state.push(`${name} begins`);
        await new Promise((resolve) => setImmediate(resolve));
        state.push(`${name} ends`);
        return name.toUpperCase();
      },
    },
  });
  await actor.tell("work", "a");
  assert.equal(await actor.ask(ask(), "work", "b"), "B");
  assert.deepEqual(seen, ["a begins", "a ends", "b begins", "b ends"]);
  await root.stop();
});

test("messages of one sender stay in order and none is lost, whatever fails", async () => {
  const plan = fc.array(fc.array(fc.boolean(), { maxLength: 15 }), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(plan, async (senders) => {
      const { root, clock } = house({ restartsMax: 1000 });
      const handled: [number, number][] = [];
      const actor = root.actor({
        name: "keeper",
        mailbox: { capacity: 2, overflow: "wait" },
        state: () => undefined,
        handlers: {
          async take(_, { sender, number, fails }: { sender: number; number: number; fails: boolean }): Promise<void> {
            if (fails) throw new Error("planned");
            handled.push([sender, number]);
          },
        },
      });
      const sending = senders.map(async (fails, sender) => {
        for (const [number, one] of fails.entries()) await actor.tell("take", { sender, number, fails: one });
      });
      // Restarts in a row wait ever longer: there is time for all of them.
      const stopped = Promise.all(sending).then(() => actor.stop(1e9));
      let settled = false;
      void stopped.then(() => (settled = true));
      while (!settled) await clock.advance(20_000);
      for (const [sender, fails] of senders.entries()) {
        const own = handled.filter(([from]) => from === sender).map(([, number]) => number);
        assert.deepEqual(
          own,
          [...fails.keys()].filter((number) => !fails[number]),
        );
      }
      const failures = senders.flat().filter(Boolean).length;
      assert.equal(root.deadLetters.counts.get("ACTOR_FAILED") ?? 0, failures);
    }),
    { numRuns: 60 },
  );
});

test("a failed message ends in the dead letters, the state begins anew, and what waited is kept", async () => {
  const { root, clock, ask } = house();
  const log: string[] = [];
  const actor = counting(root, log);
  await actor.tell("add", 5);
  const failed = assert.rejects(actor.ask(ask(), "fail", "broken"), faultOf("ACTOR_FAILED"));
  const after = actor.ask(ask(), "add", 1);
  await failed;
  await clock.advance(100);
  assert.equal(await after, 1);
  assert.equal(actor.restarts, 1);
  assert.deepEqual(log, ["fail 5", "release 5"]);
  const [letter] = root.deadLetters.take();
  assert.deepEqual([letter?.actor, letter?.message, letter?.payload, letter?.fault.reason], ["counter", "fail", "broken", "ACTOR_FAILED"]);
  await root.stop();
});

test("a message is tried again by the next incarnation, as often as it may be", async () => {
  const { root, clock, ask } = house();
  const log: string[] = [];
  const actor = counting(root, log, { triesMax: 3 });
  const failed = assert.rejects(actor.ask(ask(), "fail", "again"), faultOf("ACTOR_FAILED"));
  await clock.advance(1000);
  await failed;
  assert.deepEqual(
    log.filter((line) => line.startsWith("fail")),
    ["fail 0", "fail 0", "fail 0"],
  );
  await root.stop();
});

test("a Fault that a handler throws reaches the asker as it is", async () => {
  const { root, ask } = house();
  const actor = root.actor({
    name: "refusing",
    state: () => undefined,
    onFailure: () => "resume",
    handlers: {
      no(): never {
        throw fault({ reason: "OUT_OF_STOCK", code: "FAILED_PRECONDITION" }, "none left");
      },
    },
  });
  await assert.rejects(actor.ask(ask(), "no"), faultOf("OUT_OF_STOCK"));
  await assert.rejects(actor.ask(ask(), "no"), faultOf("OUT_OF_STOCK"));
  assert.equal(actor.restarts, 0);
  await root.stop();
});

test("a full mailbox does what it was told to", async () => {
  const blocked = Promise.withResolvers<void>();
  const { root, ask, clock } = house();
  const blocking = (overflow: "reject" | "wait" | "drop_oldest" | "drop_newest") =>
    root.actor({
      name: overflow,
      mailbox: { capacity: 1, overflow },
      state: () => [] as number[],
      handlers: {
        async add(state, number: number): Promise<number[]> {
          await blocked.promise;
          state.push(number);
          return state;
        },
      },
    });
  const actors = { reject: blocking("reject"), wait: blocking("wait"), oldest: blocking("drop_oldest"), newest: blocking("drop_newest") };
  for (const actor of Object.values(actors)) {
    await actor.tell("add", 1);
    // The first is being handled, the second waits.
    await clock.advance(0);
    await actor.tell("add", 2);
  }
  await assert.rejects(actors.reject.tell("add", 3), faultOf("MAILBOX_FULL"));
  await actors.oldest.tell("add", 3);
  await actors.newest.tell("add", 3);
  const waiting = actors.wait.tell("add", 3);
  const expired = assert.rejects(actors.wait.ask(ask(10), "add", 4), faultOf("DEADLINE_EXCEEDED"));
  await clock.advance(10);
  await expired;
  blocked.resolve();
  await waiting;
  const last = async (actor: (typeof actors)["wait"]): Promise<number[]> => {
    await clock.advance(0);
    return actor.ask(ask(), "add", 9);
  };
  assert.deepEqual(await last(actors.reject), [1, 2, 9]);
  assert.deepEqual(await last(actors.wait), [1, 2, 3, 9]);
  assert.deepEqual(await last(actors.oldest), [1, 3, 9]);
  assert.deepEqual(await last(actors.newest), [1, 2, 9]);
  assert.equal(root.deadLetters.counts.get("MAILBOX_FULL"), 3);
  await root.stop();
});

test("an ask whose deadline passes while it waits is not begun", async () => {
  const blocked = Promise.withResolvers<void>();
  const { root, ask, clock } = house();
  const begun: string[] = [];
  const actor = root.actor({
    name: "busy",
    state: () => begun,
    handlers: {
      async work(state, name: string): Promise<void> {
        state.push(name);
        await blocked.promise;
      },
    },
  });
  await actor.tell("work", "first");
  const late = assert.rejects(actor.ask(ask(50), "work", "late"), faultOf("DEADLINE_EXCEEDED"));
  await clock.advance(50);
  await late;
  blocked.resolve();
  await actor.stop();
  assert.deepEqual(begun, ["first"]);
  assert.deepEqual(
    root.deadLetters.take().map((letter) => letter.fault.reason),
    ["DEADLINE_EXCEEDED"],
  );
});

test("a handler that never settles is given up, and its state is not used again", async () => {
  const { root, clock, ask } = house();
  let told = false;
  const released: number[] = [];
  const states: { count: number }[] = [];
  const actor = root.actor({
    name: "stuck",
    handlerTimeoutMs: 100,
    state: () => {
      const state = { count: 0 };
      states.push(state);
      return state;
    },
    release: (state) => void released.push(state.count),
    handlers: {
      stick: (_, __: undefined, context: ActorContext): Promise<void> =>
        new Promise(() => context.signal.addEventListener("abort", () => (told = true), { once: true })),
      add: (state): number => ++state.count,
    },
  });
  const stuck = assert.rejects(actor.ask(ask(), "stick", undefined), faultOf("HANDLER_TIMEOUT"));
  const next = actor.ask(ask(), "add");
  await clock.advance(200);
  await stuck;
  assert.equal(await next, 1);
  assert.equal(told, true);
  assert.equal(states.length, 2);
  assert.deepEqual(released, []);
  await root.stop();
  assert.deepEqual(released, [1]);
});

test("stopping handles what waits, then refuses; what does not end in time is refused too", async () => {
  const { root, clock, ask } = house();
  const log: string[] = [];
  const actor = counting(root, log);
  const answers = [actor.ask(ask(), "add", 1), actor.ask(ask(), "add", 1)];
  await actor.stop();
  assert.deepEqual(await Promise.all(answers), [1, 2]);
  assert.deepEqual(log, ["release 2"]);
  assert.equal(actor.state, "stopped");
  await assert.rejects(actor.ask(ask(), "read"), faultOf("ACTOR_STOPPED"));
  await assert.rejects(actor.tell("add", 1), faultOf("ACTOR_STOPPED"));
  const hanging = root.actor({ name: "hanging", state: () => 0, handlers: { hang: (): Promise<void> => new Promise(() => undefined) } });
  const refused = [
    assert.rejects(hanging.ask(ask(), "hang"), faultOf("ACTOR_STOPPED")),
    assert.rejects(hanging.ask(ask(), "hang"), faultOf("ACTOR_STOPPED")),
  ];
  const stopped = hanging.stop(500);
  await clock.advance(500);
  await stopped;
  await Promise.all(refused);
  assert.equal(clock.pending, 0);
});

test("a state that cannot be made is tried again, and the message waits", async () => {
  const { root, clock, ask } = house();
  let attempts = 0;
  const actor = root.actor({
    name: "late",
    state: () => {
      if (++attempts < 3) throw new Error("not yet");
      return attempts;
    },
    handlers: { read: (state): number => state },
  });
  const answer = actor.ask(ask(), "read");
  await clock.advance(1000);
  assert.equal(await answer, 3);
  await root.stop();
});
