import type { Clock } from "@weir/kit/clock";
import type { Logger } from "@weir/kit/call";
import type { Layer } from "@weir/kit/service";
import type { HttpResponse } from "@weir/wire";
import { verdictOf } from "../http/refusal.ts";
import { isWhole, whenOver, type Passage } from "../passage.ts";
import type { Cause } from "../reasons.ts";
import { mayEjectOneMore } from "../upstream/choice.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import { recordAnswered, recordFailed, releaseProbe, type HealthPolicy } from "../upstream/health.ts";

/** What the layer works with. */
export interface PassiveHealthOptions {
  readonly clock: Clock;
  readonly policy: HealthPolicy;
  readonly log: Logger;
}

/** Asking again is certain to fail the same way: ejected without regard to the floor. */
const certain: ReadonlySet<Cause> = new Set(["CONNECT_FAILED", "RESET", "BAD_ANSWER"]);
/** Failures that say nothing about the endpoint. */
const blameless: ReadonlySet<Cause> = new Set(["CLIENT_GONE", "BODY_INVALID", "OVERLOAD", "GATEWAY_FAILED"]);

/**
 * Learns from each attempt how the endpoint is: for its health, its metrics and the report. No answer, 502, 503 and 504
 * speak against it; any other answer speaks for it (a 500 may be the request's own fault). On a new version the floor
 * does not hold: the stable one stands in.
 */
export function passiveHealth(options: PassiveHealthOptions): Layer<Passage, HttpResponse> {
  const { clock, policy, log } = options;

  function failed(endpoint: Endpoint, passage: Passage, cause: Cause): void {
    const cluster = passage.cluster as Cluster;
    const mayEject = certain.has(cause) || cluster !== passage.route?.stable || mayEjectOneMore(cluster, policy.ejectedShareMax);
    if (!recordFailed(endpoint.health, { clock, policy, mayEject })) return;
    const { service, version, id } = endpoint;
    const forMs = Math.round(endpoint.health.ejectedUntilMs - clock.monotonicMs());
    log.warn("endpoint ejected", { service, version, endpoint: id, cause, forMs });
  }
  function answered(endpoint: Endpoint, passage: Passage, { response, begunMs }: { response: HttpResponse; begunMs: number }): void {
    const nowMs = clock.monotonicMs();
    const { status } = response;
    endpoint.meter.answered(status, nowMs - begunMs);
    if (status < 502 || status > 504) recordAnswered(endpoint.health, nowMs, policy);
    else failed(endpoint, passage, "ANSWERED_5XX");
    if (isWhole(response)) return;
    whenOver(passage, (end) => {
      if (end.kind !== "broken") return;
      const { cause } = verdictOf(end.thrown);
      passage.cause = cause;
      if (blameless.has(cause)) return;
      endpoint.meter.brokeOff(cause);
      failed(endpoint, passage, cause);
    });
  }
  return (next) => async (passage, call) => {
    const endpoint = passage.endpoint as Endpoint;
    const begunMs = passage.attempts === 1 ? passage.startedMs : clock.monotonicMs();
    try {
      const response = await next(passage, call);
      answered(endpoint, passage, { response, begunMs });
      return response;
    } catch (thrown) {
      const { cause } = verdictOf(thrown);
      passage.cause = cause;
      if (cause === "OVERLOAD" || !blameless.has(cause)) endpoint.meter.failed(cause);
      if (blameless.has(cause)) releaseProbe(endpoint.health);
      else failed(endpoint, passage, cause);
      throw thrown;
    }
  };
}
