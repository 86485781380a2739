import type { WireClock } from "../clock.ts";

interface Alarm {
  readonly atMs: number;
  readonly action: () => void;
}

/** A clock that stands still until it is told to go on, for tests. */
export class VirtualClock implements WireClock {
  #nowMs = 1_000_000;
  readonly #alarms = new Set<Alarm>();

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(durationMs: number, action: () => void): () => void {
    const alarm = { atMs: this.#nowMs + durationMs, action };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  /** Lets time pass, alarm by alarm. */
  advance(durationMs: number): void {
    const untilMs = this.#nowMs + durationMs;
    for (;;) {
      let next: Alarm | undefined;
      for (const alarm of this.#alarms) if (alarm.atMs <= untilMs && (next === undefined || alarm.atMs < next.atMs)) next = alarm;
      if (next === undefined) break;
      this.#alarms.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.action();
    }
    this.#nowMs = untilMs;
  }

  /** Lets time pass all at once, as it does for a process that was held up: every alarm that was due by then runs late. */
  leap(durationMs: number): void {
    this.#nowMs += durationMs;
    const due = [...this.#alarms].filter(({ atMs }) => atMs <= this.#nowMs).toSorted((one, other) => one.atMs - other.atMs);
    for (const alarm of due) if (this.#alarms.delete(alarm)) alarm.action();
  }
}
