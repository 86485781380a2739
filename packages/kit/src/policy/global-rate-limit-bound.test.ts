import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { layered } from "../service.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { createGlobalRateLimit } from "./global-rate-limit.ts";
import { createLocalTokens } from "./local-tokens.ts";
import { callOf } from "./testing/scripted-server.ts";
import type { TokenSource } from "./token-source.ts";

const story = fc.record({
  seed: fc.integer({ min: 1, max: 1e6 }),
  instances: fc.integer({ min: 1, max: 5 }),
  perSecond: fc.constantFrom(5, 50, 500),
  burst: fc.constantFrom(1, 20, 200),
  leaseMax: fc.constantFrom(1, 7, 50),
  /** For each tenth of a second: calls of each 10 ms to each instance, and what the source does. */
  steps: fc.array(
    fc.record({ calls: fc.integer({ min: 0, max: 12 }), source: fc.constantFrom("works", "works", "works", "late", "rejects") }),
    {
      minLength: 5,
      maxLength: 25,
    },
  ),
});

/** When calls passed, in the order in which they did. */
async function timesOf(given: typeof story extends fc.Arbitrary<infer T> ? T : never): Promise<number[]> {
  const { seed, instances, perSecond, burst, leaseMax, steps } = given;
  const clock = createVirtualClock({ seed });
  const kept = createLocalTokens(clock);
  let mode = "works";
  const tokens: TokenSource = {
    async take(...args) {
      if (mode === "rejects") throw new Error("away");
      // Sometimes beyond the time-out of 50: granted, but never heard of.
      await clock.sleep(mode === "late" ? clock.random() * 100 : clock.random() * 3);
      return kept.take(...args);
    },
  };
  const options = { perSecond, burst, leaseMax, whenAway: "closed", retryMs: 100 } as const;
  const serves = Array.from({ length: instances }, () =>
    layered<string, string>(async (request) => request, [createGlobalRateLimit(options, { clock, tokens }).layer]),
  );
  const times: number[] = [];
  for (const { calls, source } of steps) {
    mode = source;
    for (let turn = 0; turn < 10; turn++) {
      for (const serve of serves)
        for (let call = 0; call < calls; call++)
          serve("x", callOf(clock, 1000)).then(
            () => times.push(clock.monotonicMs()),
            () => undefined,
          );
      await clock.advance(10);
    }
  }
  await clock.advance(2000);
  return times;
}

test("in no time at all more calls pass than the limit, a burst and what instances hold, whatever the source does", async () => {
  await fc.assert(
    fc.asyncProperty(story, async (given) => {
      const times = await timesOf(given);
      const slack = given.burst + given.instances * Math.min(given.leaseMax, given.burst);
      // Over every window at once: what has passed beyond the rate, against the least that had before.
      let least = 0;
      for (const [index, atMs] of times.entries()) {
        const beyond = index - (given.perSecond * atMs) / 1000;
        least = Math.min(least, beyond);
        assert.ok(beyond + 1 - least <= slack + 1e-6, `${beyond + 1 - least} beyond the rate, ${slack} may be`);
      }
    }),
    { numRuns: 60 },
  );
});
