import assert from "node:assert/strict";
import { test } from "node:test";
import { VersionWindow } from "@weir/api/traffic";
import type { Delta, DeltaMetric } from "./delta.ts";
import { deltasFrom, differenceInterval } from "./delta.ts";

const versions = { fresh: "v2", stable: "v1" };

function deltaOf(metric: DeltaMetric, fresh: Partial<VersionWindow>, stable: Partial<VersionWindow>): Delta | undefined {
  const windows = [VersionWindow.create({ version: "v2", ...fresh }), VersionWindow.create({ version: "v1", ...stable })];
  return deltasFrom(windows, versions).find((delta) => delta.metric === metric);
}

test("interval of a difference is Newcombe's", () => {
  // The worked example of Newcombe (1998), table II: 56/70 against 48/80, method 10.
  const [low, high] = differenceInterval([56, 70], [48, 80]);
  assert.ok(Math.abs(low - 0.0524) < 0.0001 && Math.abs(high - 0.3339) < 0.0001, `${low} … ${high}`);
  assert.deepEqual(differenceInterval([0, 0], [1, 9]), [-1, 1]);
});

test("error ratio is called worse only when chance does not explain it", () => {
  assert.equal(deltaOf("errors", { requests: 500, errors: 5 }, { requests: 8000, errors: 40 })?.judgement, "unknown");
  assert.equal(deltaOf("errors", { requests: 500, errors: 25 }, { requests: 8000, errors: 40 })?.judgement, "worse");
  assert.equal(deltaOf("errors", { requests: 8000, errors: 4 }, { requests: 8000, errors: 90 })?.judgement, "better");
  assert.equal(deltaOf("errors", { requests: 500 }, { requests: 8000 })?.judgement, "same");
});

test("deltas conclude nothing from too few requests on either side", () => {
  for (const [fresh, stable] of [
    [49, 5000],
    [5000, 49],
    [0, 0],
  ] as const) {
    const delta = deltaOf("errors", { requests: fresh, errors: fresh }, { requests: stable });
    assert.deepEqual([delta?.tooFew, delta?.judgement, delta?.freshCount, delta?.stableCount], [true, "unknown", fresh, stable]);
  }
  assert.equal(deltaOf("p99", { requests: 199, p99Ms: 900 }, { requests: 5000, p99Ms: 10 })?.tooFew, true);
  assert.equal(deltaOf("p50", { requests: 199, p50Ms: 900 }, { requests: 5000, p50Ms: 10 })?.judgement, "worse");
});

test("latency counts as the same within a tenth, a p99 within a third", () => {
  const p50 = (newMs: number): string | undefined =>
    deltaOf("p50", { requests: 900, p50Ms: newMs }, { requests: 900, p50Ms: 10 })?.judgement;
  assert.deepEqual([p50(10.9), p50(9.2), p50(11.5), p50(8)], ["same", "same", "worse", "better"]);
  assert.equal(deltaOf("p50", { requests: 900, p50Ms: 0.9 }, { requests: 900, p50Ms: 0.4 })?.judgement, "same", "half a millisecond");
  assert.equal(deltaOf("p99", { requests: 900, p99Ms: 12.5 }, { requests: 900, p99Ms: 10 })?.judgement, "same");
});

test("deltas count a version without reports as without requests", () => {
  const deltas = deltasFrom([], versions);
  assert.equal(deltas.length, 4);
  assert.ok(deltas.every((delta) => delta.tooFew && delta.freshCount === 0 && delta.stableCount === 0));
});
