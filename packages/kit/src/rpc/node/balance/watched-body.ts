import type { BodyStream, HeaderList } from "@weir/wire";

/** How the reading of a body ended: at its end, by its failure, or because the reader left. */
export type BodyEnd = "read" | "failed" | "left";

/** A body that tells how its reading ended. It may tell more than once. */
export class WatchedBody implements BodyStream {
  readonly #stream: BodyStream;
  readonly #onEnd: (end: BodyEnd, thrown?: unknown) => void;

  constructor(stream: BodyStream, onEnd: (end: BodyEnd, thrown?: unknown) => void) {
    this.#stream = stream;
    this.#onEnd = onEnd;
  }

  get length(): number | undefined {
    return this.#stream.length;
  }

  trailers(): HeaderList | undefined {
    return this.#stream.trailers?.();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const iterator = this.#stream[Symbol.asyncIterator]();
    const onEnd = this.#onEnd;
    return {
      next: () =>
        iterator.next().then(
          (result) => {
            if (result.done === true) onEnd("read");
            return result;
          },
          (error: unknown) => {
            onEnd("failed", error);
            throw error;
          },
        ),
      async return() {
        onEnd("left");
        return (await iterator.return?.()) ?? { done: true, value: undefined };
      },
    };
  }
}
