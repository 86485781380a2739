import type { ServerCounters } from "@weir/wire";
import type { Metrics } from "../telemetry/metrics.ts";

/** What counters are shown under. */
export interface ServerCountersOptions {
  /** Tells several servers of a process apart. Default "main". */
  readonly server?: string;
}

/** Puts the counters of a wire server on a set of metrics, as weir_http_…. */
export function registerServerCounters(metrics: Metrics, counters: ServerCounters, options: ServerCountersOptions = {}): void {
  const { server = "main" } = options;
  const labels = ["server"];
  const open = metrics.gauge({ name: "weir_http_connections_open", help: "Connections that are open.", labels }).labels(server);
  const inFlight = metrics
    .gauge({ name: "weir_http_requests_in_flight", help: "Requests without their whole answer.", labels })
    .labels(server);
  const grown = (
    [
      ["weir_http_connections_total", "Connections that were accepted.", () => counters.connectionsTotal],
      ["weir_http_requests_total", "Requests that were read.", () => counters.requestsTotal],
      ["weir_http_read_bytes_total", "Bytes that were read.", () => counters.bytesRead],
      ["weir_http_written_bytes_total", "Bytes that were written.", () => counters.bytesWritten],
      ["weir_http_tls_handshakes_total", "TLS handshakes that were done.", () => counters.tlsHandshakesTotal],
      ["weir_http_tls_resumptions_total", "TLS handshakes that resumed a session.", () => counters.tlsResumptionsTotal],
    ] as const
  ).map(([name, help, value]) => ({ counter: metrics.counter({ name, help, labels }).labels(server), value }));
  const refusals = metrics.counter({ name: "weir_http_refusals_total", help: "Refusals by reason.", labels: ["server", "reason"] });
  metrics.beforeText(() => {
    open.set(counters.connectionsOpen);
    inFlight.set(counters.requestsInFlight);
    for (const { counter, value } of grown) counter.add(Math.max(0, value() - counter.value()));
    for (const [reason, count] of Object.entries(counters.refusals)) {
      const counter = refusals.labels(server, reason);
      counter.add(Math.max(0, count - counter.value()));
    }
  });
}
