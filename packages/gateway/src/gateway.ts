import { Snapshots, type Snapshot } from "@weir/api/snapshots";
import { Traffic } from "@weir/api/traffic";
import { Call, type Logger } from "@weir/kit/call";
import { systemClock, type Clock } from "@weir/kit/clock";
import { createClient } from "@weir/kit/rpc/client";
import { createWireTransport } from "@weir/kit/rpc/node/transport";
import type { Daemon, Service } from "@weir/kit/service";
import type { LineWriter } from "@weir/kit/telemetry/line-writer";
import { createMetrics, type Metrics } from "@weir/kit/telemetry/metrics";
import { createServer, type HttpRequest, type HttpResponse, type Server } from "@weir/wire";
import { adminHandler } from "./admin.ts";
import { buildService, type GatewayParts } from "./build.ts";
import { createControlLink } from "./control-link.ts";
import type { Load } from "./filters/observe.ts";
import { createRouteMeter } from "./filters/route-meter.ts";
import { exchangeKey } from "./filters/send.ts";
import { declareGatewayGauges, reportsDropped } from "./gateway-metrics.ts";
import { trustedProxiesFrom } from "./http/client-address.ts";
import { createIdSource } from "./http/ids.ts";
import { createSnapshotFile } from "./snapshot-file.ts";
import { createSnapshotHolder, type SnapshotHolder } from "./snapshot-holder.ts";
import { trafficReport } from "./traffic-report.ts";
import { createEndpointMetrics } from "./upstream/endpoint-meter.ts";
import { createEndpoints, type Endpoints, type Holding } from "./upstream/endpoints.ts";
import { createRetryBudget } from "./upstream/retry-budget.ts";

/** How a gateway is made. */
export interface GatewayOptions {
  /** Address to listen on, for clients and for operators. Default "127.0.0.1". */
  readonly host?: string;
  /** For clients; 0 for any free one. */
  readonly port: number;
  /** For operators and probes; 0 for any free one. Default: no admin port. */
  readonly adminPort?: number;
  /** Stable name of this data plane, at control and in `via`. Default "gateway". */
  readonly name?: string;
  /** Where the held Snapshot is stored, so that a restart needs no control. Default: it is not stored. */
  readonly stateDirectory?: string;
  /** The control plane, "http://127.0.0.1:7070". Default: none, then `snapshot` is served by for good. */
  readonly controlUrl?: string;
  /** What control knows this data plane by; sent as a bearer token. */
  readonly token?: string;
  /** To begin with, when none is stored. It is validated like any other. */
  readonly snapshot?: Snapshot;
  /** Networks of proxies whose forwarded headers are believed, "10.0.0.0/8". Default none. */
  readonly trustedProxies?: readonly string[];
  /** Where the access log goes, one JSON line a request. The caller closes it. Default: no access log. */
  readonly accessLog?: LineWriter;
  readonly clock?: Clock;
  /** Default: silent. */
  readonly log?: Logger;
}

/** A data plane that listens. */
export interface Gateway {
  /** "http://127.0.0.1:8080". */
  readonly url: string;
  /** Undefined without an admin port. */
  readonly adminUrl: string | undefined;
  /** The Snapshot that it serves by. */
  snapshot(): Snapshot | undefined;
  /** Serves by this Snapshot from now on, as if control had sent it; resolves when it is stored and applied. */
  apply(snapshot: Snapshot): Promise<void>;
  /** Takes no new connections, answers what is in flight for up to `timeoutMs` (default 3000), then stops. */
  stop(timeoutMs?: number): Promise<void>;
}

/** Requests at once; one more is answered 503 OVERLOAD. */
const inFlightMax = 10_000;
const endpointConnectionsMax = 512;
const endpointWaitersMax = 1024;
/** Shares of the traffic that second attempts may add: within a version, and on the stable one. */
const retryRatio = 0.1;
const fallbackRatio = 0.5;
const retriesPerSecondMin = 10;

