import type { Logger } from "../call.ts";
import { Call } from "../call.ts";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import type { Fault } from "../fault.ts";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { Daemon } from "../service.ts";

/** A long-running part with its name. */
export interface NamedDaemon {
  readonly name: string;
  readonly daemon: Daemon;
  /** Started again when it breaks, after a growing and jittered pause. Default false: its failure stops everything. */
  readonly restart?: boolean;
}

/** How daemons are run. */
export interface DaemonsOptions {
  /** Aborts to stop them all. */
  readonly signal: AbortSignal;
  /** How long each may take to stop. Default 5000. */
  readonly stopMsMax?: number;
  /** Pause before the first restart; doubles each time, and is the first again after a run longer than the longest. Default 100. */
  readonly restartMsMin?: number;
  /** Longest pause before a restart. Default 10000. */
  readonly restartMsMax?: number;
  readonly clock?: Clock;
  readonly log?: Logger;
}

type Settings = Required<DaemonsOptions>;

interface Running {
  readonly name: string;
  readonly controller: AbortController;
  /** Never rejects: what broke is told to `onFatal`. */
  readonly done: Promise<void>;
}

/**
 * Runs daemons together: started in the order of the list, stopped in the reverse order, each with a bound. Resolves when
 * all have ended. The first that breaks for good stops the rest and is rejected with: DAEMON_FAILED. One that does not
 * stop in time is left behind and rejected with last: DAEMON_STUCK.
 */
export async function runDaemons(daemons: readonly NamedDaemon[], options: DaemonsOptions): Promise<void> {
  const settings: Settings = {
    stopMsMax: 5000,
    restartMsMin: 100,
    restartMsMax: 10_000,
    clock: systemClock,
    log: new Call().log,
    ...options,
  };
  const fatal = Promise.withResolvers<void>();
  let failure: Fault | undefined;
  const running = daemons.map((named): Running => {
    const controller = new AbortController();
    const onFatal = (found: Fault): void => {
      failure ??= found;
      fatal.resolve();
    };
    return { name: named.name, controller, done: supervised(named, { settings, signal: controller.signal, onFatal }) };
  });
  const allDone = Promise.all(running.map((each) => each.done));
  await Promise.race([aborted(options.signal), fatal.promise, allDone]);
  const stuck = await stopInReverse(running, settings);
  if (failure) throw failure;
  if (stuck.length > 0) throw fault(kitReasons.DAEMON_STUCK, `Expected ${stuck.join(", ")} to stop within ${settings.stopMsMax} ms.`);
}

interface Supervision {
  readonly settings: Settings;
  readonly signal: AbortSignal;
  readonly onFatal: (failure: Fault) => void;
}

async function supervised(named: NamedDaemon, { settings, signal, onFatal }: Supervision): Promise<void> {
  const { clock, log, restartMsMin, restartMsMax } = settings;
  for (let pauseMs = restartMsMin; ; pauseMs = Math.min(restartMsMax, pauseMs * 2)) {
    const startMs = clock.monotonicMs();
    try {
      await named.daemon(signal);
      return;
    } catch (error) {
      // What breaks while it stops has stopped.
      if (signal.aborted) {
        log.warn("daemon failed while stopping", { daemon: named.name, error });
        return;
      }
      if (named.restart !== true) {
        onFatal(fault(kitReasons.DAEMON_FAILED, `Expected ${named.name} to run until it is stopped; it failed.`, { cause: error }));
        return;
      }
      if (clock.monotonicMs() - startMs > restartMsMax) pauseMs = restartMsMin;
      const jitteredMs = pauseMs * (0.5 + clock.random() / 2);
      log.warn("daemon failed and is started again", { daemon: named.name, pauseMs: Math.round(jitteredMs), error });
      await clock.sleep(jitteredMs, signal).catch(() => undefined);
      if (signal.aborted) return;
    }
  }
}

async function stopInReverse(running: readonly Running[], { clock, log, stopMsMax }: Settings): Promise<string[]> {
  const stuck: string[] = [];
  for (const each of running.toReversed()) {
    each.controller.abort();
    const timer = new AbortController();
    const late = clock.sleep(stopMsMax, timer.signal).then(
      () => true,
      () => false,
    );
    if (await Promise.race([late, each.done.then(() => false)])) {
      stuck.push(each.name);
      log.error("daemon did not stop in time", { daemon: each.name, stopMsMax });
    }
    timer.abort();
  }
  return stuck;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
