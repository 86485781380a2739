import type { Clock } from "../../clock.ts";

/** Something that runs out of time. `deadlineMs` is on `clock.monotonicMs`; the rest belongs to the queue. */
export interface DeadlineEntry {
  readonly deadlineMs: number;
  /** Called once, when the deadline passed and the entry was still in the queue. */
  expire(): void;
  earlier: DeadlineEntry | undefined;
  later: DeadlineEntry | undefined;
}

/**
 * Deadlines of calls that all got the same time, so that they pass in the order of arrival: a linked list and one timer for
 * all of them, instead of a timer for every call. Holds as many entries as calls are in flight.
 */
export class DeadlineQueue {
  readonly #clock: Clock;
  #first: DeadlineEntry | undefined;
  #last: DeadlineEntry | undefined;
  #armed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Puts an entry at the end. Its deadline must not be before that of the one added last. */
  add(entry: DeadlineEntry): void {
    entry.earlier = this.#last;
    entry.later = undefined;
    if (this.#last) this.#last.later = entry;
    else this.#first = entry;
    this.#last = entry;
    if (!this.#armed) this.#arm(entry);
  }

  /** Takes an entry out; it will not expire. */
  remove(entry: DeadlineEntry): void {
    if (entry.earlier) entry.earlier.later = entry.later;
    else if (this.#first === entry) this.#first = entry.later;
    else return;
    if (entry.later) entry.later.earlier = entry.earlier;
    else this.#last = entry.earlier;
    entry.earlier = entry.later = undefined;
  }

  /** The timer stays when its entry leaves early: it then only looks who is next. */
  #arm(entry: DeadlineEntry): void {
    this.#armed = true;
    this.#clock.after(Math.max(0, entry.deadlineMs - this.#clock.monotonicMs()), () => this.#expireDue());
  }

  #expireDue(): void {
    this.#armed = false;
    const nowMs = this.#clock.monotonicMs();
    for (let entry = this.#first; entry && entry.deadlineMs <= nowMs; entry = this.#first) {
      this.remove(entry);
      entry.expire();
    }
    // Timers of the platform may fire a fraction of a millisecond early.
    if (this.#first && !this.#armed) this.#arm(this.#first);
  }
}
