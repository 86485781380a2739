import assert from "node:assert/strict";
import { test } from "node:test";
import type { Round } from "./figures.ts";
import { percentile, sceneFigures, wasSaturated } from "./figures.ts";
import type { Turn } from "./turn.ts";

const turnOf = (wallMs: readonly number[], computedMs: readonly number[] = wallMs): Turn => ({
  wallMs,
  computedMs,
  urgentFailures: 1,
  bulkAnswered: 2,
  bulkRefused: 3,
});

test("a percentile is the nearest rank", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.deepEqual([percentile(hundred, 0.99), percentile(hundred, 0.5), percentile([7], 0.99)], [99, 50, 7]);
  assert.ok(Number.isNaN(percentile([], 0.5)));
});

test("ratios are of rounds, so that a round in which all was slow says nothing against a scene", () => {
  const rounds: Round[] = [
    { idle: turnOf([1]), lanes: turnOf([2], [1]), "first-come": turnOf([50]) },
    { idle: turnOf([100]), lanes: turnOf([150], [100]), "first-come": turnOf([500]) },
    { idle: turnOf([1]), lanes: turnOf([1.5], [1]), "first-come": turnOf([60]) },
  ];
  const { wallRatio, computedRatio, calls, bulkAnswered, bulkRefused, urgentFailures } = sceneFigures("lanes", rounds);
  assert.deepEqual([wallRatio, computedRatio, calls, bulkAnswered, bulkRefused, urgentFailures], [1.5, 1, 3, 6, 9, 3]);
  assert.equal(sceneFigures("first-come", rounds).wallRatio, 50);
  assert.equal(sceneFigures("idle", rounds).wallRatio, 1);
});

test("a round in which bulk work did not saturate the instance is none", () => {
  const [idle, full] = [turnOf([1]), turnOf([2])];
  assert.equal(wasSaturated({ idle, lanes: full, "first-come": full }), true);
  assert.equal(wasSaturated({ idle, lanes: { ...full, bulkRefused: 0 }, "first-come": full }), false);
  assert.equal(wasSaturated({ idle, lanes: full, "first-come": { ...full, bulkRefused: 0 } }), false);
});
