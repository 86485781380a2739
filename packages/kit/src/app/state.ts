import type { Metrics } from "../telemetry/metrics.ts";
import type { AdminStatus } from "./admin.ts";

/** The life of an app, in this order; it may leave for NOT_SERVING or STOPPED early, and never goes back. */
export const appStates = ["STARTING", "WARMING_UP", "SERVING", "NOT_SERVING", "DRAINING", "STOPPED"] as const;

/**
 * STARTING: not listening yet. WARMING_UP: listening, refuses calls with APP_NOT_SERVING. SERVING: takes calls.
 * NOT_SERVING: takes calls, but says that it will stop, and takes itself out of the registry. DRAINING: finishes what it
 * has. STOPPED: listens no more.
 */
export type AppState = (typeof appStates)[number];

/** Where the warm-up is. */
export interface WarmUpProgress {
  readonly step: string;
  /** Steps that are done, and steps in all. */
  readonly done: number;
  readonly total: number;
  /** What the step itself says. */
  readonly details?: Readonly<Record<string, number | string>>;
}

/** Where an app is in its life. */
export interface StateHolder {
  readonly current: AppState;
  /** Calls that bring it are let in during the warm-up: only the app itself knows it. */
  readonly practiceToken: string;
  enter(state: AppState): void;
  /** Hears of every state that is entered, for as long as the app lives. A listener must not throw. */
  onEnter(listener: (state: AppState) => void): void;
  progress(warmUp: WarmUpProgress | undefined): void;
  /** For /readyz. */
  readonly status: () => AdminStatus;
}

/** Holds the state of one app and shows it on its metrics as weir_app_state. */
export function createStateHolder(metrics: Metrics): StateHolder {
  const gauge = metrics.gauge({ name: "weir_app_state", help: "1 for the state that the app is in.", labels: ["state"] });
  let current: AppState = "STARTING";
  let warmUp: WarmUpProgress | undefined;
  const listeners: ((state: AppState) => void)[] = [];
  metrics.beforeText(() => {
    for (const state of appStates) gauge.labels(state).set(state === current ? 1 : 0);
  });
  return {
    practiceToken: crypto.randomUUID(),
    get current() {
      return current;
    },
    enter(state) {
      current = state;
      for (const listener of listeners) listener(state);
    },
    onEnter: (listener) => void listeners.push(listener),
    progress(now) {
      warmUp = now;
    },
    status() {
      const details: Record<string, string | number> = {};
      if (current === "WARMING_UP" && warmUp) {
        const { details: more, ...progress } = warmUp;
        Object.assign(details, progress, more);
      }
      return { ready: current === "SERVING", state: current, details };
    },
  };
}
