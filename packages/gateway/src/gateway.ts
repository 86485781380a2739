import { Snapshot } from "@weir/api/snapshots";
import { createAdminServer, type AdminStatus } from "@weir/kit/app/admin";
import { listenOn } from "@weir/kit/app/listen";
import { readTlsFiles, type AppTlsOptions } from "@weir/kit/app/tls-files";
import { Call, type Logger } from "@weir/kit/call";
import { systemClock, type Clock } from "@weir/kit/clock";
import type { LineWriter } from "@weir/kit/telemetry/line-writer";
import { createMetrics, type Metrics } from "@weir/kit/telemetry/metrics";
import { createProcessMetrics } from "@weir/kit/telemetry/process";
import { createServer, type HttpResponse, type ListenAddress, type Server, type TlsServerOptions } from "@weir/wire";
import type { GatewayParts } from "./build.ts";
import type { Load } from "./filters/observe.ts";
import { createRouteMeter } from "./filters/route-meter.ts";
import type { ClientPeer } from "./filters/send.ts";
import { declareGatewayGauges, snapshotAgeSeconds } from "./gateway-metrics.ts";
import { trustedProxiesFrom } from "./http/client-address.ts";
import { createIdSource } from "./http/ids.ts";
import { createRestDoors } from "./rest/rest-doors.ts";
import { gatewayDomain } from "./rpc/end.ts";
import { createServing, type Serving } from "./serving.ts";
import { createTunnels, leaveTunnels } from "./streams/tunnel.ts";
import { createSnapshotFile } from "./snapshot-file.ts";
import { createSnapshotHolder, type SnapshotHolder } from "./snapshot-holder.ts";
import { createControlTalk } from "./talk-with-control.ts";
import { createEndpointMetrics } from "./upstream/endpoint-meter.ts";
import { createEndpoints } from "./upstream/endpoints.ts";
import { createRetryBudget } from "./upstream/retry-budget.ts";

/** Where a gateway listens. */
export interface GatewayListenOptions {
  /** Address to listen on, for clients and for operators. Default "127.0.0.1". */
  readonly host?: string;
  /** For clients; 0 for any free one. */
  readonly port: number;
  /** For operators and probes, always in cleartext; 0 for any free one. Default: no admin port. */
  readonly adminPort?: number;
  /** Speak TLS with clients, with certificates from files that may be replaced while it runs. Default cleartext. */
  readonly tls?: AppTlsOptions;
}

/** How a gateway is made. */
export interface GatewayOptions extends GatewayListenOptions {
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
  /** Whether refusals of calls carry their reason as a google.rpc.ErrorInfo. Default true; what endpoints say passes anyhow. */
  readonly errorInfo?: boolean;
  /** Where the access log goes, one JSON line a request. The caller closes it. Default: no access log. */
  readonly accessLog?: LineWriter;
  readonly clock?: Clock;
  /** Default: silent. */
  readonly log?: Logger;
}

/** A data plane that listens. */
export interface Gateway {
  /** "http://127.0.0.1:8080"; https with TLS. */
  readonly url: string;
  /** Undefined without an admin port. */
  readonly adminUrl: string | undefined;
  /** The Snapshot that it serves by. */
  snapshot(): Snapshot | undefined;
  /** Serves by this Snapshot from now on, as if control had sent it; resolves when it is stored and applied. */
  apply(snapshot: Snapshot): Promise<void>;
  /**
   * Takes no new connections, answers what is in flight for up to `timeoutMs` (default 3000), then stops. WebSockets are
   * closed with 1001 at once.
   */
  stop(timeoutMs?: number): Promise<void>;
}

/** Requests at once; one more is answered 503 OVERLOAD. */
const inFlightMax = 10_000;
const endpointConnectionsMax = 512;
const endpointWaitersMax = 1024;
/** Upgraded connections at once, in all and to one endpoint. */
const sessionsMax = 20_000;
/** Shares of the traffic that second attempts may add: within a version, and on the stable one. */
const retryRatio = 0.1;
const fallbackRatio = 0.5;
const retriesPerSecondMin = 10;

