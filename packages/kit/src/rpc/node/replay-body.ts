/** Bytes of a request's stream that are remembered for a second try. */
const rememberedBytesMax = 256 * 1024;

/**
 * The body of a request that streams, so that it can be sent twice: what has been pulled is remembered until the answer is there, up to
 * 256 KiB. A second iteration takes over from the first, which gets nothing more. Leaving the one that reads leaves the source only once
 * nobody will begin another. A class because it holds the source.
 */
export class ReplayBody implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterator<Uint8Array>;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #done = false;
  #failure: { readonly thrown: unknown } | undefined = undefined;
  #pulling: Promise<void> | undefined = undefined;
  #settled = false;
  #left = false;
  /** The iteration that reads now. */
  #reader: object | undefined = undefined;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Whether another iteration would begin at the beginning. Who sends requests again looks for this. */
  get replayable(): boolean {
    return this.#bytes <= rememberedBytesMax && this.#failure === undefined;
  }

  /** There will be no other iteration; if the request failed, nobody reads on in the last one either. */
  settle(failed: boolean): void {
    this.#settled = true;
    if (this.#left || failed) this.#leave();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    let at = 0;
    this.#left = false;
    const reader: AsyncIterator<Uint8Array, undefined> = {
      next: async () => {
        for (;;) {
          if (this.#reader !== reader) return { done: true, value: undefined };
          const piece = this.#pieces[at];
          if (piece !== undefined) {
            if (this.#settled || !this.replayable) this.#pieces.splice(0, at + 1);
            at = this.#settled || !this.replayable ? 0 : at + 1;
            return { done: false, value: piece };
          }
          if (this.#failure) throw this.#failure.thrown;
          if (this.#done) return { done: true, value: undefined };
          await (this.#pulling ??= this.#pull());
        }
      },
      return: () => {
        if (this.#reader === reader) {
          this.#reader = undefined;
          this.#left = true;
          if (this.#settled) this.#leave();
        }
        return Promise.resolve({ done: true, value: undefined });
      },
    };
    this.#reader = reader;
    return reader;
  }

  async #pull(): Promise<void> {
    try {
      const { done, value } = await this.#source.next();
      if (done === true) this.#done = true;
      else {
        this.#pieces.push(value);
        if (!this.#settled) this.#bytes += value.length;
      }
    } catch (thrown) {
      this.#failure = { thrown };
    } finally {
      this.#pulling = undefined;
    }
  }

  #leave(): void {
    if (this.#done || this.#failure) return;
    this.#done = true;
    this.#pieces = [];
    void Promise.resolve(this.#source.return?.()).catch(() => undefined);
  }
}
