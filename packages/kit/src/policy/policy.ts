import type { Clock } from "../clock.ts";
import type { Service } from "../service.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/**
 * A policy: a Layer that remembers. Made by `createX(options, parts)`, where the options are plain data (they may come from a contract or a
 * file) and the parts what data cannot say: clock, metrics, functions.
 */
export interface Policy<Options, State, Q = unknown> {
  /** The Layer, for requests of any type that the policy's functions take. It may stand around several services; they then share it. */
  readonly layer: <T extends Q, R>(next: Service<T, R>) => Service<T, R>;
  /** What it does now, as plain data for a page that shows it. */
  state(): State;
  /** Goes on by other options and keeps what it knows. Throws POLICY_OPTION_INVALID and changes nothing when one is out of range. */
  apply(options: Options): void;
}

/** What every policy may be given. */
export interface PolicyParts {
  /** Tells policies of one kind apart in metrics: a method, a target. Each name once a process and kind. Default "default". */
  readonly name?: string;
  /** Default the system's. */
  readonly clock?: Clock;
  /** Where it counts. Default nowhere. */
  readonly metrics?: Metrics;
}
