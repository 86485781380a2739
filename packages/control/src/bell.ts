import type { Clock } from "@weir/kit/clock";

/** Wakes everybody who waits for something to change. Rings are counted, so that none is missed between two waits. */
export interface Bell {
  /** How often it has rung. */
  readonly rings: number;
  ring(): void;
  /**
   * Resolves when it has rung more often than `since`, or after `timeoutMs`, or when the signal aborts, whatever comes
   * first. Never rejects.
   */
  heard(since: number, options: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<void>;
}

/** A bell that has not rung. Those who wait are bounded by whoever lets them in. */
export function createBell(clock: Clock): Bell {
  let rings = 0;
  const waiters = new Set<() => void>();
  return {
    get rings() {
      return rings;
    },
    ring() {
      rings += 1;
      // Each takes itself out; those who come meanwhile wait for the next ring.
      for (const wake of Array.from(waiters)) wake();
    },
    heard(since, { timeoutMs, signal }) {
      if (rings > since || signal.aborted || timeoutMs <= 0) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = (): void => {
          waiters.delete(wake);
          stopTimer();
          signal.removeEventListener("abort", wake);
          resolve();
        };
        const stopTimer = clock.after(timeoutMs, wake);
        signal.addEventListener("abort", wake, { once: true });
        waiters.add(wake);
      });
    },
  };
}

/** How changes become answers of a stream. */
export interface PulseOptions {
  readonly bell: Bell;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Longest silence between two pulses. */
  readonly everyMs: number;
  /** Changes that come this close after each other make one pulse. */
  readonly togetherMs: number;
}

/** Yields at once, then after every change and at least every `everyMs`, until the signal aborts. */
export async function* pulses(options: PulseOptions): AsyncGenerator<void, void, undefined> {
  const { bell, clock, signal, everyMs, togetherMs } = options;
  while (!signal.aborted) {
    const since = bell.rings;
    const beganMs = clock.monotonicMs();
    yield;
    await bell.heard(since, { timeoutMs: everyMs, signal });
    const restMs = togetherMs - (clock.monotonicMs() - beganMs);
    if (restMs > 0 && !signal.aborted) await clock.sleep(restMs, signal).catch(() => undefined);
  }
}
