import { randomFillSync } from "node:crypto";
import { endianness } from "node:os";

/** What a frame carries. RFC 6455 §5.2. */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** First byte of a frame: the last of its message, or compressed (RFC 7692 §6). */
export const frameBits = { final: 0x80, compressed: 0x40, reserved: 0x30, opcode: 0x0f } as const;

/** Longest payload of a control frame. RFC 6455 §5.5. */
export const controlBytesMax = 125;

/**
 * The head of a frame, one character a byte: a short frame leaves as one string, which a socket writes faster than bytes.
 * `mask` as four bytes, the first of them lowest; undefined for none.
 */
export function frameHead(first: number, length: number, mask: number | undefined): string {
  const bit = mask === undefined ? 0 : 0x80;
  let head: string;
  if (length < 126) head = String.fromCharCode(first, bit | length);
  else if (length < 65_536) head = String.fromCharCode(first, bit | 126, length >>> 8, length & 255);
  else {
    const high = Math.floor(length / 0x1_0000_0000);
    head = String.fromCharCode(first, bit | 127) + wordText(high) + wordText(length >>> 0);
  }
  return mask === undefined ? head : head + String.fromCharCode(mask & 255, (mask >>> 8) & 255, (mask >>> 16) & 255, (mask >>> 24) & 255);
}

function wordText(word: number): string {
  return String.fromCharCode((word >>> 24) & 255, (word >>> 16) & 255, (word >>> 8) & 255, word & 255);
}

const wordsWorthBytes = 128;
const wordsFit = endianness() === "LE";

/**
 * Masks or unmasks `bytes` in place, from `from` up to `to`. The lowest byte of `mask` is for the byte at `from`.
 * Four bytes at a time where it pays. RFC 6455 §5.3.
 */
export function applyMask(bytes: Uint8Array, range: { readonly from: number; readonly to: number }, mask: number): void {
  let at = range.from;
  const { to } = range;
  let key = mask;
  if (wordsFit && to - at >= wordsWorthBytes) {
    for (; ((bytes.byteOffset + at) & 3) !== 0; at += 1) {
      bytes[at] = (bytes[at] as number) ^ (key & 255);
      key = turnedMask(key, 1);
    }
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, (to - at) >>> 2);
    for (let word = 0; word < words.length; word += 1) words[word] = (words[word] as number) ^ key;
    at += words.length * 4;
  }
  for (; at < to; at += 1) {
    bytes[at] = (bytes[at] as number) ^ (key & 255);
    key = (key >>> 8) | (key << 24);
  }
}

/** The mask for the byte that comes `count` bytes later. */
export function turnedMask(mask: number, count: number): number {
  const bits = (count & 3) * 8;
  return bits === 0 ? mask : (mask >>> bits) | (mask << (32 - bits));
}

const masks = new Int32Array(1024);
let masksLeft = 0;

/** A mask that nobody can foresee, as RFC 6455 §10.3 wants it. */
export function randomMask(): number {
  if (masksLeft === 0) {
    randomFillSync(masks);
    masksLeft = masks.length;
  }
  masksLeft -= 1;
  return masks[masksLeft] as number;
}
