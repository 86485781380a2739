import { turn } from "../turns.ts";

/** A whole number from 0 to below its argument. */
export type Random = (below: number) => number;

/** A parser with everything that a fuzzer needs of it. No sockets, no time: the same pieces always give the same outcome. */
export interface FuzzTarget {
  readonly name: string;
  /** An input: something well formed, mostly, that was then broken. */
  make(random: Random): Uint8Array;
  /**
   * What the parser makes of these pieces, as text that must not depend on how the bytes are cut. Rejects when something happens
   * that no bytes may bring about: a throw, a promise that stays pending, something left in flight.
   */
  outcome(pieces: readonly Uint8Array[]): Promise<string>;
}

/** Numbers from a seed (mulberry32): small, and good enough to choose mutations. */
export function randomFrom(seed: number): Random {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** One of a list. */
export function oneOf<T>(random: Random, list: readonly T[]): T {
  return list[random(list.length)] as T;
}

/** Breaks bytes in up to three places: bits, bytes, runs and numbers change, pieces are doubled, moved, left out or put in. */
export function brokenBytes(random: Random, bytes: Uint8Array): Uint8Array {
  let broken: Buffer = Buffer.from(bytes);
  for (let count = random(4); count > 0 && broken.length > 0; count -= 1) {
    const at = random(broken.length);
    const end = Math.min(broken.length, at + 1 + random(random(2) === 0 ? 4 : 40));
    const before = broken.subarray(0, at);
    const run = broken.subarray(at, end);
    const after = broken.subarray(end);
    const kind = random(7);
    if (kind === 0) broken[at] = (broken[at] as number) ^ (1 << random(8));
    else if (kind === 1) broken[at] = random(256);
    else if (kind === 2) broken[at] = oneOf(random, [0, 1, 0x7f, 0x80, 0xff]);
    else if (kind === 3) broken = Buffer.concat([before, after]);
    else if (kind === 4) broken = Buffer.concat([before, run, run, after]);
    else if (kind === 5)
      broken = Buffer.concat([before, Buffer.from(Array.from({ length: 1 + random(4) }, () => random(256))), broken.subarray(at)]);
    else broken = Buffer.concat([after, before, run]);
  }
  return broken;
}

const settleMs = 5000;
const settleTurns = 1000;

/**
 * Lets everything that is ready run, until `condition` holds; inflating happens on another thread. Throws when it does not for
 * five seconds and 1,000 turns of the event loop, of which a busy machine may grant few in that time: something hangs.
 */
export async function settled(condition: () => boolean, what: string): Promise<void> {
  const untilMs = performance.now() + settleMs;
  for (let turns = 0; !condition(); turns += 1) {
    if (turns > settleTurns && performance.now() > untilMs) throw new Error(`expected ${what}, found it pending after ${settleMs} ms`);
    await turn();
  }
}
