import type { BodyStream } from "@weir/wire";

/** What is known of a body beside its bytes. */
export interface MadeBodyOptions extends Pick<BodyStream, "length" | "trailers"> {
  /** Run when the body is left before it was begun: a generator runs nothing then, not even its `finally`. */
  readonly leave: () => void;
}

/** A body that a generator makes. Whatever becomes of it, either the generator runs to an end or `leave` does. */
export function madeBody(chunks: AsyncGenerator<Uint8Array, void, undefined>, { leave, ...more }: MadeBodyOptions): BodyStream {
  let isBegun = false;
  const iterator: AsyncIterator<Uint8Array, void, undefined> = {
    next() {
      isBegun = true;
      return chunks.next();
    },
    return() {
      if (!isBegun) leave();
      isBegun = true;
      return chunks.return();
    },
  };
  return { ...more, [Symbol.asyncIterator]: () => iterator };
}

/** Leaves a body that nobody will read. */
export function leaveBody(body: BodyStream): void {
  void body[Symbol.asyncIterator]().return?.();
}
