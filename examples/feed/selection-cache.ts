import type { Call } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import type { Layer } from "@weir/kit/service";
import { BoundedMap } from "./bounded-map.ts";
import type { FeedCounts } from "./feed-counts.ts";
import type { Selection, SelectionRequest } from "./selection.ts";

/** How long a selection is shown to its user before it is made anew. */
export const freshMs = 5000;

interface Entry {
  readonly selection: Promise<Selection>;
  readonly freshUntilMs: number;
}

/** Keeps the latest selection of each user for 5 seconds, of 10,000 users at most. */
export class SelectionCache {
  readonly #entries = new BoundedMap<Entry>(10_000);
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is kept for a user and still fresh. It may be on its way: who asks meanwhile waits for the same. */
  get(userId: string): Promise<Selection> | undefined {
    const found = this.#entries.get(userId);
    return found && found.freshUntilMs > this.#clock.monotonicMs() ? found.selection : undefined;
  }

  /** Keeps a selection and answers it; one that fails is forgotten. */
  keep(userId: string, selection: Promise<Selection>): Promise<Selection> {
    const entry = { selection, freshUntilMs: this.#clock.monotonicMs() + freshMs };
    this.#entries.set(userId, entry);
    selection.catch(() => {
      if (this.#entries.get(userId) === entry) this.#entries.delete(userId);
    });
    return selection;
  }

  /** Forgets what is kept for a user; one on its way is not kept either. */
  drop(userId: string): void {
    this.#entries.delete(userId);
  }
}

/**
 * A Layer that answers from the cache. A walk that began before the user's last watch is answered by the Service below
 * and not kept; one that began after a watch that this cache has not heard of makes it ask anew.
 */
export function cached(cache: SelectionCache, counts: FeedCounts): Layer<SelectionRequest, Selection> {
  return (next) => {
    const load = (userId: string, call: Call): Promise<Selection> => {
      counts.misses.add();
      return cache.keep(userId, next({ userId, watches: undefined }, call));
    };
    const walk = async ({ userId, watches }: { userId: string; watches: number }, call: Call): Promise<Selection> => {
      const kept = cache.get(userId);
      let selection = await (kept ?? load(userId, call));
      if (kept && selection.watches < watches) selection = await load(userId, call);
      else if (kept) counts.hits.add();
      return selection.watches === watches ? selection : next({ userId, watches }, call);
    };
    return ({ userId, watches }, call) => {
      if (watches !== undefined) return walk({ userId, watches }, call);
      const kept = cache.get(userId);
      if (!kept) return load(userId, call);
      counts.hits.add();
      return kept;
    };
  };
}
