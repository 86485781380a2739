import type { Logger } from "../../../call.ts";
import type { Clock } from "../../../clock.ts";
import type { Fault } from "../../../fault.ts";
import type { BalanceMetrics, ResolutionOutcome } from "./balance-metrics.ts";
import type { EndpointAddress } from "./endpoint-address.ts";
import type { TargetListener } from "./target.ts";

/** What is known of a target's endpoints. */
export interface Resolution {
  /** How the last attempt ended; "waiting" before the first has. */
  readonly outcome: ResolutionOutcome | "waiting";
  /** Since the list in use was last confirmed; undefined when there has been none. */
  readonly ageMs: number | undefined;
  /** Why the last attempt failed. */
  readonly error: Fault | undefined;
}

/** Whom a book of resolutions tells. */
export interface ResolutionParts {
  readonly url: string;
  readonly onList: (addresses: readonly EndpointAddress[]) => void;
  /** An attempt brought no endpoints, and there is no list from before. */
  readonly onNothing: () => void;
  readonly metrics: BalanceMetrics;
  readonly log: Logger;
  readonly clock: Clock;
}

/**
 * Remembers how the attempts to learn endpoints ended. A failure or an empty answer never takes away the last good list: nobody being there is
 * more likely a fault of whoever answers than the truth, and of no use even if true.
 */
export class ResolutionBook implements TargetListener {
  readonly #parts: ResolutionParts;
  #outcome: Resolution["outcome"] = "waiting";
  #error: Fault | undefined;
  #confirmedMs: number | undefined;

  constructor(parts: ResolutionParts) {
    this.#parts = parts;
  }

  get current(): Resolution {
    const ageMs = this.#confirmedMs === undefined ? undefined : this.#parts.clock.monotonicMs() - this.#confirmedMs;
    return { outcome: this.#outcome, ageMs, error: this.#error };
  }

  resolved(addresses: readonly EndpointAddress[]): void {
    if (addresses.length === 0) return this.#settle("empty", undefined);
    this.#confirmedMs = this.#parts.clock.monotonicMs();
    this.#settle("resolved", undefined);
    this.#parts.onList(addresses);
  }

  failed(error: Fault): void {
    this.#settle("failed", error);
  }

  #settle(outcome: ResolutionOutcome, error: Fault | undefined): void {
    const { url, metrics, log, onNothing } = this.#parts;
    metrics.resolution(outcome);
    // Once for each change: a name server that is away for an hour is one line, not thousands.
    if (outcome !== this.#outcome && outcome !== "resolved") {
      const { ageMs } = this.current;
      log.warn("endpoints could not be learnt", { target: url, outcome, reason: error?.reason, message: error?.message, listAgeMs: ageMs });
    } else if (outcome !== this.#outcome && this.#outcome !== "waiting") log.info("endpoints are known again", { target: url });
    this.#outcome = outcome;
    this.#error = error;
    if (this.#confirmedMs === undefined) onNothing();
  }
}
