import type { HttpHandler } from "@weir/wire";
import type { Logger } from "../call.ts";
import type { Clock } from "../clock.ts";
import type { Fault } from "../fault.ts";
import { fault, isFault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { practiceMetadata } from "./serving-gate.ts";
import type { StateHolder, WarmUpProgress } from "./state.ts";

/** Makes an app ready for its first call: loads, connects, compiles. It should stop early when the signal aborts. */
export type WarmUpStep = (signal: AbortSignal, inside: WarmUpInside) => Promise<void>;

/** The app, as a step of its warm-up sees it. */
export interface WarmUpInside {
  /** Answers as the app does; calls are refused that do not bring `metadata`. */
  readonly handler: HttpHandler;
  /** To be sent with calls, so that they are let in before the app serves. */
  readonly metadata: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  /** Shows how far the step is, on /readyz. */
  tell(details: Readonly<Record<string, number | string>>): void;
}

/** A step with its name. */
export interface NamedWarmUpStep {
  readonly name: string;
  readonly step: WarmUpStep;
}

/** What a warm-up runs in. */
export interface WarmUpOptions {
  readonly state: StateHolder;
  /** For all steps together. */
  readonly msMax: number;
  /** Aborts when the app is asked to stop. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** What the app answers with. */
  readonly handler: HttpHandler;
}

/**
 * Runs the steps in order, with its progress in the log, in the state and on the metrics. Rejects with WARM_UP_FAILED
 * (the cause is what the step threw), WARM_UP_TIMEOUT, or with the signal's reason; a step that hears none of it is left.
 */
export async function runWarmUp(steps: readonly NamedWarmUpStep[], options: WarmUpOptions): Promise<void> {
  const { state, msMax, clock, log, metrics } = options;
  const seconds = metrics.gauge({ name: "weir_app_warm_up_seconds", help: "How long a step of the warm-up took.", labels: ["step"] });
  const ended = new AbortController();
  const onStop = (): void => ended.abort(options.signal.reason);
  options.signal.addEventListener("abort", onStop, { once: true });
  if (options.signal.aborted) onStop();
  const cancelTimer = clock.after(msMax, () => {
    const step = state.status().details?.["step"] ?? "";
    ended.abort(fault(kitReasons.WARM_UP_TIMEOUT, `Expected the warm-up to take at most ${msMax} ms, found it in step "${step}".`));
  });
  try {
    for (const [done, { name, step }] of steps.entries()) {
      const progress: WarmUpProgress = { step: name, done, total: steps.length };
      state.progress(progress);
      const inside: WarmUpInside = {
        handler: options.handler,
        metadata: practiceMetadata(state),
        clock,
        log,
        tell: (details) => state.progress({ ...progress, details }),
      };
      log.info("warm-up step begins", { step: name, done, total: steps.length });
      const startMs = clock.monotonicMs();
      await untilAborted(runStep({ name, step }, ended.signal, inside), ended.signal);
      const durationMs = clock.monotonicMs() - startMs;
      seconds.labels(name).set(durationMs / 1000);
      log.info("warm-up step done", { step: name, done: done + 1, total: steps.length, durationMs: Math.round(durationMs) });
    }
  } finally {
    cancelTimer();
    options.signal.removeEventListener("abort", onStop);
    // A step that was left hears that nobody waits.
    ended.abort();
  }
}

async function runStep({ name, step }: NamedWarmUpStep, signal: AbortSignal, inside: WarmUpInside): Promise<void> {
  try {
    await step(signal, inside);
  } catch (error) {
    const why: string = error instanceof Error ? error.message : String(error);
    throw fault(kitReasons.WARM_UP_FAILED, `Step "${name}" of the warm-up failed: ${why}`, { cause: error });
  }
}

function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(reasonOf(signal));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function reasonOf(signal: AbortSignal): Fault | Error {
  const reason: unknown = signal.reason;
  return isFault(reason) || reason instanceof Error ? reason : new Error(String(reason));
}