/**
 * Starts a gateway: restores the stored Snapshot, listens, and keeps in touch with control. Rejects with the platform's
 * error when an address cannot be had, and with TRUSTED_PROXY_INVALID.
 */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { clock = systemClock, log = new Call().log, host = "127.0.0.1" } = options;
  const metrics = createMetrics();
  const load: Load = { inFlight: 0 };
  const endpoints = createEndpoints({
    metrics: createEndpointMetrics(metrics),
    clock,
    connectionsMax: endpointConnectionsMax,
    waitersMax: endpointWaitersMax,
  });
  const parts = partsFrom(options, { metrics, load, clock, log });
  const serving = createServing(endpoints, parts);
  const file = options.stateDirectory === undefined ? undefined : createSnapshotFile(options.stateDirectory);
  const holder = createSnapshotHolder({ file, apply: serving.swap, log });
  await holder.restore();
  if (options.snapshot !== undefined && holder.current() === undefined) await holder.take(options.snapshot);

  const server = createServer(
    (request, exchange) => {
      const call = new Call({ peer: { address: exchange.peerAddress, identity: undefined }, clock, log });
      call.set(exchangeKey, exchange);
      return serving.service(request, call);
    },
    { clock, onFailure: (error) => log.warn("an answer was cut short", { error }) },
  );
  const daemons = createDaemons(options, { holder, endpoints, parts, metrics });
  declareGatewayGauges(metrics, {
    clock,
    snapshot: holder.current,
    inFlight: () => load.inFlight,
    endpoints: endpoints.size,
    controlConnected: daemons.controlConnected,
    accessLog: options.accessLog,
    counters: server.counters,
  });
  let stopping = false;
  const notReady = (): string | undefined =>
    stopping ? "stopping" : holder.current() === undefined ? "no snapshot is held yet" : undefined;
  const address = await server.listen({ host, port: options.port });
  const admin = await listenAdmin(options, createServer(adminHandler({ metrics, snapshot: holder.current, notReady }), { clock }), server);
  daemons.start();
  return {
    url: urlOf(address),
    adminUrl: admin.url,
    snapshot: holder.current,
    async apply(snapshot) {
      await holder.take(snapshot);
    },
    async stop(timeoutMs = 3000) {
      stopping = true;
      await server.drain(timeoutMs);
      await daemons.stop();
      await endpoints.close();
      await admin.close();
    },
  };
}

function partsFrom(options: GatewayOptions, made: { metrics: Metrics; load: Load; clock: Clock; log: Logger }): GatewayParts {
  const { accessLog } = options;
  return {
    name: options.name ?? "gateway",
    clock: made.clock,
    log: made.log,
    meter: createRouteMeter(made.metrics),
    load: made.load,
    ids: createIdSource(),
    trusted: trustedProxiesFrom(options.trustedProxies ?? []),
    retries: createRetryBudget(retryRatio, retriesPerSecondMin),
    fallbacks: createRetryBudget(fallbackRatio, retriesPerSecondMin),
    accessLog: accessLog === undefined ? undefined : (line) => accessLog.write(line),
    inFlightMax,
  };
}

interface Serving {
  /** Answers by the newest Snapshot. */
  readonly service: Service<HttpRequest, HttpResponse>;
  readonly swap: (snapshot: Snapshot) => void;
}

/** Holds the one service that answers new requests. Those under way finish on the one they began with. */
function createServing(endpoints: Endpoints, parts: GatewayParts): Serving {
  let holding: Holding = endpoints.createHolding();
  let current = buildService(undefined, holding, parts);
  return {
    service: (request, call) => current(request, call),
    swap(snapshot) {
      const retired = holding;
      const next = endpoints.createHolding();
      current = buildService(snapshot, next, parts);
      holding = next;
      // After the new one has taken hold, so that what both name stays open.
      retired.retire();
    },
  };
}

interface Daemons {
  readonly controlConnected: (() => boolean) | undefined;
  start(): void;
  stop(): Promise<void>;
}

/** The long-running parts that talk with control; none without a control plane. */
function createDaemons(
  options: GatewayOptions,
  { holder, endpoints, parts, metrics }: { holder: SnapshotHolder; endpoints: Endpoints; parts: GatewayParts; metrics: Metrics },
): Daemons {
  if (options.controlUrl === undefined) return { controlConnected: undefined, start() {}, stop: () => Promise.resolve() };
  const { name, clock, log } = parts;
  // On the transport, not on calls: a call does not hand its metadata down to those made in its name.
  const metadata = options.token === undefined ? [] : ["authorization", `Bearer ${options.token}`];
  const transport = createWireTransport({ url: options.controlUrl, metadata });
  const link = createControlLink({ client: createClient(Snapshots, transport), holder, name, clock, log });
  const report = trafficReport({
    client: createClient(Traffic, transport),
    name,
    startId: parts.ids.traceId(),
    take: () => ({ endpoints: endpoints.takeReports(), causes: parts.meter.takeReport() }),
    dropped: reportsDropped(metrics),
    clock,
    log,
  });
  const stop = new AbortController();
  let running: Promise<unknown> = Promise.resolve();
  const guarded = (daemon: Daemon): Promise<void> =>
    daemon(stop.signal).catch((thrown: unknown) => log.error("a part of the gateway broke down", { error: thrown }));
  return {
    controlConnected: link.connected,
    start() {
      running = Promise.all([guarded(link.run), guarded(report)]);
    },
    async stop() {
      stop.abort(new DOMException("The gateway stops.", "AbortError"));
      await running;
      await transport.close();
    },
  };
}

async function listenAdmin(
  options: GatewayOptions,
  admin: Server,
  server: Server,
): Promise<{ readonly url: string | undefined; close(): Promise<void> }> {
  if (options.adminPort === undefined) return { url: undefined, close: () => Promise.resolve() };
  try {
    const address = await admin.listen({ host: options.host ?? "127.0.0.1", port: options.adminPort });
    return { url: urlOf(address), close: () => admin.close() };
  } catch (thrown) {
    await server.close();
    throw thrown;
  }
}

function urlOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
