import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { Family, Series } from "./metric-family.ts";
import { createFamily } from "./metric-family.ts";

/** What every metric is told. */
export interface MetricOptions {
  /** Letters, digits, "_" and ":"; by custom it ends in its unit, a counter in "_total". */
  readonly name: string;
  /** One sentence. */
  readonly help: string;
  /** Names of its labels, in the order that `labels` takes their values. Default none. */
  readonly labels?: readonly string[];
  /** Sets of label values that are kept; further ones share a series whose values are all "other". Default 1000. */
  readonly seriesMax?: number;
}

/** What a histogram is told beside. */
export interface HistogramOptions extends MetricOptions {
  /** Upper bounds, rising, without infinity. Default `latencyBuckets`. */
  readonly buckets?: readonly number[];
}

/** A number that only grows. */
export interface Counter {
  /** Adds to it; default 1. METRIC_INVALID when negative. */
  add(amount?: number): void;
  value(): number;
}

/** A number that goes up and down. */
export interface Gauge {
  set(value: number): void;
  add(amount: number): void;
  value(): number;
}

/** Counts of values by size. */
export interface Histogram {
  observe(value: number): void;
  /** How many were observed, and their sum. */
  count(): number;
  sum(): number;
}

/**
 * A metric with labels. `labels(...)` gives the one series for these values, always the same object: hot paths ask once
 * and hold it. METRIC_INVALID for the wrong number of values.
 */
export interface Labelled<S> {
  labels(...values: string[]): S;
  /** Forgets a series, for what is gone for good (an endpoint that left). A holder's further counts are not shown. */
  remove(...values: string[]): void;
}

/**
 * The metrics of a process. Asking twice for the same metric gives the same one; for one that differs under the same
 * name, or for a name that Prometheus does not take: METRIC_INVALID.
 */
export interface Metrics {
  /** Without labels the answer is the counter itself, its `labels()` too. */
  counter(options: MetricOptions): Counter & Labelled<Counter>;
  gauge(options: MetricOptions): Gauge & Labelled<Gauge>;
  histogram(options: HistogramOptions): Histogram & Labelled<Histogram>;
  /** Runs before every `text`, to set gauges that are only read when asked for. */
  beforeText(action: () => void): void;
  /** The text format of Prometheus, 0.0.4. */
  text(): string;
}

/** What `text` is. */
export const metricsContentType = "text/plain; version=0.0.4; charset=utf-8";

/** Bounds in seconds for what people and callers wait for. */
export const latencyBuckets: readonly number[] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** An empty set of metrics. Format: https://prometheus.io/docs/instrumenting/exposition_formats/ */
export function createMetrics(): Metrics {
  const families = new Map<string, Family<Series>>();
  const actions: (() => void)[] = [];
  const dropped = family<CounterSeries>(
    { name: "weir_metrics_series_dropped_total", help: "Sets of label values that were counted as other.", labels: ["metric"] },
    { type: "counter", create: createCounter },
  );

  function family<S extends Series>(options: MetricOptions, made: { type: string; create: () => S; shape?: string }): Family<S> {
    const onDrop = options.name.startsWith("weir_metrics_") ? undefined : (): void => dropped.labels(options.name).add();
    const fresh = createFamily<S>({ ...options, ...made, onDrop });
    const known = families.get(options.name);
    if (known && known.shape !== fresh.shape) {
      throw fault(kitReasons.METRIC_INVALID, `Expected "${options.name}" as it was first declared (${known.shape}), found ${fresh.shape}.`);
    }
    if (!known) families.set(options.name, fresh);
    return (known ?? fresh) as Family<S>;
  }

  return {
    counter: (options) => withSeries(family(options, { type: "counter", create: createCounter }), counterOf),
    gauge: (options) => withSeries(family(options, { type: "gauge", create: createGauge }), gaugeOf),
    histogram(options) {
      const buckets = checkedBuckets(options);
      const create = (): HistogramSeries => createHistogram(buckets);
      return withSeries(family(options, { type: "histogram", create, shape: buckets.join(" ") }), histogramOf);
    },
    beforeText: (action) => void actions.push(action),
    text() {
      for (const action of actions) action();
      let text = "";
      for (const each of families.values()) text += each.text();
      return text;
    },
  };
}

type CounterSeries = Counter & Series;
type GaugeSeries = Gauge & Series;
type HistogramSeries = Histogram & Series;

function withSeries<S extends Series, P extends object>(of: Family<S>, plain: (series: () => S) => P): P & Labelled<S> {
  let own: S | undefined;
  return { ...plain(() => (own ??= of.labels())), labels: of.labels, remove: of.remove };
}

const counterOf = (series: () => CounterSeries): Counter => ({ add: (amount) => series().add(amount), value: () => series().value() });

const gaugeOf = (series: () => GaugeSeries): Gauge => ({
  set: (value) => series().set(value),
  add: (amount) => series().add(amount),
  value: () => series().value(),
});

const histogramOf = (series: () => HistogramSeries): Histogram => ({
  observe: (value) => series().observe(value),
  count: () => series().count(),
  sum: () => series().sum(),
});

function createCounter(): CounterSeries {
  let current = 0;
  return {
    add(amount = 1) {
      if (!(amount >= 0)) throw fault(kitReasons.METRIC_INVALID, `Expected a counter to grow, found ${amount}.`);
      current += amount;
    },
    value: () => current,
    samples: (sample) => sample("", "", current),
  };
}

function createGauge(): GaugeSeries {
  let current = 0;
  return {
    set(value) {
      current = value;
    },
    add(amount) {
      current += amount;
    },
    value: () => current,
    samples: (sample) => sample("", "", current),
  };
}

function createHistogram(buckets: readonly number[]): HistogramSeries {
  const bounds = Float64Array.from(buckets);
  const counts = new Float64Array(bounds.length + 1);
  let sum = 0;
  let total = 0;
  return {
    observe(value) {
      let index = 0;
      while (index < bounds.length && !(value <= (bounds[index] ?? 0))) index++;
      counts[index] = (counts[index] ?? 0) + 1;
      sum += value;
      total++;
    },
    count: () => total,
    sum: () => sum,
    samples(sample) {
      let running = 0;
      for (let index = 0; index < bounds.length; index++) {
        running += counts[index] ?? 0;
        sample("_bucket", `le="${bounds[index]}"`, running);
      }
      sample("_bucket", 'le="+Inf"', total);
      sample("_sum", "", sum);
      sample("_count", "", total);
    },
  };
}

function checkedBuckets(options: HistogramOptions): readonly number[] {
  const buckets = options.buckets ?? latencyBuckets;
  const rising = buckets.every((bound, index) => Number.isFinite(bound) && bound > (buckets[index - 1] ?? -Infinity));
  if (buckets.length === 0 || !rising) {
    throw fault(kitReasons.METRIC_INVALID, `Expected rising finite buckets for "${options.name}", found ${buckets.join(", ") || "none"}.`);
  }
  if (options.labels?.includes("le")) throw fault(kitReasons.METRIC_INVALID, `Expected labels other than "le" for "${options.name}".`);
  return buckets;
}
