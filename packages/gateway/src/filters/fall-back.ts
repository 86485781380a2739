import type { Call } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import type { Layer, Service } from "@weir/kit/service";
import type { HttpResponse } from "@weir/wire";
import type { CompiledRoute } from "../compiled-route.ts";
import { leaveBody } from "../http/made-body.ts";
import { verdictOf } from "../http/refusal.ts";
import { isRepeatable, isWhole, type Passage } from "../passage.ts";
import type { Cause } from "../reasons.ts";
import { isServerFault } from "../rpc/codes.ts";
import type { RetryBudget } from "../upstream/retry-budget.ts";
import type { RouteMeter } from "./route-meter.ts";

/** What the layer works with. */
export interface FallBackOptions {
  readonly clock: Clock;
  readonly budget: RetryBudget;
  readonly meter: RouteMeter;
}

/** What the stable version would not do better. */
const hopeless: ReadonlySet<Cause> = new Set(["CLIENT_GONE", "BODY_INVALID", "GATEWAY_FAILED", "TIMEOUT"]);

/**
 * Lets the stable version answer, once, when the new one fails a request that may be repeated: no answer, or 500, 502,
 * 503, 504, before a byte has gone to the client. A new version without a healthy endpoint is not even asked. The user
 * stays where the bucket says; only this request is answered by the other.
 */
export function fallBack(options: FallBackOptions): Layer<Passage, HttpResponse> {
  return (next) => (passage, call) => {
    const { route, cluster } = passage;
    if (route === undefined || cluster === route.stable || route.stable.endpoints.length === 0) return next(passage, call);
    return guarded(next, { passage, call, options });
  };
}

interface Guarded {
  readonly passage: Passage;
  readonly call: Call;
  readonly options: FallBackOptions;
}

async function guarded(next: Service<Passage, HttpResponse>, about: Guarded): Promise<HttpResponse> {
  const { passage, call } = about;
  let failure: HttpResponse | undefined;
  try {
    const response = await next(passage, call);
    if (!(isFailure(response.status) || hasFailed(passage)) || !mayFallBack(about)) return response;
    failure = response;
  } catch (thrown) {
    if (hopeless.has(verdictOf(thrown).cause) || !mayFallBack(about)) throw thrown;
  }
  return askStable(next, { ...about, failure });
}

function isFailure(status: number): boolean {
  return status === 500 || (status >= 502 && status <= 504);
}

/** A call that its endpoint failed before anything of an answer had come: gRPC says so in trailers alone. */
function hasFailed({ rpc, grpcCode, bytesOut }: Passage): boolean {
  return rpc !== undefined && isServerFault(grpcCode) && bytesOut === 0;
}

function mayFallBack({ passage, options: { clock, budget, meter } }: Guarded): boolean {
  const nowMs = clock.monotonicMs();
  if (!isRepeatable(passage) || nowMs >= passage.deadlineMs) return false;
  // Where nothing was asked yet nothing is repeated: that needs no budget.
  if (passage.attempts === 0 || budget.take(nowMs)) return true;
  meter.count(passage.route?.name ?? "", "RETRY_DENIED");
  return false;
}

/** `failure` is the new version's answer, if it gave one. */
async function askStable(
  next: Service<Passage, HttpResponse>,
  { passage, call, options, failure }: Guarded & { readonly failure: HttpResponse | undefined },
): Promise<HttpResponse> {
  const route = passage.route as CompiledRoute;
  const { cluster, endpoint, bytesOut, grpcCode } = passage;
  endpoint?.meter.fellBack();
  options.meter.count(route.name, "FALLBACK_USED");
  passage.fallback = true;
  passage.cluster = route.stable;
  if (failure === undefined) return next(passage, call);
  if (!isWhole(failure)) {
    if (failure.body !== undefined && !(failure.body instanceof Uint8Array)) leaveBody(failure.body);
    return next(passage, call);
  }
  try {
    return await next(passage, call);
  } catch {
    // The stable version has no answer at all: the new one's, though a failure, is the better truth.
    Object.assign(passage, { cluster, endpoint, bytesOut, grpcCode, fallback: false });
    return failure;
  }
}
