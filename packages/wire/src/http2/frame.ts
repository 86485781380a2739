import { connectionFault, errorCodes, type ConnectionFault } from "./fault.ts";
import { http2Reasons } from "./reasons.ts";

/** Frame types of RFC 9113 §6. */
export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Flags of frames. */
export const frameFlags = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** Bytes of a frame before its content. */
export const frameHeadBytes = 9;

const empty = new Uint8Array(0);

/** Hears of whole frames; what the frame is stands in the reader, and is only good during the call. */
export interface FrameSink {
  frame(reader: FrameReader): void;
}

/** Cuts the bytes of a connection into frames (RFC 9113 §4.1), whichever way they were cut before. */
export class FrameReader {
  type = 0;
  flags = 0;
  /** The stream's number, without the reserved bit. */
  id = 0;
  /** The content is `bytes` from `at` to `end`. */
  bytes: Uint8Array = empty;
  at = 0;
  end = 0;
  readonly #sink: FrameSink;
  readonly #bytesMax: number;
  /** The beginning of a frame that is not whole. */
  #held: Uint8Array = empty;
  #heldEnd = 0;

  constructor(sink: FrameSink, bytesMax: number) {
    this.#sink = sink;
    this.#bytesMax = bytesMax;
  }

  /** Whether part of a frame is here. */
  get holds(): boolean {
    return this.#heldEnd > 0;
  }

  /** Takes `bytes` up to `end`; nothing of them is kept uncopied. Throws a ConnectionFault. */
  receive(bytes: Uint8Array, at: number, end: number): void {
    if (this.#heldEnd > 0) at = this.#complete(bytes, at, end);
    while (at + frameHeadBytes <= end) {
      const length = this.#readHead(bytes, at);
      const frameEnd = at + frameHeadBytes + length;
      if (frameEnd > end) break;
      this.bytes = bytes;
      this.at = at + frameHeadBytes;
      this.end = frameEnd;
      at = frameEnd;
      this.#sink.frame(this);
    }
    if (at < end) this.#hold(bytes, at, end);
    this.bytes = empty;
  }

  /** Adds to what is held, hands out the frame when that makes it whole, and answers where the next begins. */
  #complete(bytes: Uint8Array, at: number, end: number): number {
    if (this.#heldEnd < frameHeadBytes) {
      at = this.#take(bytes, { at, end, upTo: frameHeadBytes });
      if (this.#heldEnd < frameHeadBytes) return at;
      const whole = new Uint8Array(frameHeadBytes + this.#readHead(this.#held, 0));
      whole.set(this.#held.subarray(0, frameHeadBytes));
      this.#held = whole;
    }
    at = this.#take(bytes, { at, end, upTo: this.#held.length });
    if (this.#heldEnd < this.#held.length) return at;
    const held = this.#held;
    this.#readHead(held, 0);
    this.bytes = held;
    this.at = frameHeadBytes;
    this.end = held.length;
    this.#held = empty;
    this.#heldEnd = 0;
    this.#sink.frame(this);
    return at;
  }

  #take(bytes: Uint8Array, range: { readonly at: number; readonly end: number; readonly upTo: number }): number {
    const count = Math.min(range.end - range.at, range.upTo - this.#heldEnd);
    this.#held.set(bytes.subarray(range.at, range.at + count), this.#heldEnd);
    this.#heldEnd += count;
    return range.at + count;
  }

  #hold(bytes: Uint8Array, at: number, end: number): void {
    const length = end - at < frameHeadBytes ? frameHeadBytes : frameHeadBytes + this.#readHead(bytes, at);
    this.#held = new Uint8Array(length);
    this.#held.set(bytes.subarray(at, end));
    this.#heldEnd = end - at;
  }

  #readHead(bytes: Uint8Array, at: number): number {
    const length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    this.type = bytes[at + 3] as number;
    this.flags = bytes[at + 4] as number;
    this.id = readUint31(bytes, at + 5);
    if (length > this.#bytesMax) throw sizeFault(`a frame of at most ${this.#bytesMax} bytes`, length);
    return length;
  }

  /** Content without padding: moves `at` and `end` (RFC 9113 §6.1). */
  stripPadding(): void {
    if ((this.flags & frameFlags.padded) === 0) return;
    if (this.at >= this.end) throw sizeFault("a length of padding", 0);
    const padding = this.bytes[this.at] as number;
    this.at += 1;
    if (padding > this.end - this.at) throw frameFault(`padding of at most ${this.end - this.at} bytes, found ${padding}`);
    this.end -= padding;
  }
}

/** A number of 31 bits, its reserved bit ignored. */
export function readUint31(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) & 0x7fff_ffff;
}

/** A number of 32 bits. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0
  );
}

/** Writes a number of 32 bits and answers where it ends. */
export function writeUint32(out: Uint8Array, at: number, value: number): number {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
  return at + 4;
}

/** What stands before the content of a frame. */
export interface FrameHead {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly length: number;
}

/** Writes the head of a frame and answers where its content goes. */
export function writeFrameHead(out: Uint8Array, at: number, head: FrameHead): number {
  const { length } = head;
  out[at] = length >>> 16;
  out[at + 1] = length >>> 8;
  out[at + 2] = length;
  out[at + 3] = head.type;
  out[at + 4] = head.flags;
  return writeUint32(out, at + 5, head.id);
}

/** A frame that breaks the rules for the whole connection. */
export function frameFault(message: string): ConnectionFault {
  return connectionFault(errorCodes.PROTOCOL_ERROR, http2Reasons.FRAME_INVALID, `expected ${message}`);
}

/** A frame of a wrong length. */
export function sizeFault(expected: string, found: number): ConnectionFault {
  return connectionFault(errorCodes.FRAME_SIZE_ERROR, http2Reasons.FRAME_SIZE_INVALID, `expected ${expected}, found ${found}`);
}
