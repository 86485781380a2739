import { randomFillSync } from "node:crypto";

/** Makes ids of hex digits for requests, traces and spans. */
export interface IdSource {
  /** 32 hex digits, never all zero. */
  traceId(): string;
  /** 16 hex digits, never all zero. */
  spanId(): string;
}

const poolBytes = 4096;
const zero = 48;
const zeros = /^0+$/;

/**
 * Ids cut from a pool of random bytes that is refilled when used up: the cost of one is that of cutting a string.
 * `fill` makes the random bytes; default the platform's generator.
 */
export function createIdSource(fill: (bytes: Uint8Array) => void = randomFillSync): IdSource {
  const bytes = Buffer.alloc(poolBytes);
  let digits = "";
  let at = 0;
  function take(length: number): string {
    if (at + length > digits.length) {
      fill(bytes);
      digits = bytes.toString("hex");
      at = 0;
    }
    const id = digits.slice(at, at + length);
    at += length;
    return id.charCodeAt(0) === zero && zeros.test(id) ? `${id.slice(1)}1` : id;
  }
  return { traceId: () => take(32), spanId: () => take(16) };
}
