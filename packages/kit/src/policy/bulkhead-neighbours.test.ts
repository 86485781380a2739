import assert from "node:assert/strict";
import { test } from "node:test";
import { layered } from "../service.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { createBulkhead } from "./bulkhead.ts";
import { callOf } from "./testing/scripted-server.ts";

interface Found {
  readonly answered: number;
  readonly asked: number;
  readonly waitMsP99: number;
}

/**
 * Ten seconds of one instance that can do 200 calls a second. A noisy caller asks 1,000 times a second, a quiet one 20 times; what the quiet
 * one got.
 */
async function besideNoise(withCallers: boolean): Promise<Found> {
  const clock = createVirtualClock({ seed: 8 });
  const policy = createBulkhead<string>(
    { concurrencyMax: 2, queueMax: 200 },
    { clock, ...(withCallers && { callerOf: (caller) => caller }) },
  );
  const serve = layered<string, void>(() => clock.sleep(10), [policy.layer]);
  const tookMs: number[] = [];
  let asked = 0;
  for (let ms = 0; ms < 10_000; ms++) {
    serve("noisy", callOf(clock)).catch(() => undefined);
    if (clock.random() < 0.02) {
      const beganMs = clock.monotonicMs();
      asked += 1;
      serve("quiet", callOf(clock)).then(
        () => tookMs.push(clock.monotonicMs() - beganMs),
        () => undefined,
      );
    }
    await clock.advance(1);
  }
  await clock.advance(5000);
  const sorted = tookMs.toSorted((left, right) => left - right);
  return { answered: tookMs.length, asked, waitMsP99: sorted[Math.floor(sorted.length * 0.99)] ?? Infinity };
}

test("planted fault, a noisy neighbour: what it costs another caller is bounded by a turn each, and without turns it is not", async () => {
  const fair = await besideNoise(true);
  assert.equal(fair.answered, fair.asked, "none of the quiet caller's calls is refused");
  assert.ok(fair.waitMsP99 <= 60, `P99 ${fair.waitMsP99} ms beside a neighbour that asks for five times of what can be done`);
  const unfair = await besideNoise(false);
  assert.ok(
    unfair.answered < 0.5 * unfair.asked && unfair.waitMsP99 > 500,
    `${unfair.answered} of ${unfair.asked}, P99 ${unfair.waitMsP99} ms`,
  );
});
