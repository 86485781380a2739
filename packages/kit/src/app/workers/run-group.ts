import type { HttpResponse } from "@weir/wire";
import type { Logger } from "../../call.ts";
import type { Clock } from "../../clock.ts";
import { fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import { metricsContentType, type Metrics } from "../../telemetry/metrics.ts";
import { createProcessMetrics } from "../../telemetry/process.ts";
import { createAdminPages } from "../admin-pages.ts";
import type { AdminStatus } from "../admin.ts";
import { createAdminServer } from "../admin.ts";
import type { AppOptions } from "../app-options.ts";
import { addressText, joinRegistry } from "../join-registry.ts";
import { mergeMetrics } from "./merge-metrics.ts";
import { WorkerGroup } from "./worker-group.ts";

/** What a group of workers runs in. */
export interface GroupContext {
  readonly count: number;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock: Clock;
  /** Aborts to stop. */
  readonly signal: AbortSignal;
  /** Told what replaces all workers when called. */
  readonly onReplace: (replace: () => void) => void;
}

/** For a worker to begin and to end beside its own phases. */
const slackMs = 5000;

/**
 * Keeps `count` processes of this same program that take calls on one port, with one admin port and one entry in the registry. Resolves when
 * it has stopped; rejects when they could not start.
 */
export async function runWorkerGroup(options: AppOptions, context: GroupContext): Promise<void> {
  const { count, metrics, log, clock, signal } = context;
  const { warmUpMsMax = 120_000, drainMsMax = 10_000, leaveMs = 500 } = options.timeouts ?? {};
  const group = new WorkerGroup({ count, startMsMax: warmUpMsMax + slackMs, stopMsMax: drainMsMax + slackMs, clock, log });
  const pages = createAdminPages();
  const replace = (): Promise<void> => group.replace();
  pages.add("/workers", { show: () => group.state(), change: (value) => replaced(value, replace) });
  context.onReplace(() => void replace().catch((error: unknown) => log.error("workers are not replaced", { error })));
  let stopping = false;
  const admin = createAdminServer({
    metrics,
    status: () => statusOf(group, stopping),
    routes: { "/metrics": () => metricsAnswer(group, metrics) },
    pages,
  });
  showGroup(metrics, group);
  const observed = createProcessMetrics(metrics, { clock });
  const onStop = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => onStop.resolve(), { once: true });
  try {
    const { host = "127.0.0.1", adminPort = 0 } = options;
    const adminAddress = await admin.listen({ host, port: adminPort });
    const given = signal.aborted ? undefined : group.start();
    await Promise.race([given, onStop.promise]);
    given?.catch(() => undefined);
    const address = group.workers.find((worker) => worker.address)?.address;
    if (signal.aborted || !address) return;
    const instanceId = `${options.name}-${options.version ?? "dev"}-${crypto.randomUUID().slice(-12)}`;
    log.info("serving", { address: addressText(address), adminAddress: addressText(adminAddress), instance: instanceId, workers: count });
    const leave = joinRegistry(options, { instanceId, address, adminAddress, metrics, log, clock });
    await onStop.promise;
    stopping = true;
    if (leave) {
      await leave();
      await clock.sleep(leaveMs);
    }
    log.info("draining", { workers: group.workers.length });
  } finally {
    await group.stop();
    await admin.close();
    observed.close();
  }
  log.info("stopped");
}

async function replaced(value: unknown, replace: () => Promise<void>): Promise<unknown> {
  const reason = typeof value === "object" && value !== null && "replace" in value ? value.replace : undefined;
  if (typeof reason !== "string" || reason.trim() === "") throw fault(kitReasons.JSON_INVALID, 'Expected {"replace": "why"}.');
  await replace();
  return { replaced: true };
}

function statusOf(group: WorkerGroup, stopping: boolean): AdminStatus {
  const { wanted, serving, workers } = group.state();
  const details = { wanted, serving, workers: workers.map(({ place, state }) => `${place} ${state}`).join(", ") };
  return { ready: serving > 0 && !stopping, state: stopping ? "NOT_SERVING" : serving > 0 ? "SERVING" : "WARMING_UP", details };
}

async function metricsAnswer(group: WorkerGroup, own: Metrics): Promise<HttpResponse> {
  const texts = new Map([["group", own.text()]]);
  const told = group.workers.map(async (worker) => ({ place: worker.place, text: await worker.metrics() }));
  for (const { place, text } of await Promise.all(told)) if (text !== undefined) texts.set(String(place), text);
  const body = Buffer.from(mergeMetrics(texts));
  return { status: 200, headers: ["content-type", metricsContentType, "cache-control", "no-store"], body };
}

function showGroup(metrics: Metrics, group: WorkerGroup): void {
  const serving = metrics.gauge({ name: "weir_workers_serving", help: "Workers that take calls." });
  const wanted = metrics.gauge({ name: "weir_workers_wanted", help: "Workers that there should be." });
  const crashes = metrics.counter({ name: "weir_workers_crashes_total", help: "Workers that ended without being told to." });
  const moved = metrics.counter({ name: "weir_workers_replaced_total", help: "Workers that were replaced because somebody asked." });
  metrics.beforeText(() => {
    const state = group.state();
    serving.set(state.serving);
    wanted.set(state.wanted);
    crashes.add(state.crashes - crashes.value());
    moved.add(state.replaced - moved.value());
  });
}
