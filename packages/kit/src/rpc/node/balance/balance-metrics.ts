import type { Counter, Metrics } from "../../../telemetry/metrics.ts";
import type { EjectionCause } from "./outlier.ts";

/** Where endpoints stand, for people and metrics. */
export type EndpointState = "ready" | "ejected" | "unreachable" | "leaving";

/** How an attempt to learn the endpoints ended. */
export type ResolutionOutcome = "resolved" | "empty" | "failed";

/** Why a request was sent again. */
export type RetryCause = "unreachable" | "refused" | "idempotent";

/** What a balanced client counts. */
export interface BalanceMetrics {
  states(counts: Readonly<Record<EndpointState, number>>): void;
  /** The counter of the picks of an endpoint. */
  picks(endpoint: string): Counter;
  /** It left; its picks are no longer shown. */
  left(endpoint: string): void;
  ejected(cause: EjectionCause): void;
  resolution(outcome: ResolutionOutcome): void;
  retried(cause: RetryCause): void;
  /** One that could have been sent again was not: the budget was spent. */
  budgetSpent(): void;
}

const nowhere: Counter = { add() {}, value: () => 0 };

/** Counts into `metrics`, every series under the name of the target; nowhere without them. */
export function createBalanceMetrics(metrics: Metrics | undefined, target: string): BalanceMetrics {
  if (metrics === undefined) {
    return { states() {}, picks: () => nowhere, left() {}, ejected() {}, resolution() {}, retried() {}, budgetSpent() {} };
  }
  const endpoints = metrics.gauge({
    name: "weir_client_endpoints",
    help: "Endpoints of a target by state.",
    labels: ["target", "state"],
  });
  const picks = metrics.counter({
    name: "weir_client_picks_total",
    help: "Requests by the endpoint they were sent to.",
    labels: ["target", "endpoint"],
  });
  const ejections = metrics.counter({
    name: "weir_client_ejections_total",
    help: "Endpoints that were put out for answering badly.",
    labels: ["target", "cause"],
  });
  const resolutions = metrics.counter({
    name: "weir_client_resolutions_total",
    help: "Attempts to learn the endpoints of a target.",
    labels: ["target", "outcome"],
  });
  const retries = metrics.counter({
    name: "weir_client_retries_total",
    help: "Requests that were sent again to another endpoint.",
    labels: ["target", "cause"],
  });
  const spent = metrics.counter({
    name: "weir_client_retry_budget_spent_total",
    help: "Requests that could have been sent again, had the budget not been spent.",
    labels: ["target"],
  });
  return {
    states(counts) {
      for (const [state, count] of Object.entries(counts)) endpoints.labels(target, state).set(count);
    },
    picks: (endpoint) => picks.labels(target, endpoint),
    left: (endpoint) => picks.remove(target, endpoint),
    ejected: (cause) => ejections.labels(target, cause).add(),
    resolution: (outcome) => resolutions.labels(target, outcome).add(),
    retried: (cause) => retries.labels(target, cause).add(),
    budgetSpent: () => spent.labels(target).add(),
  };
}
