import type { Counter } from "../telemetry/metrics.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { PolicyParts } from "./policy.ts";

/** What a global limit counts. */
export interface GlobalLimitMetrics {
  readonly refused: Counter;
  takes: number;
  failedTakes: number;
  /** The source was asked. */
  took(outcome: "granted" | "empty" | "failed"): void;
}

/** The metrics of a global limit. */
export function createGlobalLimitMetrics(parts: PolicyParts, isAway: () => boolean): GlobalLimitMetrics {
  const { name = "default", metrics = createMetrics() } = parts;
  const takes = metrics.counter({
    name: "weir_global_limit_takes_total",
    help: "How often the source of a global limit was asked, by how it went.",
    labels: ["policy", "outcome"],
  });
  const away = metrics
    .gauge({ name: "weir_global_limit_away", help: "1 while the source of a global limit is away.", labels: ["policy"] })
    .labels(name);
  metrics.beforeText(() => away.set(isAway() ? 1 : 0));
  return {
    refused: metrics
      .counter({ name: "weir_global_limit_refused_total", help: "Calls that a global limit refused.", labels: ["policy"] })
      .labels(name),
    takes: 0,
    failedTakes: 0,
    took(outcome) {
      this.takes += 1;
      if (outcome === "failed") this.failedTakes += 1;
      takes.labels(name, outcome).add();
    },
  };
}
