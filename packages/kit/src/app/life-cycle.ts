import type { HttpHandler, ListenAddress, Server } from "@weir/wire";
import { createServer } from "@weir/wire";
import type { Logger } from "../call.ts";
import type { Clock } from "../clock.ts";
import { coreReasons, fault } from "../fault.ts";
import { createRpcHandler } from "../rpc/node/server.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { createProcessMetrics } from "../telemetry/process.ts";
import { createRpcMetrics } from "../telemetry/rpc-metrics.ts";
import type { AdminPages } from "./admin-pages.ts";
import type { AdminServer } from "./admin.ts";
import { createAdminServer } from "./admin.ts";
import type { AppOptions } from "./app-options.ts";
import type { AppPolicies } from "./app-policies.ts";
import { addressText, joinRegistry } from "./join-registry.ts";
import { listenOn } from "./listen.ts";
import { registerServerCounters } from "./server-metrics.ts";
import { servicesOf } from "./own-services.ts";
import { servingHandler, servingLayer } from "./serving-gate.ts";
import type { AppState, StateHolder } from "./state.ts";
import { createStateHolder } from "./state.ts";
import { readTlsFiles, type TlsFiles } from "./tls-files.ts";
import type { NamedWarmUpStep } from "./warm-up.ts";
import { runWarmUp } from "./warm-up.ts";
import type { WorkerLink } from "./workers/worker-link.ts";

/** An app that serves; `await using` stops it. */
export interface RunningApp extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly adminPort: number;
  /** As the registry knows it; new with every start. */
  readonly instanceId: string;
  readonly state: AppState;
  /** Leaves the registry, drains and stops; each phase is bounded. Asking again waits for the same end. */
  stop(): Promise<void>;
  /** Resolves when it has stopped, whoever asked for it. */
  readonly stopped: Promise<void>;
}

/** What an app is started with beside its options. */
export interface StartContext {
  readonly steps: readonly NamedWarmUpStep[];
  readonly metrics: Metrics;
  readonly pages: AdminPages;
  readonly policies: AppPolicies;
  /** Whether the process is the app's own, as under `run`. Default false. */
  readonly ownsProcess?: boolean;
  readonly log: Logger;
  readonly clock: Clock;
  /** Aborts to stop: also during the warm-up, which then rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** To the group that this process is a worker of. */
  readonly link?: WorkerLink | undefined;
}

interface Parts {
  readonly options: AppOptions;
  readonly context: StartContext;
  readonly state: StateHolder;
  readonly server: Server;
  readonly handler: HttpHandler;
  readonly admin: AdminServer;
  readonly instanceId: string;
  readonly drainSessions: (timeoutMs: number) => Promise<void>;
  /** Lets go of timers. */
  readonly release: () => void;
}

/**
 * From nothing to SERVING. Rejects with ADDRESS_UNAVAILABLE, WARM_UP_FAILED, WARM_UP_TIMEOUT, TLS_FILE_UNREADABLE, or what wire
 * has against the certificates, and then nothing is left behind.
 */
export async function startApp(options: AppOptions, context: StartContext): Promise<RunningApp> {
  const { host = "127.0.0.1", port = 0, adminPort = 0 } = options;
  const tls = options.tls && (await readTlsFiles(options.tls, context));
  const parts = partsFrom(options, context, tls);
  const { state, server, admin } = parts;
  const { log } = context;
  try {
    if (context.link) followState(state, context.link);
    // A worker shares the port for calls with the others of its group, and nothing else.
    const adminAddress = await admin.listen({ host, port: adminPort, exclusive: context.link !== undefined });
    const listen = async (): Promise<ListenAddress> => {
      const listening = await listenOn(server, { host, port });
      const shown = { address: addressText(listening), adminAddress: addressText(adminAddress), instance: parts.instanceId };
      log.info("listening", shown);
      context.link?.listening({ ...listening, adminAddress: shown.adminAddress });
      return listening;
    };
    // Connections to the port of a group go to whoever accepts: a worker does so once it can answer.
    const early = context.link ? undefined : await listen();
    state.enter("WARMING_UP");
    const msMax = options.timeouts?.warmUpMsMax ?? 120_000;
    await runWarmUp(context.steps, { ...context, state, msMax, handler: parts.handler });
    const address = early ?? (await listen());
    state.enter("SERVING");
    log.info("serving", { address: addressText(address), instance: parts.instanceId });
    return running(parts, address, adminAddress);
  } catch (error) {
    state.enter("STOPPED");
    await Promise.all([server.close(), admin.close()]);
    parts.release();
    throw error;
  }
}

