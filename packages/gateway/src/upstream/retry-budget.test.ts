import assert from "node:assert/strict";
import { test } from "node:test";
import { createRetryBudget } from "./retry-budget.ts";

test("retry budget allows a tenth of the traffic and a small floor", () => {
  const budget = createRetryBudget(0.1, 10);
  let taken = 0;
  for (let ms = 0; ms < 9000; ms++) {
    budget.countRequest(ms);
    if (budget.take(ms)) taken++;
  }
  assert.equal(taken, 1000);
});

test("retry budget stays within its share second after second", () => {
  const budget = createRetryBudget(0.1, 10);
  let taken = 0;
  for (let ms = 0; ms < 60_000; ms += 0.5) {
    budget.countRequest(ms);
    if (budget.take(ms)) taken++;
  }
  assert.ok(taken <= 120_000 * 0.1 + 7 * 100, String(taken));
  assert.ok(taken >= 120_000 * 0.1, String(taken));
});

test("retry budget fills again after a silence, whatever its length", () => {
  for (const silenceMs of [10_000, 10_999, 1e9]) {
    const budget = createRetryBudget(0.1, 1);
    const drain = (ms: number): number => {
      let taken = 0;
      while (budget.take(ms)) taken++;
      return taken;
    };
    assert.equal(drain(5), 10);
    assert.equal(drain(5000), 0);
    assert.equal(drain(5 + silenceMs), 10);
  }
});
