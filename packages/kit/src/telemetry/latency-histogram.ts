import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";

/**
 * Counts of durations in fixed, log-linear buckets: 16 to each doubling, so a quantile is at most 3.2 % off between
 * 10 µs and 60 s (below, at most 0.32 µs; longer ones count as 60 s). Every histogram has the same buckets: those of
 * many processes are merged by adding, and p99 of the sum is the p99 of all.
 */
export interface LatencyHistogram {
  /** Counts one duration. Less than 0 or not a number counts as 0. */
  record(durationMs: number): void;
  merge(other: LatencyHistogram): void;
  /** Adds what `toCounts` of another gave. Rejects with HISTOGRAM_INVALID, and then nothing was added. */
  addCounts(counts: readonly number[]): void;
  /** Duration in milliseconds that the share `q` (0 to 1) of all do not exceed; undefined while there are none. */
  quantile(q: number): number | undefined;
  /** How many were recorded. */
  count(): number;
  /** Index and count of every bucket that is not empty, in turn: `[40, 3, 41, 1]`. */
  toCounts(): number[];
  /** Forgets everything. */
  clear(): void;
}

const subBits = 4;
const subCount = 1 << subBits;
/** 10 µs is unit 16: there the linear part ends and the relative error begins to hold. */
const unitsPerMs = 1600;
const unitsMax = 60_000 * unitsPerMs;

/** Number of buckets of every histogram. */
export const latencyBucketCount: number = bucketIndex(unitsMax) + 1;

/** An empty histogram; 3 KB. */
export function createLatencyHistogram(): LatencyHistogram {
  const buckets = new Float64Array(latencyBucketCount);
  let total = 0;
  const histogram: LatencyHistogram = {
    record(durationMs) {
      const index = bucketIndex(durationMs > 0 ? Math.min(durationMs * unitsPerMs, unitsMax) : 0);
      buckets[index] = (buckets[index] ?? 0) + 1;
      total++;
    },
    merge: (other) => histogram.addCounts(other.toCounts()),
    addCounts(counts) {
      refuseInvalid(counts);
      for (let position = 0; position < counts.length; position += 2) {
        const index = counts[position] ?? 0;
        const count = counts[position + 1] ?? 0;
        buckets[index] = (buckets[index] ?? 0) + count;
        total += count;
      }
    },
    quantile(q) {
      if (total === 0) return undefined;
      const rank = Math.max(1, Math.ceil(Math.min(1, Math.max(0, q)) * total));
      let seen = 0;
      for (let index = 0; index < buckets.length; index++) {
        seen += buckets[index] ?? 0;
        if (seen >= rank) return bucketMiddleMs(index);
      }
      return bucketMiddleMs(buckets.length - 1);
    },
    count: () => total,
    toCounts() {
      const counts: number[] = [];
      for (let index = 0; index < buckets.length; index++) {
        const count = buckets[index] ?? 0;
        if (count > 0) counts.push(index, count);
      }
      return counts;
    },
    clear() {
      buckets.fill(0);
      total = 0;
    },
  };
  return histogram;
}

/** A histogram of what `toCounts` gave. Rejects with HISTOGRAM_INVALID. */
export function latencyHistogramFromCounts(counts: readonly number[]): LatencyHistogram {
  const histogram = createLatencyHistogram();
  histogram.addCounts(counts);
  return histogram;
}

function bucketIndex(units: number): number {
  const whole = Math.floor(units);
  if (whole < subCount) return whole;
  const shift = 31 - Math.clz32(whole) - subBits;
  return (shift + 1) * subCount + ((whole >>> shift) & (subCount - 1));
}

function bucketMiddleMs(index: number): number {
  if (index < subCount) return (index + 0.5) / unitsPerMs;
  const shift = (index >>> subBits) - 1;
  const lower = ((index & (subCount - 1)) + subCount) * 2 ** shift;
  return (lower + 2 ** shift / 2) / unitsPerMs;
}

function refuseInvalid(counts: readonly number[]): void {
  if (counts.length % 2 !== 0)
    throw fault(kitReasons.HISTOGRAM_INVALID, `Expected indexes and counts in turn, found ${counts.length} numbers.`);
  for (let position = 0; position < counts.length; position += 2) {
    const [index = -1, count = -1] = [counts[position], counts[position + 1]];
    if (!Number.isInteger(index) || index < 0 || index >= latencyBucketCount) {
      throw fault(kitReasons.HISTOGRAM_INVALID, `Expected an index from 0 to ${latencyBucketCount - 1}, found ${index}.`);
    }
    if (!Number.isSafeInteger(count) || count < 0) throw fault(kitReasons.HISTOGRAM_INVALID, `Expected a count, found ${count}.`);
  }
}
