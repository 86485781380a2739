import type { WireClock } from "../clock.ts";
import { Budget } from "./budget.ts";
import type { Http2Limits } from "./limits.ts";

/** What a peer may do only so often on one connection. */
export class Budgets {
  /** Streams that the peer resets. */
  readonly resets: Budget;
  /** Streams that we reset because the peer broke the rules on them. */
  readonly faults: Budget;
  /** Frames without content. */
  readonly empties: Budget;
  /** PING, SETTINGS, WINDOW_UPDATE, PRIORITY and unknown frames. */
  readonly control: Budget;

  constructor(limits: Http2Limits, clock: WireClock) {
    const nowMs = clock.monotonicMs();
    this.resets = new Budget(limits.resetsMax, clock, nowMs);
    this.faults = new Budget(limits.faultsMax, clock, nowMs);
    this.empties = new Budget(limits.emptyFramesMax, clock, nowMs);
    this.control = new Budget(limits.controlFramesMax, clock, nowMs);
  }
}
