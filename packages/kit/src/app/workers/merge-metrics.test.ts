import assert from "node:assert/strict";
import { test } from "node:test";
import { createMetrics } from "../../telemetry/metrics.ts";
import { mergeMetrics } from "./merge-metrics.ts";

test("merged metrics have each family once, and each series by its worker", () => {
  const texts = new Map<string, string>();
  for (const worker of ["1", "2"]) {
    const metrics = createMetrics();
    metrics
      .counter({ name: "seen_total", help: 'Seen {"all"}.', labels: ["path"] })
      .labels('/a{b} "c"\\')
      .add(Number(worker));
    metrics.gauge({ name: "plain", help: "Plain." }).set(1.5);
    if (worker === "2") metrics.histogram({ name: "seconds", help: "S.", buckets: [1] }).observe(0.5);
    texts.set(worker, metrics.text());
  }
  const merged = mergeMetrics(texts);
  const lines = merged.split("\n").filter((line) => !line.includes("weir_metrics_series_dropped"));
  assert.deepEqual(
    lines.filter((line) => line !== ""),
    [
      '# HELP seen_total Seen {"all"}.',
      "# TYPE seen_total counter",
      'seen_total{worker="1",path="/a{b} \\"c\\"\\\\"} 1',
      'seen_total{worker="2",path="/a{b} \\"c\\"\\\\"} 2',
      "# HELP plain Plain.",
      "# TYPE plain gauge",
      'plain{worker="1"} 1.5',
      'plain{worker="2"} 1.5',
      "# HELP seconds S.",
      "# TYPE seconds histogram",
      'seconds_bucket{worker="2",le="1"} 1',
      'seconds_bucket{worker="2",le="+Inf"} 1',
      'seconds_sum{worker="2"} 0.5',
      'seconds_count{worker="2"} 1',
    ],
  );
});
