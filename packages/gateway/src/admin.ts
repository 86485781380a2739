import { Snapshot } from "@weir/api/snapshots";
import { metricsContentType, type Metrics } from "@weir/kit/telemetry/metrics";
import type { HttpHandler, HttpResponse } from "@weir/wire";

/** What the admin port shows. */
export interface AdminOptions {
  readonly metrics: Metrics;
  readonly snapshot: () => Snapshot | undefined;
  /** Why requests should not be sent here; undefined when they should. */
  readonly notReady: () => string | undefined;
}

const encoder = new TextEncoder();

/**
 * For operators and probes, on a port of its own: `/healthz` (the process lives), `/readyz` (it holds a Snapshot and is
 * not stopping), `/metrics` (Prometheus text), `/snapshot` (what it serves by, as JSON).
 */
export function adminHandler(options: AdminOptions): HttpHandler {
  return (request) => Promise.resolve(answerTo(request.method, request.target.split("?", 1)[0] ?? "", options));
}

function answerTo(method: string, path: string, { metrics, snapshot, notReady }: AdminOptions): HttpResponse {
  if (method !== "GET" && method !== "HEAD") return text(405, "expected GET\n", ["allow", "GET, HEAD"]);
  switch (path) {
    case "/healthz":
      return text(200, "alive\n");
    case "/readyz": {
      const why = notReady();
      return why === undefined ? text(200, "ready\n") : text(503, `${why}\n`);
    }
    case "/metrics":
      return { status: 200, headers: ["content-type", metricsContentType], body: encoder.encode(metrics.text()) };
    case "/snapshot": {
      const held = snapshot();
      if (held === undefined) return text(404, "no snapshot is held\n");
      return { status: 200, headers: ["content-type", "application/json"], body: encoder.encode(Snapshot.toJson(held)) };
    }
    default:
      return text(404, "expected /healthz, /readyz, /metrics or /snapshot\n");
  }
}

function text(status: number, body: string, headers: readonly string[] = []): HttpResponse {
  return { status, headers: ["content-type", "text/plain; charset=utf-8", ...headers], body: encoder.encode(body) };
}
