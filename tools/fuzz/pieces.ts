import type { Random } from "@weir/wire/testing/fuzz-targets";

const cutsMax = 1000;

/**
 * The ways in which an input is tried beside whole: byte by byte, that is cut at every boundary at once; and in random pieces,
 * or, when `isCutEverywhere`, cut in two at every boundary by itself.
 */
export function* waysOf(bytes: Uint8Array, random: Random, isCutEverywhere: boolean): Generator<Uint8Array[]> {
  yield octets(bytes);
  if (isCutEverywhere) yield* everyCut(bytes);
  else yield randomPieces(bytes, random);
}

/** Every way that a finding is tried in: byte by byte, and cut in two at every place. */
export function* allWays(bytes: Uint8Array): Generator<Uint8Array[]> {
  yield octets(bytes);
  yield* everyCut(bytes);
}

/** Bytes cut into pieces of random lengths, half of them short. */
function randomPieces(bytes: Uint8Array, random: Random): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + random(random(2) === 0 ? 4 : bytes.length);
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}

/** One byte a piece. */
function octets(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
}

/** Every way to cut bytes in two; of more than 1,000 bytes, which no target makes, at most 1,000 ways, spread evenly. */
function* everyCut(bytes: Uint8Array): Generator<Uint8Array[]> {
  const step = Math.max(1, Math.ceil(bytes.length / cutsMax));
  for (let at = 1; at < bytes.length; at += step) yield [bytes.subarray(0, at), bytes.subarray(at)];
}
