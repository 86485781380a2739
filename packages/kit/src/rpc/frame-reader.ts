import type { Reason } from "../fault.ts";
import { fault } from "../fault.ts";
import type { SendAnswer } from "./http-send.ts";
import { joined, leave } from "./http-send.ts";

/** One length-prefixed message: a byte of flags, four bytes of length (big endian), the data. */
export interface Envelope {
  readonly flags: number;
  readonly data: Uint8Array;
}

/** What a message may be. */
export interface FrameLimits {
  /** Bytes of one message at most. */
  readonly bytesMax: number;
  /** Given when a message says that it is larger. */
  readonly tooLarge: Reason;
}

const prefixBytes = 5;

/**
 * Cuts a body into enveloped messages, however its bytes were split. Pulled: `take` what is there, ask for `more` when it
 * is nothing. Memory is bounded by one message and one piece of the body. A class because it holds the body.
 */
export class FrameReader {
  readonly #limits: FrameLimits;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  /** Pieces not yet taken; of the first, the bytes from `#at` on. */
  #pieces: Uint8Array[] = [];
  #at = 0;
  #bytes = 0;

  constructor(body: SendAnswer["body"], limits: FrameLimits) {
    this.#limits = limits;
    if (body === undefined) return;
    const whole = body instanceof Uint8Array ? body : body.whole;
    if (whole === undefined) this.#iterator = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    else this.#push(whole);
  }

  /** Bytes that are there and belong to no message that has been taken. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The next message, if all of it is there. Throws when it says that it is larger than the limit. */
  take(): Envelope | undefined {
    if (this.#bytes < prefixBytes) return undefined;
    if ((this.#pieces[0] as Uint8Array).length - this.#at < prefixBytes) this.#join();
    const first = this.#pieces[0] as Uint8Array;
    const at = this.#at;
    const length = uint32At(first, at + 1);
    const { bytesMax, tooLarge } = this.#limits;
    if (length > bytesMax) throw fault(tooLarge, `Expected a message of at most ${bytesMax} bytes, found ${length}.`);
    if (this.#bytes < prefixBytes + length) return undefined;
    const flags = first[at] as number;
    if (first.length - at < prefixBytes + length) this.#join();
    const bytes = this.#pieces[0] as Uint8Array;
    const from = this.#at + prefixBytes;
    const data = bytes.subarray(from, from + length);
    this.#bytes -= prefixBytes + length;
    this.#at = from + length;
    if (this.#at === bytes.length) {
      this.#pieces.shift();
      this.#at = 0;
    }
    return { flags, data };
  }

  /** Waits for more of the body; false at its end. Rejects with what the body rejects with. */
  async more(): Promise<boolean> {
    if (this.#iterator === undefined) return false;
    const { done, value } = await this.#iterator.next();
    if (done === true) {
      this.#iterator = undefined;
      return false;
    }
    this.#push(value);
    return true;
  }

  /** Gives up the rest of the body. */
  leave(): void {
    const iterator = this.#iterator;
    this.#iterator = undefined;
    if (iterator !== undefined) leave(iterator);
  }

  #push(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  #join(): void {
    const first = this.#pieces[0] as Uint8Array;
    this.#pieces[0] = first.subarray(this.#at);
    this.#at = 0;
    this.#pieces = [joined(this.#pieces, this.#bytes)];
  }
}

/** Four bytes, big endian. */
export function uint32At(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0
  );
}
