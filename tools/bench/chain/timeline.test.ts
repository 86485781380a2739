import assert from "node:assert/strict";
import { test } from "node:test";
import type { Variant } from "./callers.ts";
import { plotOf } from "./plot.ts";
import type { Phases, Route, Sample } from "./timeline.ts";
import { figuresFrom, isNormal } from "./timeline.ts";
import { chainTable, shortfalls } from "./verdict.ts";

const phases: Phases = { normalMs: 1000, slowMs: 11_000, failsMs: 21_000, backMs: 31_000, endMs: 41_000 };

/** Ten calls a second of each route, each as `end` says. */
function sampled(end: (route: Route, dueMs: number) => { readonly well: boolean; readonly latencyMs: number }): Sample[] {
  const routes = ["own", "near", "deep"] as const;
  return Array.from({ length: 410 }, (_, at) => at * 100).flatMap((dueMs) =>
    routes.map((route) => ({ route, dueMs, ...end(route, dueMs) })),
  );
}

const fine = { well: true, latencyMs: 20 };
const kept = sampled((route, dueMs) => (route !== "deep" || dueMs < 11_000 || dueMs >= 33_000 ? fine : { well: false, latencyMs: 5 }));
const taken = sampled((_, dueMs) => (dueMs < 11_000 || dueMs >= 38_000 ? fine : { well: dueMs > 30_000, latencyMs: 2500 }));

const runOf = (variant: Variant, samples: readonly Sample[], lateMsP99 = 5) => ({
  variant,
  lateMsP99,
  figures: figuresFrom(samples, phases),
});

test("figures tell phases and routes apart, and when all is as it was before", () => {
  const { others, deep, recoveredMs, seconds } = figuresFrom(kept, phases);
  assert.deepEqual(others.slow, { calls: 200, success: 1, p99Ms: 20 });
  assert.deepEqual([deep.slow.success, deep.normal.success, deep.back.success], [0, 1, 0.8]);
  assert.equal(recoveredMs, 2000);
  assert.deepEqual([seconds.deep.length, seconds.deep[0]?.calls, seconds.deep[15]?.success], [40, 10, 0]);
  assert.equal(figuresFrom(taken, phases).recoveredMs, 7000);
  assert.equal(
    figuresFrom(
      sampled(() => ({ well: false, latencyMs: 1 })),
      phases,
    ).recoveredMs,
    Infinity,
  );
});

test("normal is neither a failure in a hundred nor three times the latency", () => {
  const before = { calls: 1000, success: 1, p99Ms: 20 };
  assert.deepEqual(
    [
      { calls: 1000, success: 0.995, p99Ms: 40 },
      { calls: 1000, success: 0.99, p99Ms: 20 },
      { calls: 1000, success: 1, p99Ms: 41 },
      { calls: 0, success: 1, p99Ms: 0 },
    ].map((found) => isNormal(found, before)),
    [true, false, false, false],
  );
});

test("a run says what does not hold: others taken down, a late return, a late load, a fault that is none", () => {
  assert.deepEqual(shortfalls([runOf("none", taken), runOf("weir", kept)]), []);
  const found = shortfalls([runOf("none", kept), runOf("weir", taken, 500)]);
  assert.equal(found.length, 6, found.join("\n"));
  assert.match(found[0] ?? "", /^INVALID: weir: calls were sent 500 ms late/);
  assert.match(found[1] ?? "", /\(slow\), found 0\.0 %, /);
  assert.match(found[4] ?? "", /within 5 s, found 7\.0 s/);
  assert.match(found[5] ?? "", /the fault is none/);
});

test("table and plot show every variant", () => {
  const runs = [runOf("none", taken), runOf("weir", kept)];
  assert.match(chainTable(runs), /\| weir \| 100\.0 %, 20 ms \| 100\.0 %, 20 ms \|.*\| 2\.0 s \|$/);
  const svg = plotOf(runs);
  assert.equal([...svg.matchAll(/<polyline/g)].length, 8);
  assert.ok(!/NaN|Infinity|undefined/.test(svg));
});
