import { GatheredBytes } from "../gathered-bytes.ts";
import type { BodyStream, HeaderList } from "../http.ts";
import { WireError, wireReasons } from "../reasons.ts";

/** Who fills a body and hears of its reader. */
export interface StreamBodySource {
  /** The reader waits for a chunk. */
  waits(): void;
  /** The reader has taken `bytes`: as many more may come. */
  taken(bytes: number): void;
  /** The reader has left; `bytes` had come and will not be taken. */
  left(bytes: number): void;
}

interface Waiting {
  resolve(result: IteratorResult<Uint8Array, undefined>): void;
  reject(error: WireError): void;
}

const ended: IteratorResult<Uint8Array, undefined> = { done: true, value: undefined };

/** The body of a stream while it comes. Its reader's pace is the peer's: what is not taken is not replaced. */
export class StreamBody implements BodyStream, AsyncIterator<Uint8Array, undefined> {
  readonly length: number | undefined;
  readonly #source: StreamBodySource;
  readonly #chunks = new GatheredBytes();
  #waiting: Waiting | undefined = undefined;
  #trailers: HeaderList | undefined = undefined;
  #error: WireError | undefined = undefined;
  #finished = false;
  #left = false;
  #iterated = false;
  /** The stream is over: what is taken now makes no room any more. */
  #released = false;

  constructor(source: StreamBodySource, length?: number) {
    this.#source = source;
    this.length = length;
  }

  /** Whether somebody waits for bytes. */
  get wanted(): boolean {
    return this.#waiting !== undefined;
  }

  push(chunk: Uint8Array): void {
    if (this.#left) {
      this.#source.taken(chunk.length);
      return;
    }
    const waiting = this.#waiting;
    if (waiting === undefined) {
      this.#chunks.push(chunk);
      return;
    }
    this.#waiting = undefined;
    this.#source.taken(chunk.length);
    waiting.resolve({ done: false, value: chunk });
  }

  finish(trailers: HeaderList | undefined): void {
    this.#trailers = trailers;
    this.#finished = true;
    this.#waiting?.resolve(ended);
    this.#waiting = undefined;
  }

  fail(error: WireError): void {
    if (this.#finished || this.#error !== undefined) return;
    this.#error = error;
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  trailers(): HeaderList | undefined {
    return this.#trailers;
  }

  /** The stream is over. Answers how many bytes lie here: the window need not wait for them any more. */
  release(): number {
    if (this.#released) return 0;
    this.#released = true;
    return this.#chunks.length;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    if (this.#iterated) throw new WireError(wireReasons.BODY_ALREADY_READ, "expected a body to be iterated once, found a second time");
    this.#iterated = true;
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      if (!this.#released) this.#source.taken(chunk.length);
      return Promise.resolve({ done: false, value: chunk });
    }
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#finished || this.#left) return Promise.resolve(ended);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#source.waits();
    });
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#left) {
      this.#left = true;
      const bytes = this.#released ? 0 : this.#chunks.length;
      this.#chunks.take();
      this.#waiting?.resolve(ended);
      this.#waiting = undefined;
      this.#source.left(bytes);
    }
    return Promise.resolve(ended);
  }
}
