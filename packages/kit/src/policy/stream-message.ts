import type { Call } from "../call.ts";

/** Whether a request or an answer is a stream: it goes on after its promise has resolved, and can be read once only. */
export function isStreamMessage(message: unknown): message is { readonly stream: true; readonly messages: AsyncIterable<unknown> } {
  return typeof message === "object" && message !== null && "stream" in message && message.stream === true;
}

/**
 * The same answer. `onOver` runs once it is over: at once, or, of a stream, when it has been read to its end, has failed, was left, or when
 * the call ends, whichever is first.
 */
export function whenOver<R>(answer: R, call: Call, onOver: () => void): R {
  if (!isStreamMessage(answer)) {
    onOver();
    return answer;
  }
  let over = false;
  const once = (): void => {
    if (over) return;
    over = true;
    call.offEnd(once);
    onOver();
  };
  call.onEnd(once);
  return { ...answer, messages: observed(answer.messages, once) };
}

function observed(messages: AsyncIterable<unknown>, over: () => void): AsyncIterable<unknown> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = messages[Symbol.asyncIterator]();
      return {
        async next() {
          try {
            const result = await iterator.next();
            if (result.done === true) over();
            return result;
          } catch (thrown) {
            over();
            throw thrown;
          }
        },
        async return(value?: unknown) {
          over();
          return (await iterator.return?.(value)) ?? { done: true, value };
        },
      };
    },
  };
}
