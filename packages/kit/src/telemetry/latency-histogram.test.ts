import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "../fault.ts";
import { createLatencyHistogram, latencyBucketCount, latencyHistogramFromCounts } from "./latency-histogram.ts";

const invalid = (error: unknown): boolean => isFault(error) && error.reason === "HISTOGRAM_INVALID";

test("latency histogram answers any duration from 10 µs to 60 s within 5 %", () => {
  for (let durationMs = 0.01; durationMs <= 60_000; durationMs *= 1.0007) {
    const histogram = createLatencyHistogram();
    histogram.record(durationMs);
    const found = histogram.quantile(0.5) ?? 0;
    const error = Math.abs(found - durationMs) / durationMs;
    assert.ok(error <= 0.033, `${durationMs} ms was answered as ${found}: ${(error * 100).toFixed(1)} % off`);
  }
});

test("latency histogram's quantiles agree with a sorted list", () => {
  const seed = Date.now() % 2 ** 31;
  let state = seed;
  const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  const histogram = createLatencyHistogram();
  const all = Array.from({ length: 20_000 }, () => Math.exp(random() * 12 - 4));
  for (const durationMs of all) histogram.record(durationMs);
  all.sort((left, right) => left - right);
  for (const q of [0, 0.01, 0.5, 0.9, 0.99, 0.999, 1]) {
    const exact = all[Math.max(0, Math.ceil(q * all.length) - 1)] ?? 0;
    const found = histogram.quantile(q) ?? 0;
    assert.ok(Math.abs(found - exact) / exact < 0.05, `seed ${seed}: q ${q} is ${exact}, found ${found}`);
  }
});

test("latency histograms merge into the histogram of everything", () => {
  const whole = createLatencyHistogram();
  const merged = createLatencyHistogram();
  for (let part = 0; part < 5; part++) {
    const histogram = createLatencyHistogram();
    for (let index = 0; index < 500; index++) {
      const durationMs = 0.05 * (part + 1) * (index + 1);
      histogram.record(durationMs);
      whole.record(durationMs);
    }
    if (part % 2 === 0) merged.merge(histogram);
    else merged.addCounts(JSON.parse(JSON.stringify(histogram.toCounts())) as number[]);
  }
  assert.deepEqual(merged.toCounts(), whole.toCounts());
  assert.equal(merged.count(), 2500);
  assert.equal(latencyHistogramFromCounts(whole.toCounts()).quantile(0.99), whole.quantile(0.99));
});

test("latency histogram counts what cannot be a duration as the nearest that can", () => {
  const histogram = createLatencyHistogram();
  for (const odd of [-1, 0, Number.NaN, 1e9, Infinity]) histogram.record(odd);
  assert.equal(histogram.count(), 5);
  assert.deepEqual(histogram.toCounts(), [0, 3, latencyBucketCount - 1, 2]);
  histogram.clear();
  assert.equal(histogram.quantile(0.5), undefined);
  assert.deepEqual(histogram.toCounts(), []);
});

test("latency histogram refuses counts that it cannot have made, and stays as it was", () => {
  const histogram = createLatencyHistogram();
  for (const counts of [[1], [-1, 1], [latencyBucketCount, 1], [1.5, 1], [3, -1], [3, 0.5], [3, 1, 4, Number.NaN]]) {
    assert.throws(() => histogram.addCounts(counts), invalid);
  }
  assert.equal(histogram.count(), 0);
});
