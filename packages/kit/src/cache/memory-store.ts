import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { fault } from "../fault.ts";
import { cacheReasons } from "./reasons.ts";
import type { CacheEntry, CacheStore } from "./store.ts";

/** Bounds of a store in the process. */
export interface MemoryStoreOptions<V> {
  /** Entries at most. Default 10,000. */
  readonly entriesMax?: number;
  /** Bytes at most, as `sizeOf` counts them. Default unbounded. */
  readonly bytesMax?: number;
  /** About how many bytes a value takes. Default: none are counted. */
  readonly sizeOf?: (value: V, key: string) => number;
  readonly clock?: Clock;
}

interface Kept<V> {
  readonly entry: CacheEntry<V>;
  readonly bytes: number;
}

const nothing = (): void => undefined;

/**
 * Keeps entries in this process, those used last the longest. What is put in is what comes out, not a copy: values are not to be
 * changed. An entry that is larger than `bytesMax` is not kept. Throws CACHE_OPTION_INVALID.
 */
export function createMemoryStore<V>(options: MemoryStoreOptions<V> = {}): CacheStore<V> {
  const { entriesMax = 10_000, bytesMax = Infinity, sizeOf, clock = systemClock } = options;
  for (const [name, value] of Object.entries({ entriesMax, bytesMax })) {
    if (!(value >= 1)) throw fault(cacheReasons.CACHE_OPTION_INVALID, `Expected ${name} to be at least 1, found ${value}.`);
  }
  // A Map gives its keys in the order in which they came: what is used is taken out and put in again behind all others.
  const kept = new Map<string, Kept<V>>();
  let bytes = 0;
  let evictions = 0;

  function remove(key: string): void {
    const found = kept.get(key);
    if (found && kept.delete(key)) bytes -= found.bytes;
  }

  return {
    get holds() {
      return { entries: kept.size, bytes, evictions };
    },
    get(key) {
      const found = kept.get(key);
      if (!found) return undefined;
      if (found.entry.keptUntilMs <= clock.nowMs()) {
        remove(key);
        return undefined;
      }
      kept.delete(key);
      kept.set(key, found);
      return found.entry;
    },
    set(key, entry) {
      remove(key);
      const size = entry.value === undefined || !sizeOf ? 0 : sizeOf(entry.value, key);
      if (size > bytesMax) return;
      kept.set(key, { entry, bytes: size });
      bytes += size;
      for (const oldest of kept.keys()) {
        if (kept.size <= entriesMax && bytes <= bytesMax) break;
        remove(oldest);
        evictions += 1;
      }
    },
    drop: remove,
    // Within a process the cache itself sees to it that one key is loaded once.
    lease: () => nothing,
  };
}
