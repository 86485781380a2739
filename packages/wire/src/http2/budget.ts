import type { WireClock } from "../clock.ts";

// How long an empty budget takes to be full again.
const refillMs = 30_000;

/**
 * Counts what a peer may do only so often: `max` at once, and a thirtieth of it comes back each second. The clock is
 * asked only when nothing is left.
 */
export class Budget {
  readonly #max: number;
  readonly #clock: WireClock;
  #left: number;
  #filledMs: number;

  constructor(max: number, clock: WireClock, nowMs: number) {
    this.#max = max;
    this.#clock = clock;
    this.#left = max;
    this.#filledMs = nowMs;
  }

  /** Takes one; false when none is left. */
  spend(): boolean {
    if (this.#left >= 1) {
      this.#left -= 1;
      return true;
    }
    const nowMs = this.#clock.monotonicMs();
    this.earn(((nowMs - this.#filledMs) / refillMs) * this.#max);
    this.#filledMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  /** Gives back what work well done allows beyond the rate. */
  earn(count: number): void {
    this.#left = Math.min(this.#max, this.#left + count);
  }
}
