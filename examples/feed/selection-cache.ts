import type { Cache } from "@weir/kit/cache";
import type { Caches } from "@weir/kit/cache/caches";
import { createMemoryStore } from "@weir/kit/cache/memory-store";
import type { Clock } from "@weir/kit/clock";
import type { Service } from "@weir/kit/service";
import type { Selection, SelectionRequest } from "./selection.ts";

/** How long a selection is shown to its user before it is made anew. */
export const freshMs = 5000;

/** What a selection is kept with. */
export interface SelectionCacheOptions {
  readonly caches: Caches;
  readonly clock: Clock;
  /** Makes what is not kept. */
  readonly select: Service<SelectionRequest, Selection>;
}

/** Keeps the latest selection of each user for 5 seconds, of 10,000 users at most. */
export function createSelectionCache({ caches, clock, select }: SelectionCacheOptions): Cache<Selection> {
  return caches.create<Selection>({
    name: "selections",
    store: createMemoryStore({ entriesMax: 10_000, bytesMax: 128 << 20, sizeOf: bytesOf, clock }),
    load: (userId, call) => select({ userId, watches: undefined }, call),
    ttlMs: freshMs,
    // Each user comes at a time of its own, and other instances' watches are to be heeded in time.
    ttlJitter: 0,
  });
}

/**
 * Selections by way of the cache. A walk that began before the user's last watch is answered by `select` and not kept; one that began
 * after a watch that this cache has not heard of makes it ask anew.
 */
export function kept(cache: Cache<Selection>, select: Service<SelectionRequest, Selection>): Service<SelectionRequest, Selection> {
  // The load always answers one.
  const latest = cache.get.bind(cache) as Service<string, Selection>;
  return async (request, call) => {
    const { userId, watches } = request;
    let selection = await latest(userId, call);
    if (watches === undefined || selection.watches === watches) return selection;
    if (selection.watches < watches) {
      await cache.drop(userId);
      selection = await latest(userId, call);
    }
    return selection.watches === watches ? selection : select(request, call);
  };
}

/** Three arrays of numbers, and a few that are gone. */
function bytesOf({ candidates, gone }: Selection): number {
  return 500 + 24 * candidates.films.length + 40 * gone.size;
}
