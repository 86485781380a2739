import type { HeaderList } from "../http.ts";
import { ChunkedDecoder, type ChunkedOptions } from "./chunked.ts";
import { lengthChunked, lengthUntilClose } from "./limits.ts";

/** Finds the content and the end of one body in the bytes of a connection, whichever way its end is told. */
export class BodyReader {
  readonly #chunked: ChunkedDecoder | undefined;
  #remaining: number;
  /** Bytes of content read so far. */
  bytes = 0;

  /** `length` is a number of bytes, `lengthChunked` or `lengthUntilClose`. */
  constructor(length: number, options: ChunkedOptions) {
    this.#chunked = length === lengthChunked ? new ChunkedDecoder(options) : undefined;
    this.#remaining = length === lengthUntilClose ? Infinity : Math.max(length, 0);
  }

  get done(): boolean {
    return this.#chunked === undefined ? this.#remaining === 0 : this.#chunked.done;
  }

  /** Bytes still to come; undefined when nobody knows. */
  get remaining(): number | undefined {
    return this.#chunked === undefined && this.#remaining !== Infinity ? this.#remaining : undefined;
  }

  /** Whether the end of the connection is the end of the body. */
  get endsWithConnection(): boolean {
    return this.#remaining === Infinity;
  }

  get trailers(): HeaderList | undefined {
    return this.#chunked?.trailers;
  }

  /** Reads `input` from `at` on, hands content to `take`, and answers where it stopped. Throws a WireError for bad chunks. */
  read(input: Uint8Array, at: number, take: (content: Uint8Array) => void): number {
    if (this.#chunked !== undefined) {
      return this.#chunked.read(input, at, (content) => {
        this.bytes += content.length;
        take(content);
      });
    }
    const end = Math.min(input.length, at + this.#remaining);
    if (end > at) {
      this.bytes += end - at;
      this.#remaining -= end - at;
      take(input.subarray(at, end));
    }
    return end;
  }
}
