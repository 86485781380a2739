import type { Counter } from "../telemetry/metrics.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { BreakerState } from "./breaker.ts";
import type { PolicyParts } from "./policy.ts";

/** What a breaker counts. */
export interface BreakerMetrics {
  readonly refused: Counter;
  /** Counts a change to a state, by the code of the last failure or "operator". */
  changed(to: BreakerState["state"], reason: string): void;
}

const states = ["closed", "throttling", "open", "half_open"] as const;

/** The metrics of a breaker: the state that holds is 1, the others 0, and beside it the share of calls that is refused. */
export function createBreakerMetrics(parts: PolicyParts, stateNow: () => BreakerState): BreakerMetrics {
  const { name = "default", metrics = createMetrics() } = parts;
  const state = metrics.gauge({
    name: "weir_breaker_state",
    help: "1 for the state that a breaker is in.",
    labels: ["policy", "state", "override"],
  });
  const refusing = metrics
    .gauge({ name: "weir_breaker_refusing_ratio", help: "Share of calls that a breaker refuses.", labels: ["policy"] })
    .labels(name);
  const changes = metrics.counter({
    name: "weir_breaker_changes_total",
    help: "Changes of a breaker's state, by the code of the last failure, or operator.",
    labels: ["policy", "to", "reason"],
  });
  metrics.beforeText(() => {
    const now = stateNow();
    refusing.set(now.refusing);
    for (const override of ["auto", "closed", "open"]) {
      for (const one of states) {
        const holds = one === now.state && override === now.override;
        // What cannot be is not shown: an override allows one state.
        if (holds || override === "auto" || override === one) state.labels(name, one, override).set(holds ? 1 : 0);
      }
    }
  });
  return {
    refused: metrics
      .counter({ name: "weir_breaker_refused_total", help: "Calls that a breaker refused.", labels: ["policy"] })
      .labels(name),
    changed: (to, reason) => changes.labels(name, to, reason).add(),
  };
}
