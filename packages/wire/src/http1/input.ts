import { copied } from "./output.ts";

const nothing = new Uint8Array(0);
const tab = 9;
const lf = 10;
const cr = 13;
const del = 127;

/**
 * The bytes of one connection that have come and have not been read: those of this call, or what earlier calls have left. What
 * is left grows in place, and what has been looked at is not looked at again, so that bytes that come one by one cost by their
 * number, not by its square.
 */
export class Input {
  bytes: Uint8Array = nothing;
  /** Where reading stands. */
  at = 0;
  end = 0;
  #borrowed = false;
  /** Whether there may be room behind `end`, which is ours. */
  #roomy = false;
  #isOpen = false;
  /** So many bytes are known to be part of a head that is neither whole nor bad. */
  #judged = 0;

  /** Adds `bytes` up to `end`; `borrowed` ones may be overwritten after the call. */
  add(bytes: Uint8Array, end: number, borrowed: boolean): void {
    if (this.end === 0) {
      this.bytes = bytes;
      this.end = end;
      this.#borrowed = borrowed;
      this.#roomy = false;
      return;
    }
    const length = this.end + end;
    if (!this.#roomy || length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(length, this.end * 2));
      grown.set(this.bytes.subarray(0, this.end));
      this.bytes = grown;
      this.#roomy = true;
    }
    this.bytes.set(bytes.subarray(0, end), this.end);
    this.end = length;
    this.#borrowed = false;
  }

  /** The head at `at` is not whole. */
  open(): void {
    this.#isOpen = true;
  }

  /**
   * Whether what came since the last look leaves a head that was neither whole nor bad, of at most `bytesMax` bytes, as it was:
   * plain characters, and ends of lines that are neither the first nor empty.
   */
  staysOpen(bytesMax: number): boolean {
    const { bytes, end } = this;
    if (this.#judged === 0 || this.at > 0 || end > bytesMax) return false;
    for (let at = this.#judged; at < end; at += 1) {
      const byte = bytes[at] as number;
      if ((bytes[at - 1] === cr) !== (byte === lf)) return false;
      if (byte === lf ? bytes[at - 2] === lf || bytes.indexOf(lf) === at : byte < 32 ? byte !== tab && byte !== cr : byte === del) {
        return false;
      }
    }
    this.#isOpen = true;
    return true;
  }

  /** All that can be read now has been: keeps the rest. */
  settle(): void {
    if (this.at >= this.end) {
      this.bytes = nothing;
      this.end = 0;
    } else if (this.#borrowed || this.at > 0) this.#keepRest();
    this.at = 0;
    this.#borrowed = false;
    this.#judged = this.#isOpen ? this.end : 0;
    this.#isOpen = false;
  }

  /** Hands out all that has not been read. */
  rest(): Uint8Array {
    this.#keepRest();
    const rest = this.bytes;
    this.clear();
    return rest;
  }

  /** Forgets what has not been read. */
  clear(): void {
    this.bytes = nothing;
    this.at = 0;
    this.end = 0;
    this.#judged = 0;
  }

  /** Bytes that stay ours, from `from` to `to`. */
  kept(from: number, to: number): Uint8Array {
    return this.#borrowed ? copied(this.bytes, from, to) : this.bytes.subarray(from, to);
  }

  /** The input as bytes that stay ours, with nothing behind its end: parts of it will be handed out. */
  owned(): Uint8Array {
    if (this.#borrowed || this.bytes.length !== this.end) this.#keepRest();
    return this.bytes;
  }

  #keepRest(): void {
    this.bytes = this.kept(this.at, this.end);
    this.#borrowed = false;
    this.#roomy = false;
    this.end = this.bytes.length;
    this.at = 0;
  }
}
