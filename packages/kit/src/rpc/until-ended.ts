import type { Call } from "../call.ts";

/**
 * The same items, but never beyond the end of the call: once its signal aborts, a waiting reader is rejected with the Fault
 * even when the source hangs, and the source is told to stop. Leaving the loop tells the source too. Can be iterated once.
 */
export function untilEnded<T>(source: AsyncIterable<T>, call: Call): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => iterateUntilEnded(source[Symbol.asyncIterator](), call.signal) };
}

function iterateUntilEnded<T>(iterator: AsyncIterator<T>, signal: AbortSignal): AsyncIterator<T> {
  let stopped = false;
  let rejectWaiting: ((reason: Error) => void) | undefined;
  const stop = (): void => {
    if (stopped) return;
    stopped = true;
    signal.removeEventListener("abort", onAbort);
    // Not awaited: a source that hangs answers its return() only after its pending next().
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  };
  const onAbort = (): void => {
    stop();
    rejectWaiting?.(signal.reason as Error);
  };
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) stop();
  return {
    next() {
      if (signal.aborted) return Promise.reject(signal.reason as Error);
      if (stopped) return Promise.resolve({ done: true, value: undefined });
      return new Promise<IteratorResult<T>>((resolve, reject) => {
        rejectWaiting = reject;
        iterator.next().then(
          (result) => {
            if (result.done) finish();
            resolve(result);
          },
          (thrown: Error) => {
            finish();
            reject(thrown);
          },
        );
      });
    },
    return() {
      stop();
      return Promise.resolve({ done: true, value: undefined });
    },
  };

  function finish(): void {
    stopped = true;
    signal.removeEventListener("abort", onAbort);
  }
}

/** The answer, or the Fault of the call's end when that comes first. Costs a signal: for streams, not for every unary call. */
export function answerUntilEnded<T>(answer: Promise<T>, call: Call): Promise<T> {
  const signal = call.signal;
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    answer
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", onAbort))
      .catch(() => undefined);
  });
}
