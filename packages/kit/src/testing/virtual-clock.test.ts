import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "./virtual-clock.ts";

test("a virtual clock runs due timers in order, and promises between them", async () => {
  const clock = createVirtualClock({ startMs: 1000 });
  const seen: string[] = [];
  clock.after(20, () => seen.push(`b at ${clock.nowMs()}`));
  void clock.sleep(10).then(async () => {
    seen.push(`a at ${clock.nowMs()}`);
    await clock.sleep(5);
    seen.push(`a2 at ${clock.nowMs()}`);
  });
  await clock.advance(19);
  assert.deepEqual(seen, ["a at 1010", "a2 at 1015"]);
  await clock.advance(1);
  assert.deepEqual(seen, ["a at 1010", "a2 at 1015", "b at 1020"]);
  assert.equal(clock.monotonicMs(), 20);
});

test("a virtual clock runs timers of the same moment in the order they were set", async () => {
  const clock = createVirtualClock();
  const seen: number[] = [];
  for (const number of [1, 2, 3]) clock.after(5, () => seen.push(number));
  const stop = clock.after(5, () => seen.push(4));
  stop();
  await clock.advance(5);
  assert.deepEqual(seen, [1, 2, 3]);
  assert.equal(clock.pending, 0);
});

test("a virtual sleep rejects with the reason of its signal and leaves no timer", async () => {
  const clock = createVirtualClock();
  const controller = new AbortController();
  const slept = clock.sleep(1000, controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(slept, /enough/);
  await assert.rejects(clock.sleep(1, controller.signal), /enough/);
  assert.equal(clock.pending, 0);
});

test("a virtual clock runs until idle, and refuses timers without end", async () => {
  const clock = createVirtualClock();
  let left = 100;
  const again = (): void => {
    if (--left > 0) clock.after(60_000, again);
  };
  clock.after(60_000, again);
  await clock.runUntilIdle();
  assert.equal(clock.monotonicMs(), 100 * 60_000);
  const forever = (): void => void clock.after(1, forever);
  forever();
  await assert.rejects(clock.runUntilIdle(), /10000/);
});

test("a virtual clock repeats its chance by seed", () => {
  const draw = (seed: number): number[] => {
    const clock = createVirtualClock({ seed });
    return Array.from({ length: 1000 }, () => clock.random());
  };
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
  const numbers = draw(7);
  assert.ok(numbers.every((number) => number >= 0 && number < 1));
  const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  assert.ok(Math.abs(mean - 0.5) < 0.05, `mean ${mean}`);
});
