import type { Snapshot } from "@weir/api/snapshots";
import { registerServerCounters } from "@weir/kit/app/server-metrics";
import type { Clock } from "@weir/kit/clock";
import type { Counter, Metrics } from "@weir/kit/telemetry/metrics";
import type { LineWriter } from "@weir/kit/telemetry/line-writer";
import type { ServerCounters } from "@weir/wire";

/** What the gauges of a gateway are read from when somebody asks. */
export interface GatewayGauges {
  readonly clock: Clock;
  readonly snapshot: () => Snapshot | undefined;
  readonly inFlight: () => number;
  readonly sessions: () => number;
  readonly endpoints: () => number;
  /** Undefined without a control plane. */
  readonly controlConnected: (() => boolean) | undefined;
  readonly accessLog: LineWriter | undefined;
  readonly counters: ServerCounters;
}

/** Declares what is only read when asked for: load, Snapshot, control, connections, refusals of wire. */
export function declareGatewayGauges(metrics: Metrics, from: GatewayGauges): void {
  const gauge = (name: string, help: string): { set(value: number): void } => metrics.gauge({ name, help });
  const inFlight = gauge("weir_gateway_in_flight", "Requests that are being worked on.");
  const sessions = gauge("weir_gateway_sessions", "Upgraded connections (WebSockets) that are open.");
  const endpoints = gauge("weir_gateway_endpoints", "Endpoints that connections are kept for.");
  const revision = gauge("weir_gateway_snapshot_revision", "Revision of the Snapshot that is served by; 0 for none.");
  const age = gauge("weir_gateway_snapshot_age_seconds", "Time since control made the Snapshot that is served by.");
  const connected = gauge("weir_gateway_control_connected", "1 while control is heard of, else 0.");
  const logDropped = gauge("weir_gateway_access_log_dropped", "Lines of the access log that were dropped, its reader being too slow.");
  registerServerCounters(metrics, from.counters);
  metrics.beforeText(() => {
    const snapshot = from.snapshot();
    inFlight.set(from.inFlight());
    sessions.set(from.sessions());
    endpoints.set(from.endpoints());
    revision.set(Number(snapshot?.revision ?? 0n));
    age.set(snapshotAgeSeconds(snapshot, from.clock));
    connected.set(from.controlConnected?.() === true ? 1 : 0);
    logDropped.set(from.accessLog?.dropped() ?? 0);
  });
}

/** Seconds since control made a Snapshot; 0 for none. */
export function snapshotAgeSeconds(snapshot: Snapshot | undefined, clock: Clock): number {
  return snapshot === undefined ? 0 : Math.max(0, (clock.nowMs() - Number(snapshot.madeAtMs)) / 1000);
}

/** Counts reports that control never got. */
export function reportsDropped(metrics: Metrics): Counter {
  return metrics.counter({ name: "weir_gateway_reports_dropped_total", help: "Reports of traffic that control never got." });
}
