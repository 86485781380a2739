import type { WireClock } from "./clock.ts";

/** Something with a deadline that moves often. The wheel looks at the deadline only when the old one would have come. */
export interface WheelEntry {
  /** Monotonic milliseconds; Infinity for none. Write it through `TimingWheel.set`. */
  deadlineMs: number;
  /** When the wheel will look; Infinity while it is not in the wheel. */
  lookMs: number;
  /** Called once the deadline has passed, with the deadline taken away. */
  expire(): void;
}

const stepMs = 25;
const slotCount = 512;

/**
 * Deadlines for many connections with one coarse timer: moving one is a number written, nothing is armed per request.
 * Fires up to 25 ms late, never early. The timer runs only while something is in the wheel.
 */
export class TimingWheel {
  readonly #clock: WireClock;
  readonly #slots: (WheelEntry[] | undefined)[] = Array.from({ length: slotCount });
  #count = 0;
  #step = 0;
  #nowMs = 0;
  #stop: (() => void) | undefined;

  constructor(clock: WireClock) {
    this.#clock = clock;
  }

  /** Moves the deadline of `entry`, to Infinity to take it away. */
  set(entry: WheelEntry, deadlineMs: number): void {
    entry.deadlineMs = deadlineMs;
    if (deadlineMs < entry.lookMs) this.#insert(entry, deadlineMs);
  }

  /**
   * Monotonic time that may be behind by 25 ms, or by as long as something held up the event loop. Never ahead. For what
   * may come early without harm, such as closing what nobody uses.
   */
  coarseMs(): number {
    return this.#stop === undefined ? this.#clock.monotonicMs() : this.#nowMs;
  }

  #insert(entry: WheelEntry, deadlineMs: number): void {
    if (this.#stop === undefined) {
      this.#nowMs = this.#clock.monotonicMs();
      this.#step = Math.floor(this.#nowMs / stepMs);
      this.#stop = this.#clock.after(stepMs, () => this.#turn());
    }
    const soonest = this.#step + 1;
    const wanted = Math.min(Math.max(Math.ceil(deadlineMs / stepMs), soonest), this.#step + slotCount - 1);
    entry.lookMs = wanted * stepMs;
    (this.#slots[wanted % slotCount] ??= []).push(entry);
    this.#count += 1;
  }

  #turn(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#nowMs = nowMs;
    const last = Math.floor(nowMs / stepMs);
    const first = Math.max(this.#step + 1, last - slotCount + 1);
    const due: WheelEntry[] = [];
    for (let step = first; step <= last; step += 1) {
      const slot = this.#slots[step % slotCount];
      if (slot === undefined) continue;
      this.#slots[step % slotCount] = undefined;
      this.#count -= slot.length;
      for (const entry of slot) if (entry.lookMs <= nowMs) due.push(entry);
    }
    this.#step = Math.max(this.#step, last);
    this.#stop = undefined;
    for (const entry of due) this.#look(entry, nowMs);
    if (this.#count > 0 && this.#stop === undefined) this.#stop = this.#clock.after(stepMs, () => this.#turn());
  }

  #look(entry: WheelEntry, nowMs: number): void {
    // An entry that stood in two slots comes twice; the second time it has been put elsewhere.
    if (entry.lookMs > nowMs) return;
    entry.lookMs = Infinity;
    if (entry.deadlineMs === Infinity) return;
    if (entry.deadlineMs > nowMs) {
      this.#insert(entry, entry.deadlineMs);
      return;
    }
    entry.deadlineMs = Infinity;
    entry.expire();
  }
}

const wheels = new WeakMap<WireClock, TimingWheel>();

/** The wheel of a clock: all servers and clients that go by the same clock share one timer. */
export function wheelOf(clock: WireClock): TimingWheel {
  const known = wheels.get(clock);
  if (known !== undefined) return known;
  const wheel = new TimingWheel(clock);
  wheels.set(clock, wheel);
  return wheel;
}
