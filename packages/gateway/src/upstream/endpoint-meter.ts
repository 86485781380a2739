import type { Counter, Labelled, Metrics } from "@weir/kit/telemetry/metrics";
import { createLatencyHistogram } from "@weir/kit/telemetry/latency-histogram";
import type { CauseCount, EndpointTraffic } from "@weir/api/traffic";
import type { Cause } from "../reasons.ts";

/** What names an endpoint in metrics and reports. */
export interface EndpointName {
  readonly service: string;
  readonly version: string;
  readonly id: string;
}

/** Counts what one endpoint did: for the metrics, and for the next report to control. */
export interface EndpointMeter {
  /** An answer, so long after it was asked. With a cause it counts as an error. */
  answered(durationMs: number, cause: Cause | undefined): void;
  /** An attempt that brought no answer. */
  failed(cause: Cause): void;
  /** An answer that had begun and broke off in the middle: an error of a request that is counted already. */
  brokeOff(cause: Cause): void;
  /** A request that failed here and goes to the stable version. */
  fellBack(): void;
  /** What was counted since the last report; undefined when nothing was. */
  takeReport(): EndpointTraffic | undefined;
  /** Takes its series out of the metrics. */
  close(): void;
}

/** The metrics that endpoints are counted in. */
export interface EndpointMetrics {
  readonly requests: Labelled<Counter>;
  readonly errors: Labelled<Counter>;
}

/** Declares the metrics of endpoints. */
export function createEndpointMetrics(metrics: Metrics): EndpointMetrics {
  const seriesMax = 10_000;
  return {
    requests: metrics.counter({
      name: "weir_gateway_endpoint_requests_total",
      help: "Attempts that were made at an endpoint.",
      labels: ["service", "version", "endpoint"],
      seriesMax,
    }),
    errors: metrics.counter({
      name: "weir_gateway_endpoint_errors_total",
      help: "Attempts that an endpoint failed, by cause; ANSWERED_5XX and ANSWERED_<code of gRPC> are its own answers.",
      labels: ["service", "version", "endpoint", "cause"],
      seriesMax,
    }),
  };
}

/** A meter at zero. */
export function createEndpointMeter(name: EndpointName, metrics: EndpointMetrics): EndpointMeter {
  const { service, version, id } = name;
  const requestCounter = metrics.requests.labels(service, version, id);
  const errorCounters = new Map<Cause, Counter>();
  const latency = createLatencyHistogram();
  let requests = 0;
  let errors = 0;
  let fallbacks = 0;
  let causes = new Map<Cause, number>();

  function countError(cause: Cause): void {
    errors++;
    causes.set(cause, (causes.get(cause) ?? 0) + 1);
    let counter = errorCounters.get(cause);
    if (counter === undefined) errorCounters.set(cause, (counter = metrics.errors.labels(service, version, id, cause)));
    counter.add();
  }
  return {
    answered(durationMs, cause) {
      requests++;
      requestCounter.add();
      latency.record(durationMs);
      if (cause !== undefined) countError(cause);
    },
    failed(cause) {
      requests++;
      requestCounter.add();
      countError(cause);
    },
    brokeOff: countError,
    fellBack: () => void fallbacks++,
    takeReport() {
      if (requests === 0 && errors === 0 && fallbacks === 0) return undefined;
      const taken = {
        service,
        version,
        instance: id,
        requests,
        errors,
        fallbacks,
        latencyCounts: latency.toCounts(),
        causes: causeCounts(causes),
      };
      latency.clear();
      requests = errors = fallbacks = 0;
      causes = new Map();
      return taken;
    },
    close() {
      metrics.requests.remove(service, version, id);
      for (const cause of errorCounters.keys()) metrics.errors.remove(service, version, id, cause);
    },
  };
}

/** Counts by cause as a report holds them. */
export function causeCounts(causes: ReadonlyMap<Cause, number>): CauseCount[] {
  return Array.from(causes, ([cause, count]) => ({ cause, count }));
}
