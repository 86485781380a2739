import type { HttpHandler, HttpRequest, HttpResponse, ListenAddress, ListenOptions } from "@weir/wire";
import { createServer } from "@weir/wire";
import { faultFrom } from "../fault.ts";
import { faultAnswer } from "../rpc/node/answer.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { metricsContentType } from "../telemetry/metrics.ts";
import type { AdminPages } from "./admin-pages.ts";
import { jsonAnswer } from "./admin-pages.ts";
import { listenOn } from "./listen.ts";

/** What /readyz says. */
export interface AdminStatus {
  /** Whether requests should be sent here. */
  readonly ready: boolean;
  /** In one word: "SERVING". */
  readonly state: string;
  /** More for people: the step of the warm-up, the age of a snapshot. */
  readonly details?: Readonly<Record<string, string | number | boolean>>;
}

/** What an admin port shows. */
export interface AdminOptions {
  readonly metrics: Metrics;
  readonly status: () => AdminStatus;
  /** Further pages by path, for GET and HEAD: `{ "/snapshot": handler }`. A rejection is answered with its code and reason. */
  readonly routes?: Readonly<Record<string, HttpHandler>>;
  /** Pages that come and go. Default none. */
  readonly pages?: AdminPages;
}

/** A listening admin port. */
export interface AdminServer {
  /** Rejects with ADDRESS_UNAVAILABLE. */
  listen(options: ListenOptions): Promise<ListenAddress>;
  /** Cuts everything at once: nobody's request depends on it. */
  close(): Promise<void>;
}

/**
 * For operators and probes, on a port of its own that no user reaches: /healthz (200 while the process turns), /readyz (200 or 503, with
 * the state), /metrics (Prometheus text). Any process has one, with or without contracts.
 */
export function createAdminServer(options: AdminOptions): AdminServer {
  const server = createServer(createAdminHandler(options), { limits: { connectionsMax: 100, bodyBytesMax: 65_536 } });
  return { listen: (where) => listenOn(server, where), close: () => server.close() };
}

/** The same as a handler, for whoever has a server already. */
export function createAdminHandler(options: AdminOptions): HttpHandler {
  const routes: Readonly<Record<string, HttpHandler>> = {
    "/healthz": async () => jsonAnswer(200, { live: true, state: options.status().state }),
    "/readyz": async () => {
      const { ready, state, details } = options.status();
      return jsonAnswer(ready ? 200 : 503, { ready, state, ...details });
    },
    "/metrics": async () => text(metricsContentType, options.metrics.text()),
    ...options.routes,
  };
  const paths = Object.keys(routes);
  return async (request, exchange) => {
    const path = request.target.split("?", 1)[0] ?? "";
    const fixed = Object.hasOwn(routes, path) ? routes[path] : undefined;
    const route = fixed ?? options.pages?.handlerOf(path);
    if (!route)
      return forMethod(request, jsonAnswer(404, { expected: [...paths, ...(options.pages?.paths() ?? [])], found: path.slice(0, 200) }));
    if (fixed && request.method !== "GET" && request.method !== "HEAD")
      return jsonAnswer(405, { expected: ["GET"] }, { allow: "GET, HEAD" });
    try {
      return forMethod(request, await route(request, exchange));
    } catch (error) {
      return forMethod(request, faultAnswer(faultFrom(error), { rest: true, domain: "weir" }));
    }
  };
}

function forMethod(request: HttpRequest, answer: HttpResponse): HttpResponse {
  if (request.method !== "HEAD") return answer;
  const lengthOfGet = answer.body instanceof Uint8Array ? answer.body.length : undefined;
  return { status: answer.status, headers: answer.headers, lengthOfGet };
}

function text(contentType: string, body: string): HttpResponse {
  return { status: 200, headers: ["content-type", contentType, "cache-control", "no-store"], body: Buffer.from(body) };
}
