/** Tells a report that came twice. */
export interface Sequences {
  /** Whether this number of this source is new; then it is remembered. Numbers too old to tell count as known. */
  isNew(source: string, sequence: bigint): boolean;
}

const windowSize = 64n;
const sourcesMax = 2000;

interface Window {
  highest: bigint;
  /** Bit n stands for `highest - n`. */
  seen: bigint;
}

/** Remembers the last 64 numbers of each source, of 2000 sources; the one heard longest ago is forgotten first. */
export function createSequences(): Sequences {
  const windows = new Map<string, Window>();
  return {
    isNew(source, sequence) {
      const window = windows.get(source) ?? { highest: sequence - 1n, seen: 0n };
      windows.delete(source);
      windows.set(source, window);
      if (windows.size > sourcesMax) windows.delete(windows.keys().next().value ?? "");
      return take(window, sequence);
    },
  };
}

function take(window: Window, sequence: bigint): boolean {
  const ahead = sequence - window.highest;
  if (ahead > 0n) {
    window.seen = ahead >= windowSize ? 1n : BigInt.asUintN(Number(windowSize), (window.seen << ahead) | 1n);
    window.highest = sequence;
    return true;
  }
  const bit = 1n << -ahead;
  if (-ahead >= windowSize || (window.seen & bit) !== 0n) return false;
  window.seen |= bit;
  return true;
}
