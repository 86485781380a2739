import { fault } from "../fault.ts";
import type { Cache, CacheOptions } from "./cache-options.ts";
import { LoadingCache } from "./loading-cache.ts";
import { cacheReasons } from "./reasons.ts";

export type { Cache, CacheOptions, CacheStatus } from "./cache-options.ts";

/** A cache over a store. Throws CACHE_OPTION_INVALID. */
export function createCache<V>(options: CacheOptions<V>): Cache<V> {
  const { ttlMs, ttlJitter = 0.1, absentMs = ttlMs / 10, staleMs = 0 } = options;
  const { loadTimeoutMs = 10_000, loadsMax = 10_000, storeTimeoutMs = 100 } = options;
  for (const [name, value] of Object.entries({ ttlMs, loadTimeoutMs, storeTimeoutMs })) expect(name, value, value > 0);
  for (const [name, value] of Object.entries({ absentMs, staleMs })) expect(name, value, value >= 0);
  expect("ttlJitter", ttlJitter, ttlJitter >= 0 && ttlJitter <= 1);
  expect("loadsMax", loadsMax, loadsMax >= 1);
  return new LoadingCache({ ...options, ttlJitter, absentMs, staleMs, loadTimeoutMs, loadsMax, storeTimeoutMs });
}

function expect(name: string, value: number, isFine: boolean): void {
  if (!isFine || !Number.isFinite(value))
    throw fault(cacheReasons.CACHE_OPTION_INVALID, `Expected ${name} within its range, found ${value}.`);
}
