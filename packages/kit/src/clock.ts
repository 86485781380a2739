/** Time and chance as a parameter, so that every test can be replayed. `kit/testing` has a virtual one. */
export interface Clock {
  /** Wall time in milliseconds since 1970. May jump; only for what people or other machines read. */
  nowMs(): number;
  /** Milliseconds that never jump and never run backwards. For durations, deadlines and leases. */
  monotonicMs(): number;
  /** Resolves after `durationMs`; rejects with the signal's reason when that aborts first. */
  sleep(durationMs: number, signal?: AbortSignal): Promise<void>;
  /** Runs `action` once after `durationMs`; the answer cancels it. It does not keep a process alive. */
  after(durationMs: number, action: () => void): () => void;
  /** A number from 0 up to, not including, 1. Not for secrets. */
  random(): number;
}

const durationMsMax = 2 ** 31 - 1;

/** The real clock. Durations over 24.8 days (the platform's timer limit) are cut to that. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  random: () => Math.random(),
  after(durationMs, action) {
    const timer: unknown = setTimeout(action, Math.min(durationMs, durationMsMax));
    // Browsers answer a number, Node a Timeout that would hold the process open.
    if (typeof timer === "object" && timer !== null && "unref" in timer) (timer as { unref(): void }).unref();
    return () => clearTimeout(timer as number);
  },
  sleep(durationMs, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(
        () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
        Math.min(durationMs, durationMsMax),
      );
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  },
};
