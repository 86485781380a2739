import type { Counter, Histogram, Labelled, Metrics } from "../telemetry/metrics.ts";
import type { CacheStore } from "./store.ts";

/** How a request to a cache went: "stale" was answered from an old entry, "absent" from the knowledge that there is nothing. */
export type CacheOutcome = "hit" | "stale" | "absent" | "miss";

/** What one cache counts. */
export interface CacheMetrics {
  readonly outcomes: Readonly<Record<CacheOutcome, Counter>>;
  readonly loadSeconds: Histogram;
  readonly loadFailures: Counter;
  readonly storeFailures: Labelled<Counter>;
}

/** The metrics of a cache by its name. Those of several caches share families, told apart by the label `cache`. */
export function createCacheMetrics(
  metrics: Metrics,
  { name, store }: { readonly name: string; readonly store: CacheStore<unknown> },
): CacheMetrics {
  const requests = metrics.counter({
    name: "weir_cache_requests_total",
    help: "Requests to a cache by how they went.",
    labels: ["cache", "outcome"],
  });
  const failures = metrics.counter({
    name: "weir_cache_store_failures_total",
    help: "Operations of a cache's store that failed.",
    labels: ["cache", "operation"],
  });
  if (store.holds) showHolds(metrics, { name, store });
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
    storeFailures: {
      labels: (...values) => failures.labels(name, ...values),
      remove: (...values) => failures.remove(name, ...values),
    },
  };
}

function showHolds(metrics: Metrics, { name, store }: { readonly name: string; readonly store: CacheStore<unknown> }): void {
  const entries = metrics.gauge({ name: "weir_cache_entries", help: "Entries that a cache holds.", labels: ["cache"] }).labels(name);
  const bytes = metrics
    .gauge({ name: "weir_cache_bytes", help: "Bytes that a cache holds, as far as they are counted.", labels: ["cache"] })
    .labels(name);
  const evictions = metrics
    .counter({ name: "weir_cache_evictions_total", help: "Entries that a cache gave up for want of room.", labels: ["cache"] })
    .labels(name);
  let counted = 0;
  metrics.beforeText(() => {
    const { holds } = store;
    if (!holds) return;
    entries.set(holds.entries);
    bytes.set(holds.bytes);
    evictions.add(holds.evictions - counted);
    counted = holds.evictions;
  });
}
