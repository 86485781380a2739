import type { Layer, Message } from "@weir/kit/service";
import type { Call } from "@weir/kit/call";
import { fault } from "@weir/kit/fault";
import { FeedReason } from "./feed.weir.ts";

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/** How many users are remembered; the one who came first goes first. */
const usersMax = 50_000;

/**
 * A Layer that lets every user ask `perSecond` times a second, and as often at once after a pause. Over that it rejects
 * with TOO_MANY_PAGES and says when to come back. Requests without a user pass: the handler refuses them itself.
 */
export function rateLimit<R>(perSecond: number): Layer<Message<unknown>, R> {
  const buckets = new Map<string, Bucket>();
  return (next) => (request, call) => {
    const waitMs = take(buckets, { userId: userIdOf(request), perSecond, call });
    if (waitMs === 0) return next(request, call);
    const message = `expected at most ${perSecond} pages a second, found more; wait ${Math.ceil(waitMs)} ms`;
    return Promise.reject(fault(FeedReason.TOO_MANY_PAGES, message, { retryAfterMs: waitMs }));
  };
}

function userIdOf(request: Message<unknown>): string {
  if (request.stream) return "";
  const { message } = request;
  return typeof message === "object" && message !== null && "userId" in message ? String(message.userId) : "";
}

/** Takes one token; answers 0, or how long until there is one. */
function take(buckets: Map<string, Bucket>, { userId, perSecond, call }: { userId: string; perSecond: number; call: Call }): number {
  if (userId === "") return 0;
  const nowMs = call.clock.monotonicMs();
  const bucket = buckets.get(userId);
  if (!bucket) {
    buckets.set(userId, { tokens: perSecond - 1, filledAtMs: nowMs });
    if (buckets.size > usersMax) buckets.delete(buckets.keys().next().value!);
    return 0;
  }
  bucket.tokens = Math.min(perSecond, bucket.tokens + ((nowMs - bucket.filledAtMs) / 1000) * perSecond);
  bucket.filledAtMs = nowMs;
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return 0;
  }
  return ((1 - bucket.tokens) / perSecond) * 1000;
}
