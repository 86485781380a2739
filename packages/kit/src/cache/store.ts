/** What a cache keeps under a key. Times are wall times in milliseconds since 1970, because processes share them. */
export interface CacheEntry<V> {
  /** Undefined when it is known that there is nothing under the key. */
  readonly value: V | undefined;
  /** Until then it is answered as it is. */
  readonly freshUntilMs: number;
  /** Until then it is better than nothing: answered while it is loaded anew, and when that fails. */
  readonly keptUntilMs: number;
}

/** Lets others load again; without it that happens when the lease's time is over. */
export type EndLease = () => void | Promise<void>;

/**
 * Where a cache keeps its entries: `createMemoryStore` in the process, `createRedisStore` for many. A store may forget at any time.
 * Answers come at once or as promises; a rejection means that the store is away, which a cache survives.
 */
export interface CacheStore<V> {
  get(key: string): CacheEntry<V> | undefined | Promise<CacheEntry<V> | undefined>;
  set(key: string, entry: CacheEntry<V>): void | Promise<void>;
  drop(key: string): void | Promise<void>;
  /** The right to load a key, for one process at a time and at most so long; undefined when another has it. */
  lease(key: string, durationMs: number): EndLease | undefined | Promise<EndLease | undefined>;
  /** How much it holds, where that is known. */
  readonly holds?: { readonly entries: number; readonly bytes: number; readonly evictions: number };
}
