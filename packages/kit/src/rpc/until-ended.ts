import type { Call } from "../call.ts";
import type { Message } from "../service.ts";
import { leave } from "./http-send.ts";

/**
 * The same items, but never beyond the end of the call: once it ends, a waiting reader is rejected with the Fault
 * even when the source hangs, and the source is told to stop. Leaving the loop tells the source too. Can be iterated once.
 */
export function untilEnded<T>(source: AsyncIterable<T>, call: Call): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => iterateUntilEnded(source[Symbol.asyncIterator](), call) };
}

function iterateUntilEnded<T>(iterator: AsyncIterator<T>, call: Call): AsyncIterator<T> {
  let stopped = false;
  let rejectWaiting: ((reason: Error) => void) | undefined;
  const stop = (): void => {
    if (stopped) return;
    finish();
    // Not awaited: a source that hangs answers its return() only after its pending next().
    leave(iterator);
  };
  const onEnd = (reason: Error): void => {
    stop();
    rejectWaiting?.(reason);
  };
  call.onEnd(onEnd);
  return {
    next() {
      if (call.ended) return Promise.reject(call.ended);
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
    call.offEnd(onEnd);
  }
}

/** The answer, or the Fault of the call's end when that comes first. For what may never settle by itself. */
export function answerUntilEnded<T>(answer: Promise<T>, call: Call): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    call.onEnd(reject);
    answer.then(
      (value) => {
        call.offEnd(reject);
        resolve(value);
      },
      (thrown: Error) => {
        call.offEnd(reject);
        reject(thrown);
      },
    );
  });
}

/**
 * The same answer; a stream that comes when its call has ended is told to stop, as nobody will read it. For whoever has `answerUntilEnded`
 * wait for an answer that may be one.
 */
export function leftIfLate<T>(answer: Message<T>, call: Call): Message<T> {
  if (call.ended !== undefined && answer.stream) leave(answer.messages[Symbol.asyncIterator]());
  return answer;
}
