import type { Call } from "../call.ts";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { fault } from "../fault.ts";
import type { Layer } from "../service.ts";
import { expectRanges } from "./option-range.ts";
import { policyReasons } from "./reasons.ts";

/** How many calls may come. */
export interface RateLimitOptions<Q> {
  readonly perSecond: number;
  /** Calls that may come at once after a quiet time. Default one second's. */
  readonly burst?: number;
  /** Each key has a limit of its own, such as a user's. Default one for all. */
  readonly keyOf?: (request: Q, call: Call) => string;
  /** Keys remembered; one that was quiet longest is forgotten, and begins with a full burst. Default 10,000. */
  readonly keysMax?: number;
  readonly clock?: Clock;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** A token bucket in this process. Refuses with RATE_LIMITED and says when the next call may come. Throws POLICY_OPTION_INVALID. */
export function rateLimit<Q, R>(options: RateLimitOptions<Q>): Layer<Q, R> {
  const { perSecond, keyOf, keysMax = 10_000, clock = systemClock } = options;
  const burst = options.burst ?? Math.max(1, perSecond);
  expectRanges({ perSecond: [perSecond, 0.001, 1e9], burst: [burst, 1, 1e9], keysMax: [keysMax, 1, 1e7] });
  const buckets = new Map<string, Bucket>();

  function bucketOf(key: string): Bucket {
    const known = buckets.get(key);
    if (known) buckets.delete(key);
    const bucket = known ?? { tokens: burst, atMs: clock.monotonicMs() };
    buckets.set(key, bucket);
    if (buckets.size > keysMax) {
      const [oldest] = buckets.keys();
      if (oldest !== undefined) buckets.delete(oldest);
    }
    return bucket;
  }

  return (next) => (request, call) => {
    const bucket = bucketOf(keyOf?.(request, call) ?? "");
    const nowMs = clock.monotonicMs();
    bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, nowMs - bucket.atMs) * perSecond) / 1000);
    bucket.atMs = nowMs;
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return next(request, call);
    }
    const retryAfterMs = Math.ceil(((1 - bucket.tokens) * 1000) / perSecond);
    return Promise.reject(fault(policyReasons.RATE_LIMITED, `Expected at most ${perSecond} calls a second, found more.`, { retryAfterMs }));
  };
}
