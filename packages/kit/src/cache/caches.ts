import type { AdminPage, AdminPages } from "../app/admin-pages.ts";
import type { Clock } from "../clock.ts";
import { fault } from "../fault.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Cache, CacheOptions } from "./cache.ts";
import { createCache } from "./cache.ts";
import { cacheReasons } from "./reasons.ts";

/** What the caches of a process share; an app is one. */
export interface CachesOptions {
  readonly metrics: Metrics;
  readonly admin: Pick<AdminPages, "add">;
  readonly clock?: Clock;
}

/** Makes the caches of a process, and shows them on its admin port. */
export interface Caches {
  /** As `createCache`. Throws CACHE_OPTION_INVALID, also for a name that another one has. */
  create<V>(options: Omit<CacheOptions<V>, "metrics" | "clock">): Cache<V>;
  /** All of them, in the order of making. */
  readonly all: readonly Cache<unknown>[];
}

/**
 * The caches of an app: counted on its `/metrics`, and shown on `/caches` of its admin port, where an operator may drop a key.
 * Throws ADMIN_PAGE_TAKEN when the app has them already. What is counted and shown stands in docs/cache.md.
 * @example const films = createCaches(app).create({ name: "films", store: createMemoryStore(), load: readFilm, ttlMs: 60_000 });
 */
export function createCaches({ metrics, admin, clock }: CachesOptions): Caches {
  const all: Cache<unknown>[] = [];
  admin.add("/caches", cachesPage(all));
  return {
    all,
    create(options) {
      if (all.some(({ name }) => name === options.name))
        throw fault(cacheReasons.CACHE_OPTION_INVALID, `Expected a cache of another name, found a second "${options.name}".`);
      const cache = createCache({ ...options, metrics, ...(clock && { clock }) });
      all.push(cache as Cache<unknown>);
      return cache;
    },
  };
}

/** GET: how each does, or the one that `?cache=` names. POST `{"cache":"films","drop":"42"}`: drops a key, everywhere it is shared. */
function cachesPage(all: readonly Cache<unknown>[]): AdminPage {
  const named = (name: unknown): Cache<unknown> => {
    const found = all.find((cache) => cache.name === name);
    if (found) return found;
    const names = all.map((cache) => cache.name).join(", ");
    throw fault(
      cacheReasons.CACHE_CHANGE_INVALID,
      `Expected the name of a cache (${names}), found ${JSON.stringify(name)?.slice(0, 100)}.`,
    );
  };
  return {
    show(query) {
      const name = query.get("cache");
      return { caches: (name === null ? all : [named(name)]).map(({ status }) => status) };
    },
    async change(value) {
      const { cache: name, drop: key } = (value ?? {}) as { readonly cache?: unknown; readonly drop?: unknown };
      const cache = named(name);
      if (typeof key !== "string") throw fault(cacheReasons.CACHE_CHANGE_INVALID, 'Expected {"cache": name, "drop": key}, found no key.');
      await cache.drop(key);
      return { cache: name, dropped: key };
    },
  };
}
