import type { Counter, Metrics } from "@weir/kit/telemetry/metrics";
import type { Rooms } from "./rooms.ts";
import type { Tally } from "./tally.ts";

/** Puts what the rooms know and have counted on a set of metrics, as weir_control_…, read whenever it is asked for. */
export function observeRooms(metrics: Metrics, rooms: Rooms): void {
  observeState(metrics, rooms);
  observeTally(metrics, rooms.tally);
}

function observeState(metrics: Metrics, rooms: Rooms): void {
  const gauge = (name: string, help: string): { set(value: number): void } => metrics.gauge({ name: `weir_control_${name}`, help });
  const revision = gauge("revision", "Newest revision of the Snapshot.");
  const connected = gauge("data_planes_connected", "Data planes whose subscription is open.");
  const behind = gauge("data_planes_behind", "Connected data planes that do not hold the newest revision.");
  const entries = gauge("audit_entries", "Entries of the audit chain.");
  const broken = gauge("audit_broken_sequence", "First entry of the audit chain that did not fit at the start; 0 when it was whole.");
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

function observeTally(metrics: Metrics, tally: Tally): void {
  const acknowledgements = metrics.counter({
    name: "weir_control_acknowledgements_total",
    help: "Times that a data plane said what it did with a revision.",
  });
  const refusals = metrics.counter({ name: "weir_control_refusals_total", help: "Resources of a Snapshot that data planes refused." });
  const refused = metrics.counter({
    name: "weir_control_refused_calls_total",
    help: "Calls that were refused for their token, by reason.",
    labels: ["reason"],
  });
  const unrouted = metrics.counter({
    name: "weir_control_unrouted_requests_total",
    help: "Requests that reached no endpoint, as data planes reported them, by cause.",
    labels: ["cause"],
  });
  const raise = (counter: Counter, to: number): void => counter.add(Math.max(0, to - counter.value()));
  metrics.beforeText(() => {
    raise(acknowledgements, tally.acknowledgements);
    raise(refusals, tally.refusals);
    for (const [reason, count] of tally.refusedCalls) raise(refused.labels(reason), count);
    for (const [cause, count] of tally.unroutedRequests) raise(unrouted.labels(cause), count);
  });
}
