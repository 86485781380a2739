import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import type { TokenGrant, TokenSource, TokenWish } from "./token-source.ts";

interface Bucket {
  tokens: number;
  atMs: number;
}

/** Buckets that a key forgotten longest ago gives up its place for. */
const keysMax = 100_000;

/** Buckets in this process: for several limits of one process, and for tests that need no Redis. */
export function createLocalTokens(clock: Clock = systemClock): TokenSource {
  const buckets = new Map<string, Bucket>();
  return {
    async take(key, wish) {
      const bucket = buckets.get(key) ?? { tokens: wish.burst, atMs: clock.monotonicMs() };
      buckets.delete(key);
      buckets.set(key, bucket);
      if (buckets.size > keysMax) {
        const [oldest] = buckets.keys();
        if (oldest !== undefined) buckets.delete(oldest);
      }
      return takeFrom(bucket, wish, clock.monotonicMs());
    },
  };
}

function takeFrom(bucket: Bucket, { wanted, perSecond, burst }: TokenWish, nowMs: number): TokenGrant {
  bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) * perSecond) / 1000);
  bucket.atMs = nowMs;
  const granted = Math.min(wanted, Math.floor(bucket.tokens));
  bucket.tokens -= granted;
  return { granted, retryAfterMs: granted < wanted ? Math.ceil(((1 - bucket.tokens) * 1000) / perSecond) : 0 };
}
