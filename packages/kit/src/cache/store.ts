/** What a cache keeps under a key. Times are wall times in milliseconds since 1970, because processes share them. */
export interface CacheEntry<V> {
  /** Undefined when it is known that there is nothing under the key. */
  readonly value: V | undefined;
  /** Until then it is answered as it is. */
  readonly freshUntilMs: number;
  /** Until then it is better than nothing: answered while it is loaded anew, and when that fails. */
  readonly keptUntilMs: number;
}

/** The right to load a key, which one process has at a time. */
export interface Lease<V> {
  /** Keeps what was loaded and ends the lease, in one step; keeps nothing when the key was set or dropped since, or the lease was lost. */
  keep(entry: CacheEntry<V>): void | Promise<void>;
  /** Lets others load. Whoever is gone without it lets them when the lease runs out. */
  end(): void | Promise<void>;
}

/** How much a store holds, where that is known. */
export interface StoreHolds {
  readonly entries: number;
  readonly bytes: number;
  /** Entries given up for want of room, since the beginning. */
  readonly evictions: number;
}

/**
 * Where a cache keeps its entries: `createMemoryStore` in the process, `createRedisStore` for many. A store may forget at any time.
 * Answers come at once or as promises. A rejection means that the store, or its part that has this key, is away, or with
 * CACHE_STORE_READ_ONLY that it takes no writes now; a cache survives both.
 */
export interface CacheStore<V> {
  get(key: string): CacheEntry<V> | undefined | Promise<CacheEntry<V> | undefined>;
  /** Whoever is loading the key has then lost the lease. */
  set(key: string, entry: CacheEntry<V>): void | Promise<void>;
  /** The same. */
  drop(key: string): void | Promise<void>;
  /** The right to load a key, at most so long; undefined when another has it. */
  lease(key: string, durationMs: number): Lease<V> | undefined | Promise<Lease<V> | undefined>;
  /** The part of the store that has the key, by a name of its own. When one fails the others go on. Default: there is one part. */
  partOf?(key: string): string;
  readonly holds?: StoreHolds;
  /** For operators: what JSON can say of its connections. No secrets. */
  readonly state?: unknown;
}
