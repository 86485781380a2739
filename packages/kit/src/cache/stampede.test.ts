import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Call } from "../call.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { VirtualClock } from "../testing/virtual-clock.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { createCache } from "./cache.ts";
import { createMemoryStore } from "./memory-store.ts";
import type { CacheStore } from "./store.ts";

/** A store that several processes share: every operation arrives and is answered later, by chance. */
function distant<V>(inner: CacheStore<V>, clock: VirtualClock): CacheStore<V> {
  const trip = async <T>(operation: () => T | Promise<T>): Promise<T> => {
    await clock.sleep(clock.random() * 5);
    const answer = await operation();
    await clock.sleep(clock.random() * 5);
    return answer;
  };
  return {
    get: (key) => trip(() => inner.get(key)),
    set: (key, entry) => trip(() => inner.set(key, entry)),
    drop: (key) => trip(() => inner.drop(key)),
    async lease(key, durationMs) {
      const lease = await trip(() => inner.lease(key, durationMs));
      return lease && { keep: (entry) => trip(() => lease.keep(entry)), end: () => trip(() => lease.end()) };
    },
  };
}

interface Load {
  readonly startMs: number;
  readonly endMs: number;
}

const ttlMs = 200;
const ttlJitter = 0.2;

const plan = fc.record({
  seed: fc.integer(),
  processes: fc.integer({ min: 1, max: 4 }),
  staleMs: fc.constantFrom(0, 100, 1000),
  loadMsMax: fc.constantFrom(0, 30, 150),
  isDistant: fc.boolean(),
  /** Each a process and a pause before it asks. */
  asks: fc.array(fc.record({ process: fc.nat(), pauseMs: fc.constantFrom(0, 0, 0, 1, 10, 60, 300) }), { minLength: 20, maxLength: 120 }),
});

test("a hot key is loaded by one at a time and once for each time that it is fresh, however it is asked for", async () => {
  await fc.assert(
    fc.asyncProperty(plan, async ({ seed, processes, staleMs, loadMsMax, isDistant, asks }) => {
      const clock = createVirtualClock({ seed });
      const inner = createMemoryStore<number>({ clock });
      const store = isDistant ? distant(inner, clock) : inner;
      const loads: Load[] = [];
      let underWay = 0;
      const load = async (): Promise<number> => {
        underWay += 1;
        assert.equal(underWay, 1, "one load at a time");
        const startMs = clock.monotonicMs();
        if (loadMsMax > 0) await clock.sleep(clock.random() * loadMsMax);
        underWay -= 1;
        return loads.push({ startMs, endMs: clock.monotonicMs() });
      };
      const caches = Array.from({ length: processes }, (_, process) =>
        createCache({ name: `${process}`, store, load, ttlMs, ttlJitter, staleMs, clock, metrics: createMetrics() }),
      );
      const answers: Promise<void>[] = [];
      for (const { process, pauseMs } of asks) {
        if (pauseMs > 0) await clock.advance(pauseMs);
        const askedMs = clock.monotonicMs();
        answers.push(
          caches[process % processes]!.get("hot", new Call({ clock })).then((number) => {
            const found = loads[(number ?? 0) - 1];
            assert.ok(found, "what is answered was loaded");
            const ageMs = askedMs - found.endMs;
            assert.ok(ageMs <= ttlMs * (1 + ttlJitter) + staleMs, `an answer ${ageMs} ms old`);
          }),
        );
      }
      const settled = Promise.all(answers);
      let isSettled = false;
      void settled.then(
        () => (isSettled = true),
        () => (isSettled = true),
      );
      while (!isSettled) await clock.advance(50);
      await settled;
      await clock.advance(1000);
      for (const [index, { startMs }] of loads.entries()) {
        const before = loads[index - 1];
        const restedMs = before ? startMs - before.endMs : Infinity;
        assert.ok(restedMs >= ttlMs * (1 - ttlJitter), `loaded again after ${restedMs} ms`);
      }
    }),
    { numRuns: 150 },
  );
});
