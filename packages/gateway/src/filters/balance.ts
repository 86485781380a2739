import type { Clock } from "@weir/kit/clock";
import { fault } from "@weir/kit/fault";
import type { Layer } from "@weir/kit/service";
import { type HttpResponse, WireError } from "@weir/wire";
import { messageOf, verdictOf } from "../http/refusal.ts";
import { isRepeatable, isWhole, whenOver, type Passage } from "../passage.ts";
import { gatewayReasons } from "../reasons.ts";
import { chooseEndpoint, chooseLeastBad } from "../upstream/choice.ts";
import type { Cluster } from "../upstream/cluster.ts";
import { beginRequest, endRequest, type Endpoint } from "../upstream/endpoint.ts";
import type { RetryBudget } from "../upstream/retry-budget.ts";
import type { RouteMeter } from "./route-meter.ts";

/** What the layer works with. */
export interface BalanceOptions {
  readonly clock: Clock;
  readonly budget: RetryBudget;
  readonly meter: RouteMeter;
}

/**
 * Chooses the healthy endpoint with the fewest requests in flight, and a second one when that is safe: nothing had been
 * sent; or, on the stable version, no answer came to a request that may be repeated. Never a third.
 */
export function balance(options: BalanceOptions): Layer<Passage, HttpResponse> {
  const { clock, budget, meter } = options;
  return (next) => async (passage, call) => {
    let failedAt: Endpoint | undefined;
    for (;;) {
      const endpoint = choose(passage, failedAt, clock);
      if (endpoint === undefined) throw fault(gatewayReasons.NO_HEALTHY_ENDPOINT, messageOf(gatewayReasons.NO_HEALTHY_ENDPOINT, passage));
      passage.endpoint = endpoint;
      passage.attempts++;
      beginRequest(endpoint);
      try {
        const response = await next(passage, call);
        if (isWhole(response)) endRequest(endpoint);
        else whenOver(passage, () => endRequest(endpoint));
        return response;
      } catch (thrown) {
        endRequest(endpoint);
        const nowMs = clock.monotonicMs();
        if (failedAt !== undefined || nowMs >= passage.deadlineMs || !mayTryAnother(passage, endpoint, thrown)) throw thrown;
        if (!budget.take(nowMs)) {
          meter.count(passage.route?.name ?? "", "RETRY_DENIED");
          throw thrown;
        }
        meter.count(passage.route?.name ?? "", "RETRY_USED");
        failedAt = endpoint;
      }
    }
  };
}

function choose(passage: Passage, except: Endpoint | undefined, clock: Clock): Endpoint | undefined {
  const cluster = passage.cluster as Cluster;
  const stable = passage.route?.stable;
  const repeatable = isRepeatable(passage);
  const nowMs = clock.monotonicMs();
  const options = { nowMs, random: clock.random, mayProbe: repeatable, except };
  const found = chooseEndpoint(cluster, options);
  if (found !== undefined) return found;
  // A kept connection that had just been closed: the only endpoint there is may well answer on a new one.
  if (except !== undefined) return except.health.state === "healthy" ? except : undefined;
  // A stranger to the rule of the stable version: what may be repeated goes there, the rest tries its luck.
  if (repeatable && cluster !== stable && stable?.endpoints.some((endpoint) => endpoint.health.state === "healthy")) return undefined;
  return chooseLeastBad(cluster);
}

function mayTryAnother(passage: Passage, endpoint: Endpoint, thrown: unknown): boolean {
  const cluster = passage.cluster as Cluster;
  const { cause } = verdictOf(thrown);
  if (cause === "CLIENT_GONE" || cause === "BODY_INVALID" || cause === "GATEWAY_FAILED") return false;
  if (thrown instanceof WireError && !thrown.sent) return !passage.bodyTaken && cluster.endpoints.some((other) => other !== endpoint);
  if (cause !== "RESET" && cause !== "BAD_ANSWER") return false;
  // On a new version the stable one gets the only repetition.
  return isRepeatable(passage) && cluster === passage.route?.stable && !passage.fallback;
}
