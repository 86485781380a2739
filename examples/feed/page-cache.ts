import type { Clock } from "@weir/kit/clock";

/** A value that is kept for a while. */
interface Entry<T> {
  readonly value: T;
  readonly freshUntilMs: number;
}

/** Keeps what was loaded for a while, at most `entriesMax` values; the one that was loaded first goes first. */
export interface PageCache<T> {
  getOrLoad(key: string, load: () => T): T;
  readonly size: number;
}

/** Defaults: 10,000 values, 30 seconds each. */
export function createPageCache<T>(clock: Clock, options: { entriesMax?: number; freshMs?: number } = {}): PageCache<T> {
  const { entriesMax = 10_000, freshMs = 30_000 } = options;
  const entries = new Map<string, Entry<T>>();
  return {
    get size() {
      return entries.size;
    },
    getOrLoad(key, load) {
      const nowMs = clock.monotonicMs();
      const found = entries.get(key);
      if (found && found.freshUntilMs > nowMs) return found.value;
      const value = load();
      entries.delete(key);
      entries.set(key, { value, freshUntilMs: nowMs + freshMs });
      if (entries.size > entriesMax) entries.delete(entries.keys().next().value!);
      return value;
    },
  };
}
