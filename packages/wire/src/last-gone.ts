import type { WireClock } from "./clock.ts";

/** Waits for the last connection of a server or a client to go: whoever drains it, and whoever loses patience and closes it. */
export class LastGone {
  #waiting: (() => void)[] = [];

  /** Resolves when `told`; calls `cut` when that has not come after `timeoutMs`. */
  wait(clock: WireClock, timeoutMs: number, cut: () => void): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(timeoutMs, cut);
      this.#waiting.push(() => {
        cancel();
        resolve();
      });
    });
  }

  /** The last connection is gone. */
  told(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) done();
  }
}
