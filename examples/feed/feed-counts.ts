import type { Counter, Histogram, Labelled, Metrics } from "@weir/kit/telemetry/metrics";

/** What the feed counts beside what kit counts of every method. */
export interface FeedCounts {
  readonly candidates: Counter;
  readonly rankSeconds: Histogram;
  readonly watches: Counter;
}

/** The feed's metrics, on the app's own page of them. */
export function createFeedCounts(metrics: Metrics): FeedCounts {
  return {
    candidates: metrics.counter({ name: "feed_candidates_total", help: "Films that recall found." }).labels(),
    rankSeconds: metrics
      .histogram({ name: "feed_rank_seconds", help: "Time to rank the candidates of one user.", buckets: rankBuckets })
      .labels(),
    watches: metrics.counter({ name: "feed_watches_total", help: "Watches that were recorded, each once." }).labels(),
  };
}

/** Selections that were made without recall, by the reason why it could not be had. */
export function createRecallFallbacks(metrics: Metrics): Labelled<Counter> {
  return metrics.counter({
    name: "feed_recall_fallbacks_total",
    help: "Selections made without recall, by the reason why it could not be had.",
    labels: ["reason"],
  });
}

const rankBuckets: readonly number[] = [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.01];
