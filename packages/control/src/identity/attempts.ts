import type { Clock } from "@weir/kit/clock";

/** Counts refused attempts, so that whoever guesses or floods is told to wait, and the audit does not fill with it. */
export interface Attempts {
  /** Milliseconds until this key may fail again; 0 when it may now, and then the failure is counted. */
  count(key: string): number;
  /** The same without counting. */
  waitMs(key: string): number;
}

/** How many refused attempts are borne. */
export interface AttemptsOptions {
  readonly clock: Clock;
  /** Of one key at once. Default 20. */
  readonly burst?: number;
  /** Of one key after that, each minute. Default 20. */
  readonly perMinute?: number;
  /** Of all keys together at once; ten times as many as one key each minute. Default 200. */
  readonly burstOfAll?: number;
}

const keysMax = 10_000;
const minuteMs = 60_000;

interface Bucket {
  left: number;
  atMs: number;
}

interface Rate {
  readonly burst: number;
  readonly perMs: number;
}

/** Nobody has failed yet. Bounded: of more than 10,000 keys the one that failed longest ago is forgotten. */
export function createAttempts(options: AttemptsOptions): Attempts {
  const { clock, burst = 20, perMinute = 20, burstOfAll = 200 } = options;
  const one: Rate = { burst, perMs: perMinute / minuteMs };
  const every: Rate = { burst: burstOfAll, perMs: (perMinute * 10) / minuteMs };
  const all: Bucket = { left: burstOfAll, atMs: clock.monotonicMs() };
  const buckets = new Map<string, Bucket>();

  function waitMs(key: string): number {
    const nowMs = clock.monotonicMs();
    refill(all, every, nowMs);
    const bucket = buckets.get(key);
    if (bucket) refill(bucket, one, nowMs);
    return Math.max(shortMs(all, every), bucket ? shortMs(bucket, one) : 0);
  }

  return {
    waitMs,
    count(key) {
      const wait = waitMs(key);
      if (wait > 0) return wait;
      const bucket = buckets.get(key) ?? { left: burst, atMs: clock.monotonicMs() };
      bucket.left -= 1;
      all.left -= 1;
      buckets.delete(key);
      buckets.set(key, bucket);
      if (buckets.size > keysMax) buckets.delete(buckets.keys().next().value ?? "");
      return 0;
    },
  };
}

function refill(bucket: Bucket, rate: Rate, nowMs: number): void {
  bucket.left = Math.min(rate.burst, bucket.left + (nowMs - bucket.atMs) * rate.perMs);
  bucket.atMs = nowMs;
}

function shortMs(bucket: Bucket, rate: Rate): number {
  return bucket.left >= 1 ? 0 : Math.ceil((1 - bucket.left) / rate.perMs);
}
