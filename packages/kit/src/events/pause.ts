import type { Clock } from "../clock.ts";

/** What ends a pause early, beside the signal. A hint that came before the pause ends it at once. */
export class Hints {
  #came = false;
  #wake: (() => void) | undefined;

  /** Something may have come. */
  readonly hint = (): void => {
    this.#came = true;
    this.#wake?.();
  };

  /** Until the time is over, a hint comes, or the signal aborts. Keeps the process alive, as a Daemon at rest should. */
  async pause(clock: Clock, durationMs: number, signal: AbortSignal): Promise<void> {
    const waking = new AbortController();
    this.#wake = () => waking.abort();
    signal.addEventListener("abort", this.#wake, { once: true });
    if (this.#came || signal.aborted) waking.abort();
    const wake = this.#wake;
    await clock.sleep(durationMs, waking.signal).catch(() => undefined);
    signal.removeEventListener("abort", wake);
    this.#wake = undefined;
    this.#came = false;
  }
}

/** A pause that grows with each failure, jittered, 5 seconds at most. */
export function backoffMs(clock: Clock, failures: number): number {
  return Math.min(5000, 50 * 2 ** Math.min(failures, 10)) * (0.5 + clock.random() / 2);
}
