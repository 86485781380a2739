import { WireError, wireReasons } from "../reasons.ts";
import { utf8After, utf8Broken, utf8Whole, type Utf8State } from "./utf8.ts";
import type { WebSocketLimits } from "./options.ts";

const firstBytes = 4096;
const growth = 4;
const nothing = new Uint8Array(0);

/**
 * A message that comes in pieces, in one growing array: fragments of one byte each hold no more memory than one of all.
 * What a frame announces is not allocated until it comes; at most four times what has come is.
 */
export class MessageAssembly {
  readonly text: boolean;
  readonly compressed: boolean;
  readonly #limits: WebSocketLimits;
  #bytes: Uint8Array = nothing;
  #length = 0;
  #fragments = 0;
  #empty = 0;
  #announced = 0;
  #state: Utf8State = utf8Whole;

  constructor(kind: { readonly text: boolean; readonly compressed: boolean }, limits: WebSocketLimits) {
    this.text = kind.text;
    this.compressed = kind.compressed;
    this.#limits = limits;
  }

  /** A frame of `length` bytes begins. Throws WEBSOCKET_MESSAGE_TOO_LARGE or WEBSOCKET_FRAGMENTS_TOO_MANY. */
  frame(length: number): void {
    const { messageBytesMax, fragmentsMax, emptyFragmentsMax } = this.#limits;
    this.#announced += length;
    if (this.#announced > messageBytesMax) {
      throw new WireError(
        wireReasons.WEBSOCKET_MESSAGE_TOO_LARGE,
        `expected a message of at most ${messageBytesMax} bytes, found ${this.#announced}`,
      );
    }
    this.#fragments += 1;
    if (length === 0) this.#empty += 1;
    if (this.#fragments > fragmentsMax || this.#empty > emptyFragmentsMax) {
      const found = `${this.#fragments} with ${this.#empty} empty`;
      const expected = `expected a message of at most ${fragmentsMax} fragments, ${emptyFragmentsMax} of them empty`;
      throw new WireError(wireReasons.WEBSOCKET_FRAGMENTS_TOO_MANY, `${expected}, found ${found}`);
    }
  }

  /** Takes bytes `from` up to `to`, unmasked. Throws WEBSOCKET_TEXT_INVALID. */
  push(bytes: Uint8Array, from: number, to: number): void {
    if (this.text && !this.compressed) {
      this.#state = utf8After(this.#state, bytes, { from, to });
      if (this.#state === utf8Broken) throw textError();
    }
    const length = this.#length + to - from;
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(this.#announced, Math.max(firstBytes, length * growth)));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    Buffer.prototype.copy.call(bytes, this.#bytes, this.#length, from, to);
    this.#length = length;
  }

  /** The bytes, once all have come. Throws WEBSOCKET_TEXT_INVALID when a character is cut short. */
  finish(): Uint8Array {
    if (this.#state !== utf8Whole) throw textError();
    return this.#bytes.subarray(0, this.#length);
  }
}

/** WEBSOCKET_TEXT_INVALID. */
export function textError(): WireError {
  return new WireError(wireReasons.WEBSOCKET_TEXT_INVALID, "expected a text message in UTF-8, found other bytes");
}
