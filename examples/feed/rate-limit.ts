import type { Clock } from "@weir/kit/clock";
import { fault } from "@weir/kit/fault";
import type { Layer } from "@weir/kit/service";
import { BoundedMap } from "./bounded-map.ts";
import { FeedReason } from "./feed.weir.ts";
import { isUserId } from "./user-id.ts";

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/** How many users are remembered; one who is forgotten begins anew. */
const usersMax = 50_000;

/**
 * What every user may ask `perSecond` times a second, and as often at once after a pause, over all Layers that it
 * makes. Over that they reject with TOO_MANY_REQUESTS and say when to come back. A request without a valid user passes:
 * the handler refuses it.
 */
export function createRateLimit(perSecond: number): <Q extends { readonly userId: string }, R>() => Layer<Q, R> {
  const buckets = new BoundedMap<Bucket>(usersMax);
  return () => (next) => (request, call) => {
    const waitMs = isUserId(request.userId) ? waitMsOf(buckets, { userId: request.userId, perSecond, clock: call.clock }) : 0;
    if (waitMs === 0) return next(request, call);
    const message = `expected at most ${perSecond} requests a second, found more; wait ${Math.ceil(waitMs)} ms`;
    return Promise.reject(fault(FeedReason.TOO_MANY_REQUESTS, message, { retryAfterMs: waitMs }));
  };
}

interface Asker {
  readonly userId: string;
  readonly perSecond: number;
  readonly clock: Clock;
}

/** Takes one token; answers 0, or how long until there is one. */
function waitMsOf(buckets: BoundedMap<Bucket>, { userId, perSecond, clock }: Asker): number {
  const nowMs = clock.monotonicMs();
  const bucket = buckets.get(userId);
  if (!bucket) {
    buckets.set(userId, { tokens: perSecond - 1, filledAtMs: nowMs });
    return 0;
  }
  bucket.tokens = Math.min(perSecond, bucket.tokens + ((nowMs - bucket.filledAtMs) / 1000) * perSecond);
  bucket.filledAtMs = nowMs;
  if (bucket.tokens < 1) return ((1 - bucket.tokens) / perSecond) * 1000;
  bucket.tokens -= 1;
  return 0;
}
