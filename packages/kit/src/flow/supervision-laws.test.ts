import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isFault } from "../fault.ts";
import type { ActorContext } from "./actor.ts";
import { house } from "./testing/counting-actor.ts";

/** How a message ends its handler: well, by throwing, by never settling, or by a throw that climbs to the supervisor above. */
type Fate = "well" | "throws" | "hangs" | "climbs";

const message = fc.record({
  actor: fc.nat({ max: 5 }),
  fate: fc.oneof(
    { weight: 6, arbitrary: fc.constant<Fate>("well") },
    { weight: 3, arbitrary: fc.constantFrom<Fate>("throws", "hangs", "climbs") },
  ),
  asks: fc.boolean(),
  pauseMs: fc.constantFrom(0, 0, 1, 50, 5000),
});

const plan = fc.record({
  strategies: fc.tuple(...[0, 1].map(() => fc.constantFrom("one_for_one" as const, "one_for_all" as const, "rest_for_one" as const))),
  triesMax: fc.integer({ min: 1, max: 3 }),
  restartsMax: fc.constantFrom(1, 3, 1000),
  badStates: fc.integer({ min: 0, max: 2 }),
  messages: fc.array(message, { maxLength: 60 }),
});

interface Outcome {
  readonly messages: readonly { readonly asks: boolean }[];
  readonly handled: readonly { readonly actor: number; readonly number: number }[];
  readonly settled: ReadonlyMap<number, "answered" | "refused">;
  readonly dead: readonly number[];
}

function judge({ messages, handled, settled, dead }: Outcome): void {
  const ends = [...handled.map(({ number }) => number), ...dead].toSorted((one, other) => one - other);
  assert.deepEqual(ends, [...messages.keys()], "handled once or dead once");
  for (const actor of new Set(handled.map((one) => one.actor))) {
    const own = handled.filter((one) => one.actor === actor).map(({ number }) => number);
    assert.deepEqual(
      own,
      own.toSorted((one, other) => one - other),
      "in the order of sending",
    );
  }
  for (const [number, { asks }] of messages.entries())
    if (asks) assert.equal(settled.get(number), dead.includes(number) ? "refused" : "answered", `ask ${number}`);
}

test("whoever is killed and restarted: each message is handled once or is a dead letter once, in order, and each ask settles", async () => {
  await fc.assert(
    fc.asyncProperty(plan, async ({ strategies, triesMax, restartsMax, badStates, messages }) => {
      const { root, clock, ask } = house({ strategy: strategies[0]!, restartsMax, withinMs: 1000 });
      const branches = [0, 1].map((at) => root.supervisor({ name: `branch ${at}`, strategy: strategies[1]!, restartsMax, withinMs: 1000 }));
      const handled: { actor: number; number: number }[] = [];
      let alive = 0;
      let unmade = badStates;
      const actors = Array.from({ length: 6 }, (_, actor) =>
        branches[actor % 2]!.actor({
          name: `${actor}`,
          triesMax,
          handlerTimeoutMs: 100,
          onFailure: (thrown) => ((thrown as Error).message === "climbs" ? "escalate" : "restart"),
          state: () => {
            if (unmade-- > 0) throw new Error("no state");
            alive += 1;
            return { holds: true };
          },
          release: () => void (alive -= 1),
          handlers: {
            async take(state, { number, fate }: { number: number; fate: Fate }, { signal }: ActorContext): Promise<number> {
              assert.ok(state.holds && !signal.aborted);
              if (fate === "hangs") {
                // Given up with its state, which nobody releases.
                alive -= 1;
                await new Promise(() => undefined);
              }
              if (fate !== "well") throw new Error(fate);
              await Promise.resolve();
              handled.push({ actor, number });
              return number;
            },
          },
        }),
      );
      const settled = new Map<number, "answered" | "refused">();
      for (const [number, { actor, fate, asks, pauseMs }] of messages.entries()) {
        const one = actors[actor]!;
        const sent = asks ? one.ask(ask(), "take", { number, fate }) : one.tell("take", { number, fate });
        void sent.then(
          () => asks && settled.set(number, "answered"),
          (thrown: unknown) => {
            assert.ok(isFault(thrown));
            settled.set(number, "refused");
          },
        );
        await clock.advance(pauseMs);
      }
      let stopped = false;
      void root.stop(1e7).then(() => (stopped = true));
      for (let left = 2000; !stopped && left > 0; left--) await clock.advance(20_000);
      assert.ok(stopped, "the tree stops, however often it was killed");
      judge({ messages, handled, settled, dead: root.deadLetters.take().map(({ payload }) => (payload as { number: number }).number) });
      assert.equal(alive, 0, "every state was released, or given up with its handler");
    }),
    { numRuns: 150 },
  );
});