/** Tells of every state, and of none else: a step of the warm-up is shown by the worker's own page. */
function followState(state: StateHolder, link: WorkerLink): void {
  state.onEnter(() => link.status(state.status()));
}

function partsFrom(options: AppOptions, context: StartContext, tls: TlsFiles | undefined): Parts {
  const { metrics, log, clock } = context;
  const { name, version = "dev" } = options;
  const state = createStateHolder(metrics);
  const layers = [servingLayer(state), createRpcMetrics(metrics, { version })];
  const guarded = context.policies.serves ? { ...options, guards: context.policies.policies } : options;
  const fallback = options.rpc?.fallback && servingHandler(options.rpc.fallback, state);
  const rpc = createRpcHandler(servicesOf(guarded, state), { ...options.rpc, ...(fallback && { fallback }), layers, log, clock });
  const onFailure = (error: Error): void => log.error("an answer could not be given whole", { error });
  const server = createServer(rpc, { clock, onFailure, ...(tls && { tls: { ...options.tls, ...tls.material } }) });
  registerServerCounters(metrics, server.counters);
  const instanceId = `${name}-${version}-${crypto.randomUUID().slice(-12)}`;
  metrics
    .gauge({ name: "weir_app_info", help: "Which app this is.", labels: ["app", "version", "instance"] })
    .labels(name, version, instanceId)
    .set(1);
  const observed = createProcessMetrics(metrics, { clock });
  const leavePolicies = context.policies.begin({ log, ownsProcess: context.ownsProcess ?? false });
  const leaveFiles = tls?.watch((material) => server.replaceTls(material));
  return {
    options,
    context,
    state,
    server,
    handler: rpc,
    admin: createAdminServer({ metrics, status: state.status, pages: context.pages }),
    instanceId,
    drainSessions: (timeoutMs) => rpc.drain(timeoutMs),
    release() {
      leaveFiles?.();
      leavePolicies();
      observed.close();
    },
  };
}

function running(parts: Parts, address: ListenAddress, adminAddress: ListenAddress): RunningApp {
  const { context, state, options } = parts;
  const leave = joinRegistry(options, { ...context, instanceId: parts.instanceId, address, adminAddress });
  const stopped = Promise.withResolvers<void>();
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= stopInOrder(parts, leave).finally(stopped.resolve));
  if (context.signal.aborted) void stop();
  context.signal.addEventListener("abort", () => void stop(), { once: true });
  return {
    host: address.host,
    port: address.port,
    adminPort: adminAddress.port,
    instanceId: parts.instanceId,
    get state() {
      return state.current;
    },
    stop,
    stopped: stopped.promise,
    [Symbol.asyncDispose]: stop,
  };
}

async function stopInOrder(parts: Parts, leave: (() => Promise<void>) | undefined): Promise<void> {
  const { options, context, state, server, admin } = parts;
  const { leaveMs = 500, drainMsMax = 10_000 } = options.timeouts ?? {};
  const { log, clock } = context;
  state.enter("NOT_SERVING");
  log.info("not serving", { instance: parts.instanceId });
  if (leave) {
    await leave();
    // Whoever sends calls here learns of it from the registry, not from a connection that is closed under them.
    await clock.sleep(leaveMs);
  }
  if (context.link) {
    // The others of the group accept from now on; who has connected here and not yet asked is answered still.
    server.stopListening();
    await clock.sleep(Math.min(leaveMs, drainMsMax));
  }
  state.enter("DRAINING");
  log.info("draining", { inFlight: server.counters.requestsInFlight, drainMsMax });
  await Promise.all([parts.drainSessions(drainMsMax), server.drain(drainMsMax)]);
  state.enter("STOPPED");
  await admin.close();
  parts.release();
  log.info("stopped", { instance: parts.instanceId });
}

/** Why a start was given up: somebody asked for a stop. */
export function stopRequested(by: string): Error {
  return fault(coreReasons.CALL_CANCELLED, `Asked to stop by ${by}.`);
}
