import type { Clock } from "@weir/kit/clock";
import type { Logger } from "@weir/kit/call";
import type { HttpResponse } from "@weir/wire";
import { verdictOf, type Verdict } from "../http/refusal.ts";
import { isWhole, whenOver, type Passage } from "../passage.ts";
import type { Cause } from "../reasons.ts";
import { mayEjectOneMore } from "../upstream/choice.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import { recordAnswered, recordFailed, releaseProbe, type HealthPolicy } from "../upstream/health.ts";

/** What the judge works with. */
export interface PassiveHealthOptions {
  readonly clock: Clock;
  readonly policy: HealthPolicy;
  readonly log: Logger;
}

/** Learns from each attempt how its endpoint is: for its health, its metrics and the report. */
export interface PassiveHealth {
  /** An answer came; its body may still break off. */
  answered(passage: Passage, response: HttpResponse): void;
  /** None came. Answers what that means. */
  failed(passage: Passage, thrown: unknown): Verdict;
}

/** Asking again is certain to fail the same way: ejected without regard to the floor. */
const certain: ReadonlySet<Cause> = new Set(["CONNECT_FAILED", "RESET", "BAD_ANSWER"]);
/** Failures that say nothing about the endpoint's health. */
const blameless: ReadonlySet<Cause> = new Set(["CLIENT_GONE", "BODY_INVALID", "OVERLOAD", "GATEWAY_FAILED"]);

/**
 * No answer, 502, 503 and 504 speak against an endpoint; any other answer speaks for it (a 500 may be the request's own
 * fault). On a new version the floor does not hold: the stable one stands in.
 */
export function passiveHealth(options: PassiveHealthOptions): PassiveHealth {
  const { clock, policy, log } = options;

  function speaksAgainst(endpoint: Endpoint, passage: Passage, cause: Cause): void {
    const cluster = passage.cluster as Cluster;
    const mayEject = certain.has(cause) || cluster !== passage.route?.stable || mayEjectOneMore(cluster, policy.ejectedShareMax);
    if (!recordFailed(endpoint.health, { clock, policy, mayEject })) return;
    const { service, version, id } = endpoint;
    const forMs = Math.round(endpoint.health.ejectedUntilMs - clock.monotonicMs());
    log.warn("endpoint ejected", { service, version, endpoint: id, cause, forMs });
  }
  function followBody(endpoint: Endpoint, passage: Passage): void {
    whenOver(passage, (end) => {
      if (end.kind !== "broken") return;
      const { cause } = verdictOf(end.thrown);
      passage.cause = cause;
      if (blameless.has(cause)) return;
      endpoint.meter.brokeOff(cause);
      speaksAgainst(endpoint, passage, cause);
    });
  }
  return {
    answered(passage, response) {
      const endpoint = passage.endpoint as Endpoint;
      const { status } = response;
      passage.answeredMs = clock.monotonicMs();
      endpoint.meter.answered(status, passage.answeredMs - passage.attemptedMs);
      if (status < 502 || status > 504) recordAnswered(endpoint.health, passage.answeredMs, policy);
      else speaksAgainst(endpoint, passage, "ANSWERED_5XX");
      if (!isWhole(response)) followBody(endpoint, passage);
    },
    failed(passage, thrown) {
      const endpoint = passage.endpoint as Endpoint;
      const verdict = verdictOf(thrown);
      const { cause } = verdict;
      passage.cause = cause;
      if (cause === "OVERLOAD" || !blameless.has(cause)) endpoint.meter.failed(cause);
      // A client that stalls its upload must not get an endpoint ejected.
      if (blameless.has(cause) || (cause === "TIMEOUT" && passage.bodyFlowing)) releaseProbe(endpoint.health);
      else speaksAgainst(endpoint, passage, cause);
      return verdict;
    },
  };
}
