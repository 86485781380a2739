import type { Duration, FieldMask, Timestamp } from "./well-known.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes as a rule has them: one character for each. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Whether two hold the same bytes. */
export function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && holdsAt(a, b, 0);
}

/** Whether `bytes` begins with `part`. */
export function beginsWith(bytes: Uint8Array, part: Uint8Array): boolean {
  return bytes.length >= part.length && holdsAt(bytes, part, 0);
}

/** Whether `bytes` ends with `part`. */
export function finishesWith(bytes: Uint8Array, part: Uint8Array): boolean {
  return bytes.length >= part.length && holdsAt(bytes, part, bytes.length - part.length);
}

/** Whether `part` stands somewhere in `bytes`. */
export function holdsBytes(bytes: Uint8Array, part: Uint8Array): boolean {
  for (let at = 0; at + part.length <= bytes.length; at++) if (holdsAt(bytes, part, at)) return true;
  return false;
}

/** Whether bytes are UTF-8 that a pattern matches. */
export function matchesBytes(bytes: Uint8Array, pattern: RegExp): boolean {
  try {
    return pattern.test(decoder.decode(bytes));
  } catch {
    return false;
  }
}

function holdsAt(bytes: Uint8Array, part: Uint8Array, at: number): boolean {
  for (let index = 0; index < part.length; index++) if (bytes[at + index] !== part[index]) return false;
  return true;
}

/** Whether no two items are equal. NaN equals nothing, bytes are equal by what they hold. */
export function isUnique(items: readonly (string | number | bigint | boolean | Uint8Array)[]): boolean {
  const seen = new Set<unknown>();
  for (const item of items) {
    if (item !== item) continue;
    const key = item instanceof Uint8Array ? String.fromCharCode(...item.subarray(0, 1024)) + item.subarray(1024).join() : item;
    if (seen.has(key)) return false;
    seen.add(key);
  }
  return true;
}

/** Whether a map has as many entries as wanted. */
export function entriesIn(map: Readonly<Record<string, unknown>>): number {
  return Object.keys(map).length;
}

/** A span or a time in nanoseconds. */
export function nanosOf({ seconds, nanos }: Duration | Timestamp): bigint {
  return seconds * 1_000_000_000n + BigInt(nanos);
}

/** Whether every path is one of those given, or lies below one. */
export function holdsPaths({ paths }: FieldMask, given: readonly string[]): boolean {
  return paths.every((path) => given.some((one) => path === one || path.startsWith(`${one}.`)));
}

/** Whether a path is one of those given, or lies below one. */
export function holdsSomePath({ paths }: FieldMask, given: readonly string[]): boolean {
  return paths.some((path) => given.some((one) => path === one || path.startsWith(`${one}.`)));
}

/** Whether two masks have the same paths in the same order. */
export function isSamePaths({ paths }: FieldMask, given: readonly string[]): boolean {
  return paths.length === given.length && paths.every((path, index) => path === given[index]);
}
