import type { Random } from "@weir/wire/testing/fuzz-targets";

const cutsMax = 400;

/** Bytes cut into pieces of random lengths, half of them short. */
export function randomPieces(bytes: Uint8Array, random: Random): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + random(random(2) === 0 ? 4 : bytes.length);
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}

/** One byte a piece. */
export function octets(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte));
}

/** Every way to cut bytes in two; of very long ones 400 ways, spread evenly. */
export function* everyCut(bytes: Uint8Array): Generator<Uint8Array[]> {
  const step = Math.max(1, Math.ceil(bytes.length / cutsMax));
  for (let at = 1; at < bytes.length; at += step) yield [bytes.subarray(0, at), bytes.subarray(at)];
}
