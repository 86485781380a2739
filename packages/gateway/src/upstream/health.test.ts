import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock, type Clock } from "@weir/kit/clock";
import { createHealth, healthPolicy, isProbeDue, recordAnswered, recordFailed, releaseProbe, type Health } from "./health.ts";

let nowMs = 0;
let chance = 0.5;
const clock: Clock = { ...systemClock, monotonicMs: () => nowMs, random: () => chance };
const fail = (health: Health, mayEject = true): boolean => recordFailed(health, { clock, policy: healthPolicy, mayEject });
const answer = (health: Health): void => recordAnswered(health, nowMs, healthPolicy);

test("health ejects after failures in a row, not after scattered ones", () => {
  const health = createHealth();
  for (let index = 0; index < 9; index++) {
    fail(health);
    fail(health);
    answer(health);
    answer(health);
    answer(health);
  }
  assert.equal(health.state, "healthy");
  assert.deepEqual([fail(health), fail(health), fail(health)], [false, false, true]);
  assert.equal(health.state, "ejected");
});

test("health ejects when half of a window fails", () => {
  const health = createHealth();
  let asked = 0;
  while (health.state === "healthy") {
    if (asked++ % 2 === 0) fail(health);
    else answer(health);
    assert.ok(asked < 100);
  }
  assert.equal(asked, 21);
});

test("health forgets a window that is over", () => {
  nowMs = 0;
  const health = createHealth();
  for (let index = 0; index < 9; index++) {
    fail(health);
    answer(health);
  }
  nowMs += healthPolicy.windowMs;
  for (let index = 0; index < 3; index++) {
    answer(health);
    fail(health);
  }
  assert.equal(health.state, "healthy");
});

test("ejections grow, are jittered and bounded, and start small again after a long healthy time", () => {
  const health = createHealth();
  const durations: number[] = [];
  for (let index = 0; index < 8; index++) {
    for (let failures = 0; failures < 3 && health.state === "healthy"; failures++) fail(health);
    durations.push(health.ejectedUntilMs - nowMs);
    assert.equal(isProbeDue(health, health.ejectedUntilMs - 1), false);
    nowMs = health.ejectedUntilMs;
    assert.equal(isProbeDue(health, nowMs), true);
    health.state = "probing";
    fail(health);
  }
  assert.deepEqual(durations, [1000, 2000, 4000, 8000, 16000, 30_000, 30_000, 30_000]);
  nowMs = health.ejectedUntilMs;
  health.state = "probing";
  answer(health);
  assert.equal(health.state, "healthy");
  nowMs += healthPolicy.ejectionMsMax;
  chance = 0;
  for (let failures = 0; failures < 3; failures++) fail(health);
  assert.equal(health.ejectedUntilMs - nowMs, 800);
  chance = 0.5;
});

test("health takes no lesson from requests that began before the ejection", () => {
  const health = createHealth();
  for (let failures = 0; failures < 3; failures++) fail(health);
  const until = health.ejectedUntilMs;
  answer(health);
  fail(health);
  assert.equal(health.state, "ejected");
  assert.equal(health.ejectedUntilMs, until);
});

test("a probe without a verdict leaves the place to the next one", () => {
  const health = createHealth();
  for (let failures = 0; failures < 3; failures++) fail(health);
  health.state = "probing";
  releaseProbe(health);
  assert.equal(isProbeDue(health, health.ejectedUntilMs), true);
});

test("health does not eject below the floor", () => {
  const health = createHealth();
  for (let failures = 0; failures < 50; failures++) assert.equal(fail(health, false), false);
  assert.equal(health.state, "healthy");
});
