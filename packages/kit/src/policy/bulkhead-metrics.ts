import { createMetrics } from "../telemetry/metrics.ts";
import type { PlacesState } from "./bulkhead-places.ts";
import { lanes } from "./lane.ts";
import type { PolicyParts } from "./policy.ts";

/** Shows what a bulkhead holds, by lane, whenever the metrics are read. */
export function createBulkheadMetrics(parts: PolicyParts, stateNow: () => PlacesState): void {
  const { name = "default", metrics = createMetrics() } = parts;
  const labels = ["policy", "lane"];
  const inFlight = metrics.gauge({ name: "weir_bulkhead_in_flight", help: "Calls under way in a bulkhead.", labels });
  const waiting = metrics.gauge({ name: "weir_bulkhead_waiting", help: "Calls that wait for a place in a bulkhead.", labels });
  const refused = metrics.counter({ name: "weir_bulkhead_refused_total", help: "Calls that a bulkhead refused.", labels });
  metrics.beforeText(() => {
    const now = stateNow();
    for (const lane of lanes) {
      inFlight.labels(name, lane).set(now.underWayByLane[lane]);
      waiting.labels(name, lane).set(now.waiting[lane]);
      const counter = refused.labels(name, lane);
      counter.add(Math.max(0, now.refused[lane] - counter.value()));
    }
  });
}
