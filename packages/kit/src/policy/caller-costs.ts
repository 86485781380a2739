import type { Counter } from "../telemetry/metrics.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { PolicyParts } from "./policy.ts";

/** What callers cost. */
export interface CallerCosts {
  /** A call of a caller held a place for so long. */
  add(caller: string, heldMs: number): void;
  /** By caller: calls and seconds, the costliest first. */
  readonly top: readonly CallerCost[];
}

/** What one caller cost so far. */
export interface CallerCost {
  readonly caller: string;
  readonly calls: number;
  readonly seconds: number;
}

interface Costs {
  readonly calls: Counter;
  readonly seconds: Counter;
}

const callersMax = 50;
const other = "other";

/**
 * Counts what each caller costs: weir_caller_calls_total and weir_caller_seconds_total, by policy and caller. The first 50 callers have
 * series of their own, all others are "other" together.
 */
export function createCallerCosts(parts: PolicyParts): CallerCosts {
  const { name = "default", metrics = createMetrics() } = parts;
  const labels = ["policy", "caller"];
  const calls = metrics.counter({ name: "weir_caller_calls_total", help: "Calls of a caller that held a place.", labels });
  const seconds = metrics.counter({ name: "weir_caller_seconds_total", help: "Time that calls of a caller held places.", labels });
  const known = new Map<string, Costs>();

  function costsOf(caller: string): Costs {
    const found = known.get(caller);
    if (found) return found;
    if (known.size >= callersMax && caller !== other) return costsOf(other);
    const costs = { calls: calls.labels(name, caller), seconds: seconds.labels(name, caller) };
    known.set(caller, costs);
    return costs;
  }

  return {
    add(caller, heldMs) {
      const costs = costsOf(caller);
      costs.calls.add();
      costs.seconds.add(heldMs / 1000);
    },
    get top() {
      const all = [...known].map(([caller, costs]) => ({ caller, calls: costs.calls.value(), seconds: costs.seconds.value() }));
      return all.toSorted((one, two) => two.seconds - one.seconds);
    },
  };
}
