import type { Call } from "../call.ts";
import { systemClock } from "../clock.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { expectRanges } from "./option-range.ts";
import type { Policy, PolicyParts } from "./policy.ts";
import { policyReasons } from "./reasons.ts";
import { refusal } from "./refusal.ts";

/** How many calls may come. */
export interface RateLimitOptions {
  readonly perSecond: number;
  /** Calls that may come at once after a quiet time. Default one second's, at least 1. */
  readonly burst?: number;
  /** Keys remembered; one that was quiet longest is forgotten, and begins with a full burst. Default 10,000. */
  readonly keysMax?: number;
}

/** What a rate limit is given beside. */
export interface RateLimitParts<Q> extends PolicyParts {
  /** Each key has a limit of its own, such as a user's. Default one for all. */
  readonly keyOf?: (request: Q, call: Call) => string;
}

/** What a rate limit did so far. */
export interface RateLimitState {
  readonly perSecond: number;
  readonly burst: number;
  readonly keys: number;
  readonly passed: number;
  readonly refused: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/**
 * A token bucket in this process. Refuses with RATE_LIMITED and says when the next call may come. Its metric is weir_rate_limited_total.
 * Throws POLICY_OPTION_INVALID.
 */
export function createRateLimit<Q = unknown>(
  options: RateLimitOptions,
  parts: RateLimitParts<Q> = {},
): Policy<RateLimitOptions, RateLimitState, Q> {
  const { name = "default", clock = systemClock, metrics = createMetrics(), keyOf } = parts;
  const limited = metrics
    .counter({ name: "weir_rate_limited_total", help: "Calls that a rate limit refused.", labels: ["policy"] })
    .labels(name);
  const buckets = new Map<string, Bucket>();
  let { perSecond, burst, keysMax } = checked(options);
  let [passed, refused] = [0, 0];

  function bucketOf(key: string): Bucket {
    const known = buckets.get(key);
    if (known) buckets.delete(key);
    const bucket = known ?? { tokens: burst, atMs: clock.monotonicMs() };
    buckets.set(key, bucket);
    while (buckets.size > keysMax) {
      const [oldest] = buckets.keys();
      if (oldest !== undefined) buckets.delete(oldest);
    }
    return bucket;
  }

  /** Milliseconds until there is a token; 0 when one was taken. */
  function take(bucket: Bucket): number {
    const nowMs = clock.monotonicMs();
    bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, nowMs - bucket.atMs) * perSecond) / 1000);
    bucket.atMs = nowMs;
    if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) * 1000) / perSecond);
    bucket.tokens -= 1;
    return 0;
  }

  return {
    state: () => ({ perSecond, burst, keys: buckets.size, passed, refused }),
    apply(changed) {
      ({ perSecond, burst, keysMax } = checked(changed));
    },
    layer: (next) => (request, call) => {
      const retryAfterMs = take(bucketOf(keyOf?.(request, call) ?? ""));
      if (retryAfterMs === 0) {
        passed += 1;
        return next(request, call);
      }
      refused += 1;
      limited.add();
      const message = `Expected at most ${perSecond} calls a second, found more.`;
      return Promise.reject(refusal(policyReasons.RATE_LIMITED, message, { retryAfterMs }));
    },
  };
}

function checked(options: RateLimitOptions): Required<RateLimitOptions> {
  const { perSecond, burst = Math.max(1, perSecond), keysMax = 10_000 } = options;
  expectRanges({ perSecond: [perSecond, 0.001, 1e9], burst: [burst, 1, 1e9], keysMax: [keysMax, 1, 1e7] });
  return { perSecond, burst, keysMax };
}
