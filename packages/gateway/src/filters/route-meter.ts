import type { Counter, Histogram, Metrics } from "@weir/kit/telemetry/metrics";
import type { CauseCount } from "@weir/api/traffic";
import type { Passage } from "../passage.ts";
import type { Cause } from "../reasons.ts";
import { grpcName, grpcUnsaid } from "../rpc/codes.ts";
import { causeCounts } from "../upstream/endpoint-meter.ts";

/** Counts what clients were answered. */
export interface RouteMeter {
  /** A request that is over. */
  answered(passage: Passage): void;
  /** Something that became of a request, other than an endpoint's own doing. */
  count(route: string, cause: Cause): void;
  /** Causes counted since the last report. */
  takeReport(): CauseCount[];
}

interface Handles {
  readonly duration: Histogram;
  readonly byStatus: Map<number, Counter>;
}

/** Declares the metrics of routes. Handles are looked up once for each route, version and status. */
export function createRouteMeter(metrics: Metrics): RouteMeter {
  const requests = metrics.counter({
    name: "weir_gateway_requests_total",
    help: "Requests answered, by what the client was answered: HTTP status, or code of gRPC.",
    labels: ["route", "version", "status"],
    seriesMax: 10_000,
  });
  const durations = metrics.histogram({
    name: "weir_gateway_request_duration_seconds",
    help: "From the request's head to the end of the answer.",
    labels: ["route", "version"],
    seriesMax: 2000,
  });
  const causes = metrics.counter({
    name: "weir_gateway_causes_total",
    help: "What became of requests beside an endpoint's own answer: refusals, retries, fallbacks.",
    labels: ["route", "cause"],
    seriesMax: 5000,
  });
  const handles = new Map<string, Map<string, Handles>>();
  let reported = new Map<Cause, number>();

  function handlesOf(route: string, version: string): Handles {
    let versions = handles.get(route);
    if (versions === undefined) {
      // Routes and versions come and go; the metrics bound themselves, this table must too.
      if (handles.size >= 1000) handles.clear();
      handles.set(route, (versions = new Map()));
    }
    let found = versions.get(version);
    if (found === undefined) {
      if (versions.size >= 100) versions.clear();
      versions.set(version, (found = { duration: durations.labels(route, version), byStatus: new Map() }));
    }
    return found;
  }
  return {
    answered({ route, endpoint, status, startedMs, endedMs, grpcCode }) {
      const routeName = route?.name ?? "";
      const version = endpoint?.version ?? "";
      const { duration, byStatus } = handlesOf(routeName, version);
      const isCode = grpcCode !== grpcUnsaid && status === 200;
      const key = isCode ? -1 - grpcCode : status;
      let counter = byStatus.get(key);
      if (counter === undefined) {
        byStatus.set(key, (counter = requests.labels(routeName, version, isCode ? grpcName(grpcCode) : String(status))));
      }
      counter.add();
      duration.observe((endedMs - startedMs) / 1000);
    },
    count(route, cause) {
      causes.labels(route, cause).add();
      reported.set(cause, (reported.get(cause) ?? 0) + 1);
    },
    takeReport() {
      const taken = causeCounts(reported);
      reported = new Map();
      return taken;
    },
  };
}
