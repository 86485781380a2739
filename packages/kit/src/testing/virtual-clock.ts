import type { Clock } from "../clock.ts";

/** A Clock that stands still until it is told to move. */
export interface VirtualClock extends Clock {
  /** Moves time by `durationMs` and runs every timer that falls due on the way, in order, letting promises settle between them. */
  advance(durationMs: number): Promise<void>;
  /** Jumps from timer to timer until none is left. Throws after 10,000, as something then rearms itself for ever. */
  runUntilIdle(): Promise<void>;
  /** Timers that wait. */
  readonly pending: number;
}

/** What `createVirtualClock` may be told. */
export interface VirtualClockOptions {
  /** Wall time at the start, in milliseconds since 1970. Default 1,750,000,000,000 (June 2025). */
  readonly startMs?: number;
  /** Of `random()`. Default 1: the same numbers in every run. */
  readonly seed?: number;
}

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly action: () => void;
}

const stepsMax = 10_000;

/** A clock for tests: time moves only by `advance`, chance only by the seed. `monotonicMs` begins at 0. */
export function createVirtualClock(options: VirtualClockOptions = {}): VirtualClock {
  const startMs = options.startMs ?? 1_750_000_000_000;
  const timers = new Set<Timer>();
  const random = createRandom(options.seed ?? 1);
  let elapsedMs = 0;
  let order = 0;

  function after(durationMs: number, action: () => void): () => void {
    const timer: Timer = { dueMs: elapsedMs + Math.max(0, durationMs), order: order++, action };
    timers.add(timer);
    return () => void timers.delete(timer);
  }

  function earliest(): Timer | undefined {
    let found: Timer | undefined;
    for (const timer of timers) {
      if (!found || timer.dueMs < found.dueMs || (timer.dueMs === found.dueMs && timer.order < found.order)) found = timer;
    }
    return found;
  }

  async function fire(timer: Timer): Promise<void> {
    timers.delete(timer);
    elapsedMs = Math.max(elapsedMs, timer.dueMs);
    timer.action();
    await settled();
  }

  return {
    nowMs: () => startMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    random,
    after,
    get pending() {
      return timers.size;
    },
    sleep(durationMs, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error);
        const onAbort = (): void => {
          stop();
          reject(signal?.reason as Error);
        };
        const stop = after(durationMs, () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        });
        signal?.addEventListener("abort", onAbort, { once: true });
      });
    },
    async advance(durationMs) {
      const untilMs = elapsedMs + durationMs;
      await settled();
      for (let timer = earliest(); timer && timer.dueMs <= untilMs; timer = earliest()) await fire(timer);
      elapsedMs = untilMs;
      await settled();
    },
    async runUntilIdle() {
      await settled();
      let steps = 0;
      for (let timer = earliest(); timer; timer = earliest()) {
        if (++steps > stepsMax) throw new Error(`Expected the timers to end, found more after ${stepsMax} of them.`);
        await fire(timer);
      }
    },
  };
}

/** A turn of the event loop: every promise that can settle without time passing has done so. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Numbers from 0 up to 1 that only look random: mulberry32. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
