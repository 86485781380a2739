import type { Fault } from "../fault.ts";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import { scratchInt64, scratchUint64 } from "./binary-words.ts";
import { foundIn } from "./json.ts";

/** How many bytes a length of up to 32 bits takes. */
export function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}

/** Puts text of less than 128 characters behind its length; false, and nothing of worth, when it is not all ASCII. */
export function putAscii(buffer: Uint8Array, at: number, text: string): boolean {
  const { length } = text;
  buffer[at] = length;
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return false;
    buffer[at + 1 + index] = code;
  }
  return true;
}

/** Takes an `int64` apart into the scratch words. */
export function splitInt64(tag: number, value: bigint): void {
  if (typeof value !== "bigint") throw invalidValue(tag, "a 64-bit integer as bigint", foundIn(value));
  scratchInt64[0] = value;
  if (scratchInt64[0] !== value) throw invalidValue(tag, "a 64-bit integer", `${value}`.slice(0, 40));
}

/** Takes a `uint64` apart into the scratch words. */
export function splitUint64(tag: number, value: bigint): void {
  if (typeof value !== "bigint") throw invalidValue(tag, "an unsigned 64-bit integer as bigint", foundIn(value));
  scratchUint64[0] = value;
  if (scratchUint64[0] !== value) throw invalidValue(tag, "an unsigned 64-bit integer", `${value}`.slice(0, 40));
}

/** The Fault for a value that a field cannot have; tag 0 for an item of a packed list. */
export function invalidValue(tag: number, expected: string, found: string): Fault {
  const field = tag === 0 ? "item" : `field ${tag >>> 3}`;
  return fault(kitReasons.MESSAGE_INVALID, `Message ${field}: expected ${expected}, found ${found}`);
}
