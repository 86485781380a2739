import { joined } from "./http1/output.ts";

/** Pieces up to this are put together. */
const smallBytesMax = 512;
const roomBytesMin = 256;
const roomBytesMax = 16_384;
const takenMax = 32;

/**
 * Bytes that come in pieces and are taken in order. Small pieces are copied together, so that a peer who sends byte by byte
 * costs little more memory than its bytes, instead of a hundred times as much; large ones lie here uncopied.
 */
export class GatheredBytes {
  /** Bytes that lie here. */
  length = 0;
  #pieces: Uint8Array[] = [];
  #at = 0;
  /** The last piece, while small ones are added to it; what lies behind `#roomAt` is free. */
  #room: Uint8Array | undefined = undefined;
  #roomAt = 0;

  /** Adds a piece, which must not change any more. */
  push(piece: Uint8Array): void {
    const pieces = this.#pieces;
    const last = pieces.length - 1;
    this.length += piece.length;
    if (piece.length > smallBytesMax || last < this.#at) {
      this.#close();
      pieces.push(piece);
      return;
    }
    let room = this.#room;
    if (room === undefined) {
      const before = pieces[last] as Uint8Array;
      if (before.length > smallBytesMax) {
        pieces.push(piece);
        return;
      }
      room = new Uint8Array(Math.max(roomBytesMin, (before.length + piece.length) * 2));
      room.set(before);
      this.#roomAt = before.length;
      pieces[last] = room;
    } else if (this.#roomAt + piece.length > room.length) {
      const { length } = room;
      this.#close();
      room = new Uint8Array(Math.min(roomBytesMax, length * 2));
      this.#roomAt = 0;
      pieces.push(room);
    }
    this.#room = room;
    room.set(piece, this.#roomAt);
    this.#roomAt += piece.length;
  }

  /** Takes the first piece, or what was made of several; undefined when nothing lies here. */
  shift(): Uint8Array | undefined {
    if (this.#at === this.#pieces.length - 1) this.#close();
    const piece = this.#pieces[this.#at];
    if (piece === undefined) return undefined;
    this.length -= piece.length;
    this.#at += 1;
    // A reader that never catches up must not keep what it has taken.
    if (this.#at === this.#pieces.length || (this.#at > takenMax && this.#at * 2 > this.#pieces.length)) {
      this.#pieces = this.#pieces.slice(this.#at);
      this.#at = 0;
    }
    return piece;
  }

  /** Takes everything. */
  take(): Uint8Array[] {
    this.#close();
    const pieces = this.#at === 0 ? this.#pieces : this.#pieces.slice(this.#at);
    this.#pieces = [];
    this.#at = 0;
    this.length = 0;
    return pieces;
  }

  /** Takes everything, as one array. */
  whole(): Uint8Array {
    return joined(this.take());
  }

  #close(): void {
    if (this.#room === undefined) return;
    this.#pieces[this.#pieces.length - 1] = this.#room.subarray(0, this.#roomAt);
    this.#room = undefined;
  }
}
