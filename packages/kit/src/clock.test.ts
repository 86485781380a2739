import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "./clock.ts";

test("the system clock sleeps at least as long as asked", async () => {
  const startMs = systemClock.monotonicMs();
  await systemClock.sleep(5);
  // Timers may fire up to a millisecond early against performance.now.
  assert.ok(systemClock.monotonicMs() - startMs >= 4);
});

test("the system clock's sleep rejects with the signal's reason, at once or later", async () => {
  const controller = new AbortController();
  const slept = systemClock.sleep(60_000, controller.signal);
  const reason = new Error("stop");
  controller.abort(reason);
  await assert.rejects(slept, (thrown) => thrown === reason);
  await assert.rejects(systemClock.sleep(1, controller.signal), (thrown) => thrown === reason);
});

test("the system clock cuts durations over the platform's limit instead of firing at once", async () => {
  const controller = new AbortController();
  let fired = false;
  const stop = systemClock.after(Number.MAX_SAFE_INTEGER, () => (fired = true));
  const slept = systemClock.sleep(Infinity, controller.signal);
  await systemClock.sleep(5);
  assert.equal(fired, false);
  stop();
  controller.abort(new Error("enough"));
  await assert.rejects(slept, /enough/);
});

test("the system clock's after can be taken back", async () => {
  let fired = 0;
  const stop = systemClock.after(1, () => fired++);
  await new Promise<void>((resolve) => void systemClock.after(1, resolve));
  assert.equal(fired, 1);
  stop();
  systemClock.after(1, () => fired++)();
  await systemClock.sleep(5);
  assert.equal(fired, 1);
});
