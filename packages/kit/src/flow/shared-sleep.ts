import { abortFault } from "./abort-fault.ts";

/** How long to sleep, and what ends it early. */
export interface SleepOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Blocks the thread until `ready`, or the time is over: then false. `at` is the word that says that somebody sleeps. */
export function sleepBlocking(
  words: Int32Array,
  at: number,
  given: { readonly ready: () => boolean; readonly timeoutMs: number },
): boolean {
  const { ready, timeoutMs } = given;
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    if (ready()) return true;
    Atomics.store(words, at, 1);
    // Whoever made it ready may have looked at the word before it was set.
    if (ready()) return true;
    const leftMs = endMs - performance.now();
    if (leftMs <= 0) return false;
    Atomics.wait(words, at, 1, leftMs);
  }
}

/** Waits without blocking the thread until `ready`. Rejects with the signal's Fault. The process is kept alive meanwhile. */
export async function sleepAsync(
  words: Int32Array,
  at: number,
  given: { readonly ready: () => boolean; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const { ready, signal } = given;
  for (;;) {
    if (signal?.aborted) throw abortFault(signal);
    if (ready()) return;
    Atomics.store(words, at, 1);
    if (ready()) return;
    const waiting = Atomics.waitAsync(words, at, 1);
    if (waiting.async) await wokenOrAborted(waiting.value, { signal, giveUp: () => Atomics.notify(words, at) });
  }
}

const keepAliveMs = 2 ** 30;

/** Resolves when woken, which `giveUp` does on an abort: a wait that nobody ends would be kept until somebody sends. */
function wokenOrAborted(
  woken: Promise<unknown>,
  { signal, giveUp }: { readonly signal: AbortSignal | undefined; readonly giveUp: () => void },
): Promise<void> {
  return new Promise((resolve) => {
    // A promise of Atomics.waitAsync does not hold the process open by itself.
    const keepAlive = setInterval(() => undefined, keepAliveMs);
    signal?.addEventListener("abort", giveUp, { once: true });
    void woken.then(() => {
      clearInterval(keepAlive);
      signal?.removeEventListener("abort", giveUp);
      resolve();
    });
  });
}
