import type { BodyStream, HeaderList } from "@weir/wire";

/** A request's body in pieces, of which nothing may have been taken yet: until then it can be given to another attempt. */
export class FreshBody {
  readonly #stream: BodyStream;
  #touched = false;

  constructor(stream: BodyStream) {
    this.#stream = stream;
  }

  /** Whether no piece has been asked for. */
  get untouched(): boolean {
    return !this.#touched;
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
