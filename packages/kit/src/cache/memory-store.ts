import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { fault } from "../fault.ts";
import { approximateBytes } from "./approximate-bytes.ts";
import { cacheReasons } from "./reasons.ts";
import type { CacheEntry, CacheStore, Lease, StoreHolds } from "./store.ts";

/** Bounds of a store in the process. */
export interface MemoryStoreOptions<V> {
  /** Entries at most. Default 10,000. */
  readonly entriesMax?: number;
  /** Bytes at most, as `sizeOf` counts them. Default 64 MiB. */
  readonly bytesMax?: number;
  /** About how many bytes a value takes, its key and entry not included. Default `approximateBytes`, which looks at all of it. */
  readonly sizeOf?: (value: V, key: string) => number;
  readonly clock?: Clock;
}

/** An entry among its neighbours in the order of use. */
interface Kept<V> {
  readonly key: string;
  entry: CacheEntry<V>;
  bytes: number;
  newer: Kept<V> | undefined;
  older: Kept<V> | undefined;
}

/** Of the entry itself, its place in the order and in the map. */
const entryBytes = 200;

/**
 * Keeps entries in this process, those used last the longest. What is put in is what comes out, not a copy: values are not to be
 * changed. An entry that is larger than `bytesMax` is not kept. Throws CACHE_OPTION_INVALID.
 */
export function createMemoryStore<V>(options: MemoryStoreOptions<V> = {}): CacheStore<V> {
  const { entriesMax = 10_000, bytesMax = 64 * 1024 * 1024 } = options;
  for (const [name, value] of Object.entries({ entriesMax, bytesMax })) {
    if (!(value >= 1)) throw fault(cacheReasons.CACHE_OPTION_INVALID, `Expected ${name} to be at least 1, found ${value}.`);
  }
  return new MemoryStore({ sizeOf: approximateBytes, clock: systemClock, ...options, entriesMax, bytesMax });
}

/**
 * A Map to find entries, and a list of them in the order of use. The Map alone has an order too, but finding its first entry takes a
 * walk over all that were removed before.
 */
class MemoryStore<V> implements CacheStore<V> {
  readonly #options: Required<MemoryStoreOptions<V>>;
  readonly #kept = new Map<string, Kept<V>>();
  /** Who loads; a cache ends each of its leases. */
  readonly #leases = new Map<string, { readonly untilMs: number }>();
  #newest: Kept<V> | undefined;
  #oldest: Kept<V> | undefined;
  #bytes = 0;
  #evictions = 0;

  constructor(options: Required<MemoryStoreOptions<V>>) {
    this.#options = options;
  }

  get holds(): StoreHolds {
    return { entries: this.#kept.size, bytes: this.#bytes, evictions: this.#evictions };
  }

  get(key: string): CacheEntry<V> | undefined {
    const found = this.#kept.get(key);
    if (!found) return undefined;
    if (found.entry.keptUntilMs <= this.#options.clock.nowMs()) {
      this.#remove(found);
      return undefined;
    }
    if (found !== this.#newest) {
      this.#unlink(found);
      this.#link(found);
    }
    return found.entry;
  }

  set(key: string, entry: CacheEntry<V>): void {
    const { entriesMax, bytesMax, sizeOf } = this.#options;
    this.drop(key);
    const bytes = entryBytes + 2 * key.length + (entry.value === undefined ? 0 : sizeOf(entry.value, key));
    // What has no size cannot be bounded.
    if (!(bytes <= bytesMax)) return;
    const kept: Kept<V> = { key, entry, bytes, newer: undefined, older: undefined };
    this.#kept.set(key, kept);
    this.#link(kept);
    this.#bytes += bytes;
    while (this.#oldest && (this.#kept.size > entriesMax || this.#bytes > bytesMax)) {
      this.#remove(this.#oldest);
      this.#evictions += 1;
    }
  }

  drop(key: string): void {
    this.#leases.delete(key);
    const found = this.#kept.get(key);
    if (found) this.#remove(found);
  }

  lease(key: string, durationMs: number): Lease<V> | undefined {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    if ((this.#leases.get(key)?.untilMs ?? -Infinity) > nowMs) return undefined;
    const own = { untilMs: nowMs + durationMs };
    this.#leases.set(key, own);
    const isOurs = (): boolean => this.#leases.get(key) === own;
    return {
      keep: (entry) => {
        // Setting ends the lease.
        if (isOurs()) this.set(key, entry);
      },
      end: () => {
        if (isOurs()) this.#leases.delete(key);
      },
    };
  }

  #remove(one: Kept<V>): void {
    this.#kept.delete(one.key);
    this.#bytes -= one.bytes;
    this.#unlink(one);
  }

  #unlink(one: Kept<V>): void {
    if (one.newer) one.newer.older = one.older;
    else this.#newest = one.older;
    if (one.older) one.older.newer = one.newer;
    else this.#oldest = one.newer;
  }

  #link(one: Kept<V>): void {
    one.newer = undefined;
    one.older = this.#newest;
    if (this.#newest) this.#newest.newer = one;
    else this.#oldest = one;
    this.#newest = one;
  }
}
