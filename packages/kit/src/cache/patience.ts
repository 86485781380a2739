import type { Clock } from "../clock.ts";

/** Somebody who waits, until `dueMs` on the monotonic clock. */
export interface Waiting {
  readonly dueMs: number;
  /** Its time is over, and it is no longer in the line. */
  late(): void;
}

/** Once the loop has read what has arrived. Not a timer of 0: when time passes meanwhile, that runs before anything is read. */
const afterReading: (action: () => void) => void =
  typeof setImmediate === "function" ? (action) => void setImmediate(action) : (action) => void setTimeout(action, 0);

/**
 * A line of those who wait equally long: whoever came first is late first, so one timer does for all. After a blocked loop timers run
 * before what has long arrived is read: there is one more turn before anybody is late, so that our own pause is not somebody else's.
 */
export class Patience {
  readonly #clock: Clock;
  readonly #line = new Set<Waiting>();
  #isTimed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(one: Waiting): void {
    this.#line.add(one);
    if (this.#isTimed) return;
    this.#isTimed = true;
    this.#time(one.dueMs - this.#clock.monotonicMs());
  }

  /** Whether it was still waiting. */
  end(one: Waiting): boolean {
    return this.#line.delete(one);
  }

  #time(durationMs: number): void {
    this.#clock.after(durationMs, () => afterReading(() => this.#sweep()));
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const one of this.#line) {
      if (one.dueMs > nowMs) return this.#time(one.dueMs - nowMs);
      this.#line.delete(one);
      one.late();
    }
    this.#isTimed = false;
  }
}
