import type { Counter, Gauge, Histogram, Metrics } from "../telemetry/metrics.ts";
import type { StoreOperation } from "./store-guard.ts";
import type { CacheStore } from "./store.ts";

/** How a request to a cache went: "stale" was answered from an old entry, "absent" from the knowledge that there is nothing. */
export type CacheOutcome = "hit" | "stale" | "absent" | "miss";

/** What one cache counts. */
export interface CacheMetrics {
  readonly outcomes: Readonly<Record<CacheOutcome, Counter>>;
  readonly loadSeconds: Histogram;
  readonly loadFailures: Counter;
  storeFailures(operation: StoreOperation, reason: string): Counter;
  /** Only of stores that are waited for. */
  storeSeconds(operation: StoreOperation): Histogram;
}

/** Whose metrics they are. */
export interface CountedCache {
  readonly name: string;
  readonly store: CacheStore<unknown>;
  readonly loadsUnderWay: () => number;
}

/** The metrics of a cache by its name. Those of several caches share families, told apart by the label `cache`. */
export function createCacheMetrics(metrics: Metrics, counted: CountedCache): CacheMetrics {
  const { name } = counted;
  const requests = metrics.counter({
    name: "weir_cache_requests_total",
    help: "Requests to a cache by how they went.",
    labels: ["cache", "outcome"],
  });
  const failures = metrics.counter({
    name: "weir_cache_store_failures_total",
    help: "Operations of a cache's store that failed, by reason.",
    labels: ["cache", "operation", "reason"],
  });
  const seconds = metrics.histogram({
    name: "weir_cache_store_seconds",
    help: "Time that a store outside the process took to answer.",
    labels: ["cache", "operation"],
  });
  const byOperation = new Map<StoreOperation, Histogram>();
  showWhenAsked(metrics, counted);
  return {
    outcomes: {
      hit: requests.labels(name, "hit"),
      stale: requests.labels(name, "stale"),
      absent: requests.labels(name, "absent"),
      miss: requests.labels(name, "miss"),
    },
    loadSeconds: metrics
      .histogram({ name: "weir_cache_load_seconds", help: "Time to load what a cache missed.", labels: ["cache"] })
      .labels(name),
    loadFailures: metrics.counter({ name: "weir_cache_load_failures_total", help: "Loads that failed.", labels: ["cache"] }).labels(name),
    storeFailures: (operation, reason) => failures.labels(name, operation, reason),
    storeSeconds(operation) {
      const held = byOperation.get(operation) ?? seconds.labels(name, operation);
      byOperation.set(operation, held);
      return held;
    },
  };
}

function showWhenAsked(metrics: Metrics, { name, store, loadsUnderWay }: CountedCache): void {
  const gauge = (metric: string, help: string): Gauge => metrics.gauge({ name: metric, help, labels: ["cache"] }).labels(name);
  const loading = gauge("weir_cache_loads_under_way", "Keys that a cache loads now.");
  if (!store.holds) {
    metrics.beforeText(() => loading.set(loadsUnderWay()));
    return;
  }
  const entries = gauge("weir_cache_entries", "Entries that a cache holds.");
  const bytes = gauge("weir_cache_bytes", "Bytes that a cache holds, as far as they are counted.");
  const evictions = metrics
    .counter({ name: "weir_cache_evictions_total", help: "Entries that a cache gave up for want of room.", labels: ["cache"] })
    .labels(name);
  let counted = 0;
  metrics.beforeText(() => {
    loading.set(loadsUnderWay());
    const { holds } = store;
    if (!holds) return;
    entries.set(holds.entries);
    bytes.set(holds.bytes);
    evictions.add(holds.evictions - counted);
    counted = holds.evictions;
  });
}
