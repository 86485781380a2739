import { GatheredBytes } from "../gathered-bytes.ts";
import type { BodyStream, HeaderList } from "../http.ts";
import { WireError, wireReasons } from "../reasons.ts";

/** Where a body's bytes come from: a connection that reads only while it is asked. */
export interface BodySource {
  /** The reader waits for a chunk: read on. */
  pull(): void;
  /** The reader has left: the rest is not wanted. */
  cancel(): void;
}

interface Waiting {
  resolve(result: IteratorResult<Uint8Array, undefined>): void;
  reject(error: WireError): void;
}

const ended: IteratorResult<Uint8Array, undefined> = { done: true, value: undefined };

/** A body that is being received, on either side. The connection pushes what it has read; the reader pulls. */
export class IncomingBody implements BodyStream, AsyncIterator<Uint8Array, undefined> {
  readonly length: number | undefined;
  readonly #source: BodySource;
  readonly #chunks = new GatheredBytes();
  #waiting: Waiting | undefined;
  #trailers: HeaderList | undefined;
  #error: WireError | undefined;
  #finished = false;
  #left = false;
  #iterated = false;

  constructor(source: BodySource, length?: number) {
    this.#source = source;
    this.length = length;
  }

  /** Whether somebody waits for bytes. */
  get wanted(): boolean {
    return this.#waiting !== undefined;
  }

  /** Whether the reader has left early. */
  get left(): boolean {
    return this.#left;
  }

  /** Whether anybody has begun to read. */
  get iterated(): boolean {
    return this.#iterated;
  }

  /** Whether the end has been read. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Hands out what has been read and not been asked for. */
  take(): Uint8Array[] {
    return this.#chunks.take();
  }

  push(chunk: Uint8Array): void {
    if (this.#left || chunk.length === 0) return;
    const waiting = this.#waiting;
    if (waiting === undefined) {
      this.#chunks.push(chunk);
      return;
    }
    this.#waiting = undefined;
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

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    if (this.#iterated) throw new WireError(wireReasons.BODY_ALREADY_READ, "expected a body to be iterated once, found a second time");
    this.#iterated = true;
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) return Promise.resolve({ done: false, value: chunk });
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#finished || this.#left) return Promise.resolve(ended);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#source.pull();
    });
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#left) {
      this.#left = true;
      this.#chunks.take();
      this.#waiting?.resolve(ended);
      this.#waiting = undefined;
      if (!this.#finished && this.#error === undefined) this.#source.cancel();
    }
    return Promise.resolve(ended);
  }
}
