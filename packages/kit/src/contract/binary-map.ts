import { messageInvalid } from "./json.ts";

const integer = /^(?:0|-?[1-9]\d{0,19})$/;

/** The key of a map with 32-bit integer keys, whose range the writer checks. Throws MESSAGE_INVALID for other text. */
export function numberOfKey(key: string): number {
  if (integer.test(key)) return Number(key);
  throw messageInvalid("an integer as key", key);
}

/** The key of a map with 64-bit integer keys, whose range the writer checks. Throws MESSAGE_INVALID for other text. */
export function bigintOfKey(key: string): bigint {
  if (integer.test(key)) return BigInt(key);
  throw messageInvalid("an integer as key", key);
}

/** The key of a map with bool keys. Throws MESSAGE_INVALID for other text. */
export function boolOfKey(key: string): boolean {
  if (key === "true" || key === "false") return key === "true";
  throw messageInvalid(`"true" or "false" as key`, key);
}
