import type { Logger } from "../call.ts";
import { systemClock } from "../clock.ts";
import { isFault } from "../fault.ts";
import type { LineWriter } from "../telemetry/line-writer.ts";
import { createLineWriter } from "../telemetry/line-writer.ts";
import { createLogger } from "../telemetry/logger.ts";
import type { AppOptions } from "./app-options.ts";
import type { AppEnvironment } from "./environment.ts";
import { exitProcess, processEnvironment } from "./environment.ts";
import type { StartContext } from "./life-cycle.ts";
import { startApp, stopRequested } from "./life-cycle.ts";
import { runWorkerGroup } from "./workers/run-group.ts";
import { isGroupWorker, linkToGroup } from "./workers/worker-link.ts";

/** What is left of the process after the app has stopped gets so long to end by itself. */
const lingerMs = 1000;
/** A terminal's SIGINT goes to the whole group, and a supervisor's SIGTERM follows: together they are one wish. */
const sameWishMs = 500;
/** Supervisors, terminals, terminals that close, and containers each have their own. */
const stopSignals = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const;

/** The main of a service, see `App.run`. */
export async function runApp(given: AppOptions, made: Pick<StartContext, "steps" | "metrics" | "pages" | "policies">): Promise<void> {
  const writer = createLineWriter();
  const stop = new AbortController();
  let log = createLogger({ write: writer.write, fields: { app: given.name } });
  let code = 1;
  const release = onSignals((signal, forced) => {
    log.info(forced ? "stopping at once" : "stopping", { signal });
    if (forced) exitProcess(1);
    stop.abort(stopRequested(signal));
  });
  // Told before the platform ends the process, which it then does.
  const onUncaught = (error: Error): void => log.error("nobody caught this; the process ends", { error });
  process.on("uncaughtExceptionMonitor", onUncaught);
  try {
    const environment = processEnvironment();
    const options = withEnvironment(given, environment);
    log = options.log ?? logFrom(options, environment, writer);
    const context = { metrics: made.metrics, log, clock: options.clock ?? systemClock, signal: stop.signal };
    const { workers: count = 1 } = options;
    if (count > 1 && !isGroupWorker()) {
      await runWorkerGroup(options, { ...context, count, onReplace: (replace) => process.on("SIGUSR2", replace) });
    } else {
      const link = isGroupWorker() ? linkToGroup(made.metrics) : undefined;
      // The group is what the registry knows, and what has the admin port; a worker's own is for looking closer.
      const own = link ? { ...options, control: undefined, adminPort: 0 } : options;
      const running = await startApp(own, { ...made, ...context, ownsProcess: true, link });
      await running.stopped;
    }
    code = 0;
  } catch (error) {
    if (stop.signal.aborted && isFault(error) && error.code === "CANCELLED") code = 0;
    else log.error("the app could not start", { error });
  }
  release();
  process.off("uncaughtExceptionMonitor", onUncaught);
  await writer.close();
  process.exitCode = code;
  // The channel to the group would hold the process.
  if (isGroupWorker()) exitProcess(code);
  systemClock.after(lingerMs, () => exitProcess(code));
}

/** Options first, then the environment; defaults come last, where they are used. */
export function withEnvironment(options: AppOptions, environment: AppEnvironment): AppOptions {
  const control = environment.controlUrl === undefined ? undefined : { url: environment.controlUrl, token: environment.token };
  return {
    ...options,
    version: options.version ?? environment.version,
    host: options.host ?? environment.host,
    port: options.port ?? environment.port,
    adminPort: options.adminPort ?? environment.adminPort,
    workers: options.workers ?? environment.workers,
    control: options.control ?? control,
  };
}

function logFrom(options: AppOptions, environment: AppEnvironment, writer: LineWriter): Logger {
  const fields = { app: options.name, version: options.version ?? "dev" };
  return createLogger({ write: writer.write, level: environment.logLevel, fields });
}

type OnSignal = (signal: string, forced: boolean) => void;

/** Answers what takes the listeners away again. */
function onSignals(listener: OnSignal): () => void {
  let first: { readonly signal: string; readonly atMs: number } | undefined;
  const hear = (signal: string): void => {
    const nowMs = systemClock.monotonicMs();
    if (!first) {
      first = { signal, atMs: nowMs };
      listener(signal, false);
    } else if (first.signal === signal || nowMs - first.atMs > sameWishMs) {
      listener(signal, true);
    }
  };
  for (const signal of stopSignals) process.on(signal, hear);
  return () => {
    for (const signal of stopSignals) process.off(signal, hear);
  };
}
