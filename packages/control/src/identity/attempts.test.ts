import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "@weir/kit/testing/virtual-clock";
import { createAttempts } from "./attempts.ts";

test("a key may fail 20 times at once and then once in three seconds, while others are not held up", async () => {
  const clock = createVirtualClock();
  const attempts = createAttempts({ clock });
  const counted = Array.from({ length: 25 }, () => attempts.count("a"));
  assert.equal(counted.filter((waitMs) => waitMs === 0).length, 20);
  assert.equal(attempts.waitMs("a"), 3000);
  assert.equal(attempts.count("b"), 0);
  await clock.advance(3000);
  assert.equal(attempts.count("a"), 0);
  assert.ok(attempts.count("a") > 0);
});

test("many keys together are held up too, so that nobody fills the audit from many addresses", () => {
  const attempts = createAttempts({ clock: createVirtualClock() });
  const counted = Array.from({ length: 300 }, (_, index) => attempts.count(`address ${index}`));
  assert.equal(counted.filter((waitMs) => waitMs === 0).length, 200);
});

test("asking how long to wait is no attempt", () => {
  const attempts = createAttempts({ clock: createVirtualClock(), burst: 1 });
  for (let index = 0; index < 10; index++) assert.equal(attempts.waitMs("a"), 0);
  assert.equal(attempts.count("a"), 0);
});
