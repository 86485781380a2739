import type { BodyStream, HeaderList } from "@weir/wire";

/** A body that can be read more than once while it says so, as those of calls can. */
export type MaybeReplayable = BodyStream & { readonly replayable?: boolean };

/** A request's body in pieces: until one has been taken, and where it remembers them for longer, it can be given to another attempt. */
export class FreshBody {
  readonly #stream: MaybeReplayable;
  #touched = false;

  constructor(stream: MaybeReplayable) {
    this.#stream = stream;
  }

  /** Whether another attempt would get all of it. */
  get fresh(): boolean {
    return !this.#touched || this.#stream.replayable === true;
  }

  /** The body for one attempt. An attempt that ends without asking for a piece leaves it as it was. */
  view(): BodyStream {
    const stream = this.#stream;
    let iterator: AsyncIterator<Uint8Array> | undefined;
    const next = (): Promise<IteratorResult<Uint8Array>> => {
      this.#touched = true;
      iterator ??= stream[Symbol.asyncIterator]();
      return iterator.next();
    };
    const leave = async (): Promise<IteratorResult<Uint8Array>> => (await iterator?.return?.()) ?? { done: true, value: undefined };
    return {
      length: stream.length,
      trailers: (): HeaderList | undefined => stream.trailers?.(),
      [Symbol.asyncIterator]: () => ({ next, return: leave }),
    };
  }

  /** No attempt will come: lets whoever makes the pieces know. */
  leave(): void {
    if (this.#touched) return;
    this.#touched = true;
    void Promise.resolve(this.#stream[Symbol.asyncIterator]().return?.()).catch(() => undefined);
  }
}