/**
 * Starts a gateway: restores the stored Snapshot, listens, and keeps in touch with control. Rejects with
 * ADDRESS_UNAVAILABLE, TRUSTED_PROXY_INVALID, TLS_FILE_UNREADABLE, and what wire has against the certificates.
 */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { clock = systemClock, log = new Call().log, host = "127.0.0.1" } = options;
  const metrics = createMetrics();
  const tls = options.tls && (await readTlsFiles(options.tls, { metrics, clock, log }));
  const parts = partsFrom(options, { metrics, clock, log });
  const endpoints = createEndpoints({
    metrics: createEndpointMetrics(metrics),
    clock,
    connectionsMax: endpointConnectionsMax,
    sessionsMax,
    waitersMax: endpointWaitersMax,
  });
  const serving = createServing(endpoints, parts);
  const holder = await createHolder(options, { serving, log });
  const server = createFront(serving, { clock, log, ...(tls && { tls: { ...options.tls, ...tls.material } }) });
  const talk = createControlTalk({ url: options.controlUrl, token: options.token, holder, endpoints, parts, metrics });
  declareGatewayGauges(metrics, {
    clock,
    snapshot: holder.current,
    inFlight: () => parts.load.inFlight,
    sessions: () => parts.load.sessions,
    endpoints: endpoints.size,
    controlConnected: talk.connected,
    accessLog: options.accessLog,
    counters: server.counters,
  });
  const address = await listenOn(server, { host, port: options.port });
  let stopping = false;
  const status = (): AdminStatus => statusOf(holder.current(), { stopping, clock, controlConnected: talk.connected?.() });
  const admin = await listenAdmin(options, { metrics, holder, status, clock }).catch(async (thrown: unknown) => {
    await server.close();
    throw thrown;
  });
  const leaveFiles = tls?.watch((material) => server.replaceTls(material));
  talk.start();
  return {
    url: urlOf(address, tls === undefined ? "http" : "https"),
    adminUrl: admin.url,
    snapshot: holder.current,
    async apply(snapshot) {
      await holder.take(snapshot);
    },
    async stop(timeoutMs = 3000) {
      stopping = true;
      leaveFiles?.();
      leaveTunnels(parts.tunnels);
      await server.drain(timeoutMs);
      await talk.stop();
      await endpoints.close();
      await admin.close();
    },
  };
}

function partsFrom(options: GatewayOptions, made: { metrics: Metrics; clock: Clock; log: Logger }): GatewayParts {
  const { accessLog } = options;
  const load: Load = { inFlight: 0, sessions: 0 };
  return {
    name: options.name ?? "gateway",
    clock: made.clock,
    log: made.log,
    meter: createRouteMeter(made.metrics),
    load,
    ids: createIdSource(),
    trusted: trustedProxiesFrom(options.trustedProxies ?? []),
    retries: createRetryBudget(retryRatio, retriesPerSecondMin),
    fallbacks: createRetryBudget(fallbackRatio, retriesPerSecondMin),
    accessLog: accessLog === undefined ? undefined : (line) => accessLog.write(line),
    limits: { inFlightMax, sessionsMax },
    tunnels: createTunnels(),
    domain: options.errorInfo === false ? "" : gatewayDomain,
    doors: createRestDoors({ clock: made.clock, log: made.log, errorInfo: options.errorInfo ?? true }),
  };
}

/** Begins with the stored Snapshot; with the one of the options when there is none. */
async function createHolder(options: GatewayOptions, { serving, log }: { serving: Serving; log: Logger }): Promise<SnapshotHolder> {
  const file = options.stateDirectory === undefined ? undefined : createSnapshotFile(options.stateDirectory);
  const holder = createSnapshotHolder({ file, apply: serving.swap, log });
  await holder.restore();
  if (options.snapshot !== undefined && holder.current() === undefined) await holder.take(options.snapshot);
  return holder;
}

/** What clients talk to. */
function createFront(serving: Serving, { clock, log, ...more }: { clock: Clock; log: Logger; tls?: TlsServerOptions }): Server {
  return createServer(
    (request, exchange) => {
      const peer: ClientPeer = { address: exchange.peerAddress, identity: exchange.identity, exchange };
      return serving.service(request, new Call({ peer, clock, log }));
    },
    { clock, onFailure: (error) => log.warn("an answer was cut short", { error }), ...more },
  );
}

/** Ready once it holds a Snapshot, whether or not control is there, until it stops. */
function statusOf(
  snapshot: Snapshot | undefined,
  { stopping, clock, controlConnected }: { stopping: boolean; clock: Clock; controlConnected: boolean | undefined },
): AdminStatus {
  const state = stopping ? "STOPPING" : snapshot === undefined ? "WAITING_FOR_SNAPSHOT" : "SERVING";
  const details: Record<string, string | number | boolean> = {
    revision: String(snapshot?.revision ?? 0n),
    snapshotAgeSeconds: Math.round(snapshotAgeSeconds(snapshot, clock)),
  };
  if (controlConnected !== undefined) details["controlConnected"] = controlConnected;
  return { ready: state === "SERVING", state, details };
}

async function listenAdmin(
  options: GatewayOptions,
  about: { metrics: Metrics; holder: SnapshotHolder; status: () => AdminStatus; clock: Clock },
): Promise<{ readonly url: string | undefined; close(): Promise<void> }> {
  if (options.adminPort === undefined) return { url: undefined, close: () => Promise.resolve() };
  const { metrics, holder, status, clock } = about;
  const admin = createAdminServer({ metrics, status, routes: { "/snapshot": () => Promise.resolve(snapshotAnswer(holder.current())) } });
  const address = await admin.listen({ host: options.host ?? "127.0.0.1", port: options.adminPort });
  const observed = createProcessMetrics(metrics, { clock });
  return {
    url: urlOf(address),
    async close() {
      observed.close();
      await admin.close();
    },
  };
}

function snapshotAnswer(held: Snapshot | undefined): HttpResponse {
  const body = held === undefined ? '{"reason":"NO_SNAPSHOT"}' : Snapshot.toJson(held);
  return { status: held === undefined ? 404 : 200, headers: ["content-type", "application/json"], body: Buffer.from(body) };
}

function urlOf({ host, port }: ListenAddress, scheme: "http" | "https" = "http"): string {
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
