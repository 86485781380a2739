import { isUtf8 } from "node:buffer";

/**
 * Where a text stands between two pieces of it: 0 after a whole character, else which bytes may follow. RFC 3629 §4.
 * Text is checked as it comes, so that a bad byte ends the connection at once and not when its message is whole.
 */
export type Utf8State = number;

/** After a whole character: a text may begin or end here. */
export const utf8Whole: Utf8State = 0;
/** What came is no UTF-8, whatever may follow. */
export const utf8Broken: Utf8State = 1;

// By state: least and greatest byte that may come, and the state after it. 2, 3, 4: one, two, three more of any kind;
// 5 to 8: after E0, ED, F0 and F4, where overlong forms, surrogates and characters past 10FFFF are shut out.
const least = [0, 0, 0x80, 0x80, 0x80, 0xa0, 0x80, 0x90, 0x80] as const;
const greatest = [0, 0, 0xbf, 0xbf, 0xbf, 0xbf, 0x9f, 0xbf, 0x8f] as const;
const following = [0, 1, 0, 2, 3, 2, 2, 3, 3] as const;

const nativeWorthBytes = 64;

/** The state after bytes `from` up to `to`. */
export function utf8After(state: Utf8State, bytes: Uint8Array, range: { readonly from: number; readonly to: number }): Utf8State {
  const { to } = range;
  let at = range.from;
  let now = state;
  while (at < to && now > utf8Broken) now = after(now, bytes[at++] as number);
  if (now === utf8Whole && to - at >= nativeWorthBytes) {
    const end = lastWhole(bytes, to);
    if (!isUtf8(bytes.subarray(at, end))) return utf8Broken;
    at = end;
  }
  while (at < to && now !== utf8Broken) now = after(now, bytes[at++] as number);
  return now;
}

/** Whether bytes `from` up to `to` are a whole text. */
export function isText(bytes: Uint8Array, from: number, to: number): boolean {
  return utf8After(utf8Whole, bytes, { from, to }) === utf8Whole;
}

function after(state: Utf8State, byte: number): Utf8State {
  if (state !== utf8Whole) {
    return byte >= (least[state] as number) && byte <= (greatest[state] as number) ? (following[state] as number) : utf8Broken;
  }
  if (byte < 0x80) return 0;
  if (byte < 0xc2) return utf8Broken;
  if (byte < 0xe0) return 2;
  if (byte < 0xf0) return byte === 0xe0 ? 5 : byte === 0xed ? 6 : 3;
  if (byte < 0xf5) return byte === 0xf0 ? 7 : byte === 0xf4 ? 8 : 4;
  return utf8Broken;
}

/** Where the character begins that may go on after `to`; `to` when none does. */
function lastWhole(bytes: Uint8Array, to: number): number {
  for (let back = 1; back <= 3; back += 1) {
    const byte = bytes[to - back] as number;
    if (byte < 0x80) return to;
    if (byte >= 0xc0) return to - back;
  }
  return to;
}
