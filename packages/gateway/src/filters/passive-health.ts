import type { Clock } from "@weir/kit/clock";
import type { Logger } from "@weir/kit/call";
import { codes } from "@weir/kit/fault";
import { codeFromGrpc } from "@weir/kit/rpc/grpc-status";
import type { ClientResponse } from "@weir/wire";
import { verdictOf, type Verdict } from "../http/refusal.ts";
import { isWhole, whenOver, type Passage } from "../passage.ts";
import { gatewayReasons, type Cause } from "../reasons.ts";
import { grpcUnsaid, isServerFault } from "../rpc/codes.ts";
import { isOpenEnded } from "../rpc/form.ts";
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
  answered(passage: Passage, response: ClientResponse): void;
  /** None came. Answers what that means. */
  failed(passage: Passage, thrown: unknown): Verdict;
}

/** A caller's clock and ours do not begin at the same moment. */
const deadlineSlackMs = 25;
/** Asking again is certain to fail the same way: ejected without regard to the floor. */
const certain: ReadonlySet<Cause> = new Set(["CONNECT_FAILED", "RESET", "BAD_ANSWER"]);
/** Failures that say nothing about the endpoint's health. */
const blameless: ReadonlySet<Cause> = new Set(["CLIENT_GONE", "BODY_INVALID", "OVERLOAD", "GATEWAY_FAILED"]);

/**
 * No answer, 502, 503, 504 and gRPC's UNAVAILABLE speak against an endpoint; any other answer speaks for it (a 500 may be
 * the request's own fault). On a new version the floor does not hold: the stable one stands in.
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
      if (end.kind === "broken") {
        const { cause } = verdictOf(end.thrown);
        passage.cause = cause;
        if (blameless.has(cause)) return;
        endpoint.meter.brokeOff(cause);
        if (!isCallersFault(passage, cause)) speaksAgainst(endpoint, passage, cause);
      } else if (end.kind === "left" && isLate(passage, clock)) {
        passage.cause = gatewayReasons.UPSTREAM_TIMEOUT.cause;
        endpoint.meter.brokeOff(passage.cause);
      } else if (end.kind === "whole" && (passage.grpcCode !== grpcUnsaid || passage.session !== undefined)) judgeCode(endpoint, passage);
    });
  }
  /** A call that streamed has ended with a code. */
  function judgeCode(endpoint: Endpoint, passage: Passage): void {
    const cause = causeOfCode(passage);
    if (cause !== undefined) endpoint.meter.brokeOff(cause);
    if (isAgainst(passage)) speaksAgainst(endpoint, passage, cause ?? "ANSWERED_5XX");
    else recordAnswered(endpoint.health, clock.monotonicMs(), policy);
  }
  return {
    answered(passage, response) {
      const endpoint = passage.endpoint as Endpoint;
      const { status } = response;
      passage.answeredMs = clock.monotonicMs();
      const cause = status >= 500 ? "ANSWERED_5XX" : causeOfCode(passage);
      endpoint.meter.answered(passage.answeredMs - passage.attemptedMs, cause);
      // What a call or a session is worth shows at its end; only whoever is waited for is taken at its first word.
      const showsLater = response.duplex !== undefined || (isOpenEnded(passage.rpc) && passage.grpcCode === grpcUnsaid);
      if ((status >= 502 && status <= 504) || isAgainst(passage)) speaksAgainst(endpoint, passage, cause ?? "ANSWERED_5XX");
      else if (!showsLater || endpoint.health.state === "probing") recordAnswered(endpoint.health, passage.answeredMs, policy);
      if (!isWhole(response) || response.duplex !== undefined) followBody(endpoint, passage);
    },
    failed(passage, thrown) {
      const endpoint = passage.endpoint as Endpoint;
      const verdict = isLate(passage, clock) ? gatewayReasons.UPSTREAM_TIMEOUT : verdictOf(thrown);
      const { cause } = verdict;
      passage.cause = cause;
      if (cause === "OVERLOAD" || !blameless.has(cause)) endpoint.meter.failed(cause);
      // A client that stalls its upload, or hardly waits, must not get an endpoint ejected.
      const isExcused = blameless.has(cause) || isCallersFault(passage, cause) || (cause === "TIMEOUT" && passage.bodyFlowing);
      if (isExcused) releaseProbe(endpoint.health);
      else speaksAgainst(endpoint, passage, cause);
      return verdict;
    },
  };
}

/** The cause of a call that its endpoint failed; undefined when it went well or the request was at fault. */
function causeOfCode({ grpcCode }: Passage): Cause | undefined {
  return isServerFault(grpcCode) ? `ANSWERED_${codeFromGrpc(grpcCode)}` : undefined;
}

/** UNAVAILABLE speaks against an endpoint, and a missed deadline that the caller did not set itself. */
function isAgainst({ grpcCode, callersDeadline }: Passage): boolean {
  return grpcCode === codes.UNAVAILABLE.grpc || (grpcCode === codes.DEADLINE_EXCEEDED.grpc && !callersDeadline);
}

/** Callers keep their deadlines themselves: one that leaves when its time is up has waited in vain, not gone away. */
function isLate({ callersDeadline, deadlineMs }: Passage, clock: Clock): boolean {
  return callersDeadline && clock.monotonicMs() >= deadlineMs - deadlineSlackMs;
}

function isCallersFault({ callersDeadline }: Passage, cause: Cause): boolean {
  return cause === "TIMEOUT" && callersDeadline;
}
