import type { Metrics } from "@weir/kit/telemetry/metrics";
import type { ServerCounters } from "@weir/wire";
import type { Rooms } from "./rooms.ts";

/** What the rooms count as they go. */
export interface ControlCounters {
  acknowledged(refusals: number): void;
  refused(reason: string): void;
  unrouted(cause: string, count: number): void;
}

/** Counters of acknowledgements, refused attempts and requests that no data plane could place. */
export function createControlCounters(metrics: Metrics): ControlCounters {
  const acknowledgements = metrics.counter({
    name: "weir_control_acknowledgements_total",
    help: "Revisions that data planes said they hold.",
  });
  const refusals = metrics.counter({ name: "weir_control_refusals_total", help: "Resources of a Snapshot that data planes refused." });
  const refused = metrics.counter({
    name: "weir_control_refused_attempts_total",
    help: "Calls that were refused for their token, by reason.",
    labels: ["reason"],
  });
  const unrouted = metrics.counter({
    name: "weir_control_unrouted_requests_total",
    help: "Requests that reached no endpoint, as data planes reported them, by cause.",
    labels: ["cause"],
    seriesMax: 100,
  });
  return {
    acknowledged(count) {
      acknowledgements.add();
      refusals.add(count);
    },
    refused: (reason) => refused.labels(reason).add(),
    unrouted: (cause, count) => unrouted.labels(cause).add(count),
  };
}

/** Gauges that are read from the rooms whenever the metrics are asked for. */
export function observeRooms(metrics: Metrics, rooms: Rooms): void {
  const gauge = (name: string, help: string): { set(value: number): void } => metrics.gauge({ name: `weir_control_${name}`, help });
  const revision = gauge("revision", "Newest revision of the Snapshot.");
  const connected = gauge("data_planes_connected", "Data planes whose subscription is open.");
  const behind = gauge("data_planes_behind", "Connected data planes that do not hold the newest revision.");
  const entries = gauge("audit_entries", "Entries of the audit chain.");
  const broken = gauge(
    "audit_broken_sequence",
    "First entry of the audit chain that did not fit when it was last verified; 0 when it was whole.",
  );
  const lag = gauge("heartbeat_lag_seconds", "How far the tardiest heartbeat is behind.");
  const cells = gauge("traffic_cells", "Cells of the last 15 minutes of traffic in memory.");
  const watchers = gauge("release_watchers", "Pages that watch a release.");
  const instances = metrics.gauge({ name: "weir_control_instances", help: "Instances by state.", labels: ["state"] });
  metrics.beforeText(() => {
    const seen = rooms.observe();
    revision.set(seen.revision);
    connected.set(seen.dataPlanesConnected);
    behind.set(seen.dataPlanesBehind);
    entries.set(seen.auditEntries);
    broken.set(seen.auditBrokenSequence);
    lag.set(seen.heartbeatLagMs / 1000);
    cells.set(seen.trafficCells);
    watchers.set(seen.releaseWatchers);
    for (const [state, count] of Object.entries(seen.instances)) instances.labels(state).set(count);
  });
}

/** What the listener counts: connections, and what it refused before any method saw it. */
export function observeServer(metrics: Metrics, counters: ServerCounters): void {
  const open = metrics.gauge({ name: "weir_control_connections_open", help: "Connections that are open." });
  const refusals = metrics.counter({
    name: "weir_control_http_refusals_total",
    help: "What the HTTP server refused, by reason.",
    labels: ["reason"],
    seriesMax: 100,
  });
  metrics.beforeText(() => {
    open.set(counters.connectionsOpen);
    for (const [reason, count] of Object.entries(counters.refusals)) {
      const series = refusals.labels(reason);
      series.add(Math.max(0, count - series.value()));
    }
  });
}
