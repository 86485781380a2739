import type { Call } from "../call.ts";
import type { Clock } from "../clock.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { CacheStore, StoreHolds } from "./store.ts";

/** How a cache behaves. Durations in milliseconds. */
export interface CacheOptions<V> {
  /** For metrics and the admin page. */
  readonly name: string;
  readonly store: CacheStore<V>;
  /**
   * Fetches what the cache does not have; undefined when there is nothing. Its call has a deadline of its own, and the trace and log of
   * whoever asked first.
   */
  readonly load: (key: string, call: Call) => Promise<V | undefined>;
  /** How long a value is fresh. */
  readonly ttlMs: number;
  /** By how much of it that differs from entry to entry, so that they don't all expire at once: 0 to 1. Default 0.1. */
  readonly ttlJitter?: number;
  /** How long it is remembered that there is nothing, with the same jitter; 0 for not at all. Default a tenth of `ttlMs`. */
  readonly absentMs?: number;
  /** How long past that an old value is answered while a new one is loaded, or cannot be. Default 0. */
  readonly staleMs?: number;
  /** Time for one load. Default 10,000. */
  readonly loadTimeoutMs?: number;
  /** Keys that are loaded at a time at most; further ones are refused with CACHE_LOADS_FULL. Default 10,000. */
  readonly loadsMax?: number;
  /** Time for one operation of the store; one that fails is left alone for about a second. Default 100. */
  readonly storeTimeoutMs?: number;
  /** Where the cache counts: an app's `metrics`. */
  readonly metrics: Metrics;
  readonly clock?: Clock;
}

/** Values by key, loaded when they are asked for. */
export interface Cache<V> {
  readonly name: string;
  /**
   * The value, from the store or loaded; undefined when there is none. A key is loaded once at a time, however many ask. Rejects as the
   * load does when there is no old value either, and when the call ends first (the load goes on for the others).
   */
  get(key: string, call: Call): Promise<V | undefined>;
  /** Puts a value in, as if it had been loaded now. What is being loaded for the key, here or elsewhere, is not kept. */
  set(key: string, value: V): Promise<void>;
  /** Forgets a key. What is being loaded for it, here or elsewhere, is answered to those who wait, and not kept. */
  drop(key: string): Promise<void>;
  /** How it does, for operators. */
  readonly status: CacheStatus;
}

/** How a cache does, since its process began. */
export interface CacheStatus {
  readonly name: string;
  readonly requests: Readonly<Record<"hit" | "stale" | "absent" | "miss", number>>;
  /** Share of requests that needed no load, 0 to 1; 0 without requests. */
  readonly hitRate: number;
  readonly loads: { readonly underWay: number; readonly done: number; readonly failed: number; readonly meanMs: number };
  /** Undefined where the store does not know. */
  readonly holds: StoreHolds | undefined;
  /** By the part of the store: what is left alone for now, and why. Empty when all is well. */
  readonly troubles: Readonly<Record<string, "away" | "read_only">>;
  /** What the store says of its connections. */
  readonly store: unknown;
}
