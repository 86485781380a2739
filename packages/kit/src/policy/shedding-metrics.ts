import { createMetrics } from "../telemetry/metrics.ts";
import type { Lane } from "./lane.ts";
import type { LoadSheddingState } from "./load-shedding.ts";
import type { LoadSignal } from "./load-signals.ts";
import type { PolicyParts } from "./policy.ts";

/** How important a call is when not all can be done. */
export type Importance = Lane | "critical";

/** The most important first. */
export const importances = ["critical", "urgent", "normal", "bulk"] as const;

/** What load shedding counts. */
export interface SheddingMetrics {
  shed(importance: Importance, signal: LoadSignal): void;
}

/** The metrics of load shedding; the load and its signals are read when they are shown. */
export function createSheddingMetrics(parts: PolicyParts, stateNow: () => LoadSheddingState): SheddingMetrics {
  const { name = "default", metrics = createMetrics() } = parts;
  const shed = metrics.counter({
    name: "weir_shed_total",
    help: "Calls that were refused for want of capacity, by the signal that said so.",
    labels: ["policy", "importance", "signal"],
  });
  const load = metrics
    .gauge({ name: "weir_shedding_load", help: "0 when nothing is shed, 1 when all normal work is, 2 when all is.", labels: ["policy"] })
    .labels(name);
  const signals = metrics.gauge({ name: "weir_shedding_signal", help: "What load shedding goes by.", labels: ["policy", "signal"] });
  metrics.beforeText(() => {
    const now = stateNow();
    load.set(now.load);
    signals.labels(name, "loop_delay_seconds").set(now.signals.loopDelayMs / 1000);
    signals.labels(name, "utilisation_ratio").set(now.signals.utilisation);
    signals.labels(name, "in_flight").set(now.signals.inFlight);
    signals.labels(name, "queue_age_seconds").set(now.signals.queueAgeMs / 1000);
  });
  return { shed: (importance, signal) => shed.labels(name, importance, signal).add() };
}
