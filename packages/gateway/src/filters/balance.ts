import type { Clock } from "@weir/kit/clock";
import { codes, fault } from "@weir/kit/fault";
import type { Layer, Service } from "@weir/kit/service";
import { type ClientResponse, type HttpResponse, WireError } from "@weir/wire";
import { messageOf } from "../http/refusal.ts";
import { isRepeatable, isWhole, whenOver, type Passage } from "../passage.ts";
import { gatewayReasons, type Cause } from "../reasons.ts";
import { chooseEndpoint, chooseLeastBad } from "../upstream/choice.ts";
import type { Cluster } from "../upstream/cluster.ts";
import { beginRequest, endRequest, type Endpoint } from "../upstream/endpoint.ts";
import type { Tunnels } from "../streams/tunnel.ts";
import type { RetryBudget } from "../upstream/retry-budget.ts";
import type { PassiveHealth } from "./passive-health.ts";
import type { RouteMeter } from "./route-meter.ts";
import { followed } from "./send.ts";

/** What the layer works with. */
export interface BalanceOptions {
  readonly clock: Clock;
  readonly budget: RetryBudget;
  readonly meter: RouteMeter;
  /** Hears how each attempt went. */
  readonly health: PassiveHealth;
  /** Where upgraded connections are kept. */
  readonly tunnels: Tunnels;
}

/**
 * Chooses the healthy endpoint with the fewest requests in flight, and a second one when that is safe: nothing had been
 * sent; or, on the stable version, no answer came to a request that may be repeated. Never a third.
 */
export function balance(options: BalanceOptions): Layer<Passage, HttpResponse> {
  const { clock, health, tunnels } = options;
  return (next: Service<Passage, ClientResponse>) => async (passage, call) => {
    let failedAt: Endpoint | undefined;
    for (;;) {
      passage.attemptedMs = passage.attempts === 0 ? passage.startedMs : clock.monotonicMs();
      const endpoint = choose(passage, failedAt, clock);
      passage.endpoint = endpoint;
      passage.attempts++;
      beginRequest(endpoint);
      try {
        const response = await next(passage, call);
        health.answered(passage, response);
        if (isWhole(response) && response.duplex === undefined) {
          endRequest(endpoint);
          if (failedAt !== undefined || !isTurnedAway(passage) || !retryTaken(passage, options)) return response;
          failedAt = endpoint;
          continue;
        }
        whenOver(passage, () => endRequest(endpoint));
        return followed(response, passage, tunnels);
      } catch (thrown) {
        endRequest(endpoint);
        const { cause } = health.failed(passage, thrown);
        if (failedAt !== undefined || !mayTryAnother(passage, { cause, thrown }) || !retryTaken(passage, options)) throw thrown;
        failedAt = endpoint;
      }
    }
  };
}

/** Throws NO_HEALTHY_ENDPOINT when there is none, or when the stable version should rather be asked. */
function choose(passage: Passage, except: Endpoint | undefined, clock: Clock): Endpoint {
  const cluster = passage.cluster as Cluster;
  const mayProbe = isRepeatable(passage);
  const found =
    chooseEndpoint(cluster, { nowMs: passage.attemptedMs, random: clock.random, mayProbe, except }) ?? lastResort(passage, except);
  if (found === undefined) throw fault(gatewayReasons.NO_HEALTHY_ENDPOINT, messageOf(gatewayReasons.NO_HEALTHY_ENDPOINT, passage));
  return found;
}

function lastResort(passage: Passage, except: Endpoint | undefined): Endpoint | undefined {
  const cluster = passage.cluster as Cluster;
  const stable = passage.route?.stable;
  // A kept connection that had just been closed: the only endpoint there is may well answer on a new one.
  if (except !== undefined) return except.health.state === "healthy" ? except : undefined;
  // The stable version stands in for what may be repeated; a write has nowhere else to go.
  const standIn = cluster !== stable && stable?.endpoints.some((endpoint) => endpoint.health.state === "healthy");
  return standIn === true && isRepeatable(passage) ? undefined : chooseLeastBad(cluster);
}

function mayTryAnother(passage: Passage, { cause, thrown }: { readonly cause: Cause; readonly thrown: unknown }): boolean {
  const cluster = passage.cluster as Cluster;
  if (cause === "CLIENT_GONE" || cause === "BODY_INVALID" || cause === "GATEWAY_FAILED") return false;
  // A stream that was turned away unread may be sent again even to the same endpoint, over a new connection.
  if (cause === "REFUSED") return !passage.bodyTaken;
  if (thrown instanceof WireError && !thrown.sent) return !passage.bodyTaken && cluster.endpoints.length > 1;
  if (cause !== "RESET" && cause !== "BAD_ANSWER") return false;
  // On a new version the stable one gets the only repetition.
  return isRepeatable(passage) && cluster === passage.route?.stable && !passage.fallback;
}

/**
 * Whether an endpoint answered a call with UNAVAILABLE alone, and another one may be asked: gRPC's word for "try again".
 * On a new version the stable one gets the only repetition.
 */
function isTurnedAway(passage: Passage): boolean {
  const cluster = passage.cluster as Cluster;
  if (passage.rpc === undefined || passage.grpcCode !== codes.UNAVAILABLE.grpc || !isRepeatable(passage)) return false;
  const others = cluster.endpoints.some((endpoint) => endpoint !== passage.endpoint && endpoint.health.state === "healthy");
  return others && cluster === passage.route?.stable && !passage.fallback;
}

function retryTaken(passage: Passage, { clock, budget, meter }: BalanceOptions): boolean {
  const nowMs = clock.monotonicMs();
  if (nowMs >= passage.deadlineMs) return false;
  const taken = budget.take(nowMs);
  meter.count(passage.route?.name ?? "", taken ? "RETRY_USED" : "RETRY_DENIED");
  return taken;
}
