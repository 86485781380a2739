import type { Call } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import type { Layer, Service } from "@weir/kit/service";
import type { HttpResponse } from "@weir/wire";
import type { CompiledRoute } from "../compiled-route.ts";
import { verdictOf } from "../http/refusal.ts";
import { isRepeatable, isWhole, type Passage } from "../passage.ts";
import type { Cause } from "../reasons.ts";
import type { RetryBudget } from "../upstream/retry-budget.ts";
import type { RouteMeter } from "./route-meter.ts";

/** What the layer works with. */
export interface FallBackOptions {
  readonly clock: Clock;
  readonly budget: RetryBudget;
  readonly meter: RouteMeter;
}

type Attempt = { readonly response: HttpResponse } | { readonly thrown: unknown };

/** What the stable version would not do better. */
const hopeless: ReadonlySet<Cause> = new Set(["CLIENT_GONE", "BODY_INVALID", "GATEWAY_FAILED", "TIMEOUT"]);

/**
 * Lets the stable version answer, once, when the new one fails a request that may be repeated: no answer, or 500, 502,
 * 503, 504, before a byte has gone to the client. A new version without a healthy endpoint is not even asked. The user
 * stays where the bucket says; only this request is answered by the other.
 */
export function fallBack(options: FallBackOptions): Layer<Passage, HttpResponse> {
  const { clock, budget, meter } = options;

  async function guarded(next: Service<Passage, HttpResponse>, passage: Passage, call: Call): Promise<HttpResponse> {
    const route = passage.route as CompiledRoute;
    const own = passage.cluster;
    const first = await attempt(next, passage, call);
    if (!isFailure(first) || !isRepeatable(passage)) return outcome(first);
    const asked = passage.attempts > 0;
    const nowMs = clock.monotonicMs();
    if (nowMs >= passage.deadlineMs) return outcome(first);
    // Where nothing was asked yet nothing is repeated: that needs no budget.
    if (asked && !budget.take(nowMs)) {
      meter.count(route.name, "RETRY_DENIED");
      return outcome(first);
    }
    const failedAt = asked ? passage.endpoint : undefined;
    failedAt?.meter.fellBack();
    meter.count(route.name, "FALLBACK_USED");
    passage.fallback = true;
    passage.cluster = route.stable;
    if (!("response" in first)) return next(passage, call);
    if (!isWhole(first.response)) {
      discard(first.response);
      return next(passage, call);
    }
    const second = await attempt(next, passage, call);
    if ("response" in second) return second.response;
    // The stable version has no answer at all: the new one's, though a failure, is the better truth.
    passage.fallback = false;
    passage.cluster = own;
    passage.endpoint = failedAt;
    return first.response;
  }
  return (next) => (passage, call) => {
    const { route, cluster } = passage;
    if (route === undefined || cluster === route.stable || route.stable.endpoints.length === 0) return next(passage, call);
    return guarded(next, passage, call);
  };
}

async function attempt(next: Service<Passage, HttpResponse>, passage: Passage, call: Call): Promise<Attempt> {
  try {
    return { response: await next(passage, call) };
  } catch (thrown) {
    return { thrown };
  }
}

function outcome(attempt: Attempt): HttpResponse {
  if ("response" in attempt) return attempt.response;
  throw attempt.thrown;
}

function isFailure(attempt: Attempt): boolean {
  if (!("response" in attempt)) return !hopeless.has(verdictOf(attempt.thrown).cause);
  const { status } = attempt.response;
  return status === 500 || (status >= 502 && status <= 504);
}

/** Leaves an answer that nobody will read. */
function discard(response: HttpResponse): void {
  if (response.body === undefined || response.body instanceof Uint8Array) return;
  void response.body[Symbol.asyncIterator]().return?.();
}
