import { monitorEventLoopDelay, performance, PerformanceObserver } from "node:perf_hooks";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import type { Counter, Gauge, Labelled, Metrics } from "./metrics.ts";

/** How a process is observed. */
export interface ProcessMetricsOptions {
  /** Event-loop delay and utilisation are told of the last whole window of this length. Default 10000. */
  readonly windowMs?: number;
  readonly clock?: Clock;
}

/** The collector holds timers and an observer. */
export interface ProcessMetrics {
  /** Stops observing; the values stay as they are. */
  readonly close: () => void;
}

const resolutionMs = 20;
const quantiles: readonly (readonly [label: string, percent: number])[] = [
  ["0.5", 50],
  ["0.99", 99],
  ["1", 100],
];

/**
 * Puts the process on a set of metrics: CPU seconds, resident memory, heap, garbage collection, open handles, event-loop
 * delay and utilisation. Named as Prometheus clients name them (process_…, nodejs_…). Costs one timer every 20 ms.
 */
export function createProcessMetrics(metrics: Metrics, options: ProcessMetricsOptions = {}): ProcessMetrics {
  const { windowMs = 10_000, clock = systemClock } = options;
  registerProcess(metrics);
  registerHandles(metrics);
  const loop = registerLoop(metrics);
  const collections = registerCollections(metrics);
  let cancel: (() => void) | undefined;
  function arm(): void {
    cancel = clock.after(windowMs, () => {
      loop.turnWindow();
      arm();
    });
  }
  arm();
  return {
    close() {
      cancel?.();
      loop.close();
      collections.disconnect();
    },
  };
}

function registerProcess(metrics: Metrics): void {
  const cpu = metrics.counter({ name: "process_cpu_seconds_total", help: "User and system CPU time." });
  const resident = metrics.gauge({ name: "process_resident_memory_bytes", help: "Memory that is held in RAM." });
  const heapUsed = metrics.gauge({ name: "nodejs_heap_used_bytes", help: "JavaScript heap in use." });
  const heapTotal = metrics.gauge({ name: "nodejs_heap_total_bytes", help: "JavaScript heap reserved." });
  const external = metrics.gauge({ name: "nodejs_external_memory_bytes", help: "Memory of buffers outside the JavaScript heap." });
  const version = metrics.gauge({ name: "nodejs_version_info", help: "Version of Node.js.", labels: ["version"] });
  metrics
    .gauge({ name: "process_start_time_seconds", help: "When the process began, in seconds since 1970." })
    .set(performance.timeOrigin / 1000);
  version.labels(process.version).set(1);
  metrics.beforeText(() => {
    const { user, system } = process.cpuUsage();
    cpu.add(Math.max(0, (user + system) / 1e6 - cpu.value()));
    const memory = process.memoryUsage();
    resident.set(memory.rss);
    heapUsed.set(memory.heapUsed);
    heapTotal.set(memory.heapTotal);
    external.set(memory.external);
  });
}

function registerHandles(metrics: Metrics): void {
  const handles = metrics.gauge({
    name: "nodejs_active_resources",
    help: "What keeps the event loop alive.",
    labels: ["type"],
    seriesMax: 50,
  });
  const known = new Set<string>();
  metrics.beforeText(() => {
    const counts = new Map<string, number>();
    for (const type of process.getActiveResourcesInfo()) counts.set(type, (counts.get(type) ?? 0) + 1);
    for (const type of counts.keys()) known.add(type);
    for (const type of known) handles.labels(type).set(counts.get(type) ?? 0);
  });
}

function registerLoop(metrics: Metrics): { turnWindow: () => void; close: () => void } {
  const help = "How late a timer was, by share of the timers of the last window; 1 is the latest.";
  const delay = metrics.gauge({ name: "nodejs_eventloop_delay_seconds", help, labels: ["quantile"] });
  const utilisation = metrics.gauge({ name: "nodejs_eventloop_utilization_ratio", help: "Share of time not spent waiting, last window." });
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  let last = performance.eventLoopUtilization();
  let turned = false;
  function show(): void {
    showDelay(delay, histogram);
    utilisation.set(performance.eventLoopUtilization(last).utilization);
  }
  metrics.beforeText(() => {
    if (!turned) show();
  });
  return {
    turnWindow() {
      turned = true;
      show();
      histogram.reset();
      last = performance.eventLoopUtilization();
    },
    close: () => void histogram.disable(),
  };
}

function showDelay(delay: Labelled<Gauge>, histogram: ReturnType<typeof monitorEventLoopDelay>): void {
  for (const [label, percent] of quantiles) {
    // Node records the time between two ticks of its timer: an idle loop would seem as late as the timer is long.
    const lateMs = histogram.count === 0 ? 0 : Math.max(0, histogram.percentile(percent) / 1e6 - resolutionMs);
    delay.labels(label).set(lateMs / 1000);
  }
}

// https://nodejs.org/api/perf_hooks.html#performancenodekind
const collectionKinds: Readonly<Record<number, string>> = { 1: "minor", 2: "minor", 4: "major", 8: "incremental", 16: "weak_callbacks" };

function registerCollections(metrics: Metrics): PerformanceObserver {
  const seconds = metrics.counter({ name: "nodejs_gc_pause_seconds_total", help: "Time that garbage collection took.", labels: ["kind"] });
  const pauses = metrics.counter({ name: "nodejs_gc_pauses_total", help: "Runs of garbage collection.", labels: ["kind"] });
  const handlesOf = (kind: string): readonly [Counter, Counter] => [seconds.labels(kind), pauses.labels(kind)];
  const byKind = new Map(Object.entries(collectionKinds).map(([number, kind]) => [Number(number), handlesOf(kind)]));
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { detail } = entry as { detail?: { kind?: number } };
      const kind = detail?.kind ?? 0;
      const [time, count] = byKind.get(kind) ?? handlesOf("other");
      time.add(entry.duration / 1000);
      count.add();
    }
  });
  observer.observe({ entryTypes: ["gc"] });
  return observer;
}
