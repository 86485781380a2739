import { leave } from "./http-send.ts";

/**
 * The same items, each mapped when it is asked for. Not a generator: one that waits for an item hears of its reader's leaving only when that item
 * has come, and a source may be quiet for ever. Leaving here tells the source at once; so does a map that throws. The source begins with the first
 * item that is asked for. Can be iterated once.
 */
export function mapped<T, R>(items: AsyncIterable<T>, map: (item: T) => R): AsyncIterable<R> {
  return {
    [Symbol.asyncIterator]() {
      let source: AsyncIterator<T> | undefined;
      let isOver = false;
      const stop = (): void => {
        if (!isOver && source !== undefined) leave(source);
        isOver = true;
      };
      return {
        async next() {
          if (isOver) return { done: true, value: undefined };
          source ??= items[Symbol.asyncIterator]();
          const found = await source.next().catch((thrown: unknown) => {
            isOver = true;
            throw thrown;
          });
          if (found.done === true) isOver = true;
          if (isOver) return { done: true, value: undefined };
          try {
            return { done: false, value: map(found.value as T) };
          } catch (thrown) {
            stop();
            throw thrown;
          }
        },
        return() {
          stop();
          return Promise.resolve({ done: true, value: undefined });
        },
      };
    },
  };
}
