import { Call } from "../call.ts";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { fault, faultFrom } from "../fault.ts";
import { answerUntilEnded } from "../rpc/until-ended.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { CacheMetrics } from "./cache-metrics.ts";
import { createCacheMetrics } from "./cache-metrics.ts";
import { cacheReasons } from "./reasons.ts";
import type { CacheEntry, CacheStore, EndLease } from "./store.ts";

/** How a cache behaves. Durations in milliseconds. */
export interface CacheOptions<V> {
  /** For metrics. */
  readonly name: string;
  readonly store: CacheStore<V>;
  /** Fetches what the cache does not have; undefined when there is nothing. Its call has a deadline of its own. */
  readonly load: (key: string, call: Call) => Promise<V | undefined>;
  /** How long a value is fresh. */
  readonly ttlMs: number;
  /** By how much of it that differs from entry to entry, so that they don't all expire at once: 0 to 1. Default 0.1. */
  readonly ttlJitter?: number;
  /** How long it is remembered that there is nothing; 0 for not at all. Default a tenth of `ttlMs`. */
  readonly absentMs?: number;
  /** How long past that an old value is answered while a new one is loaded, or cannot be. Default 0. */
  readonly staleMs?: number;
  /** Time for one load. Default 10,000. */
  readonly loadTimeoutMs?: number;
  /** Time for one operation of the store; a store that fails is left alone for about a second. Default 100. */
  readonly storeTimeoutMs?: number;
  readonly metrics?: Metrics;
  readonly clock?: Clock;
}

/** Values by key, loaded when they are asked for. */
export interface Cache<V> {
  /**
   * The value, from the store or loaded; undefined when there is none. A key is loaded once at a time, however many ask. Rejects as the
   * load does when there is no old value either, and when the call ends first (the load goes on for the others).
   */
  get(key: string, call: Call): Promise<V | undefined>;
  /** Puts a value in, as if it had been loaded now. */
  set(key: string, value: V): Promise<void>;
  /** Forgets a key. What is being loaded for it is answered to those who wait, and not kept. */
  drop(key: string): Promise<void>;
}

/** A cache over a store. Throws CACHE_OPTION_INVALID. */
export function createCache<V>(options: CacheOptions<V>): Cache<V> {
  const { ttlMs, ttlJitter = 0.1, absentMs = ttlMs / 10, staleMs = 0, loadTimeoutMs = 10_000, storeTimeoutMs = 100 } = options;
  for (const [name, value] of Object.entries({ ttlMs, loadTimeoutMs, storeTimeoutMs })) expect(name, value, value > 0);
  for (const [name, value] of Object.entries({ absentMs, staleMs })) expect(name, value, value >= 0);
  expect("ttlJitter", ttlJitter, ttlJitter >= 0 && ttlJitter <= 1);
  return new LoadingCache({ ...options, ttlJitter, absentMs, staleMs, loadTimeoutMs, storeTimeoutMs });
}

function expect(name: string, value: number, isFine: boolean): void {
  if (!isFine) throw fault(cacheReasons.CACHE_OPTION_INVALID, `Expected ${name} within its range, found ${value}.`);
}

type Settings<V> = CacheOptions<V> &
  Required<Pick<CacheOptions<V>, "ttlJitter" | "absentMs" | "staleMs" | "loadTimeoutMs" | "storeTimeoutMs">>;

/** A load under way. */
interface Flight<V> {
  readonly answer: Promise<V | undefined>;
  /** The key was dropped or set meanwhile: what comes is not kept. */
  overtaken: boolean;
}

const storeRestMs = 1000;
/** An old value whose renewal failed is not renewed again before this is over. */
const renewRestMs = 1000;
const leasePollMs = 20;

class LoadingCache<V> implements Cache<V> {
  readonly #settings: Settings<V>;
  readonly #clock: Clock;
  readonly #metrics: CacheMetrics;
  readonly #flights = new Map<string, Flight<V>>();
  /** On the monotonic clock: until then the store is not asked. */
  #storeRestsUntilMs = -Infinity;

  constructor(settings: Settings<V>) {
    this.#settings = settings;
    this.#clock = settings.clock ?? systemClock;
    this.#metrics = createCacheMetrics(settings.metrics ?? createMetrics(), settings);
  }

  async get(key: string, call: Call): Promise<V | undefined> {
    const found = this.#ask("get", () => this.#settings.store.get(key));
    const entry = found instanceof Promise ? await answerUntilEnded(found, call) : found;
    const { outcomes } = this.#metrics;
    if (entry) {
      const nowMs = this.#clock.nowMs();
      if (nowMs < entry.freshUntilMs) {
        (entry.value === undefined ? outcomes.absent : outcomes.hit).add();
        return entry.value;
      }
      if (nowMs < entry.keptUntilMs) {
        outcomes.stale.add();
        this.#flight(key, entry).answer.catch(() => undefined);
        return entry.value;
      }
    }
    outcomes.miss.add();
    return await answerUntilEnded(this.#flight(key, undefined).answer, call);
  }

  async set(key: string, value: V): Promise<void> {
    this.#overtake(key);
    await this.#ask("set", () => this.#settings.store.set(key, this.#entryOf(value)));
  }

  async drop(key: string): Promise<void> {
    this.#overtake(key);
    await this.#ask("drop", () => this.#settings.store.drop(key));
  }

  #overtake(key: string): void {
    const flight = this.#flights.get(key);
    if (flight) flight.overtaken = true;
    this.#flights.delete(key);
  }

  #flight(key: string, old: CacheEntry<V> | undefined): Flight<V> {
    const known = this.#flights.get(key);
    if (known) return known;
    const begun = Promise.withResolvers<V | undefined>();
    const flight: Flight<V> = { answer: begun.promise, overtaken: false };
    this.#flights.set(key, flight);
    const ended = (): void => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    this.#renew(key, flight, old).finally(ended).then(begun.resolve, begun.reject);
    return flight;
  }

  /** Loads and keeps; while another process does so, waits for what that one keeps. */
  async #renew(key: string, flight: Flight<V>, old: CacheEntry<V> | undefined): Promise<V | undefined> {
    const { store, loadTimeoutMs } = this.#settings;
    const endMs = this.#clock.monotonicMs() + loadTimeoutMs;
    const ask = async (): Promise<EndLease | "taken"> => (await store.lease(key, loadTimeoutMs)) ?? "taken";
    let lease = await this.#ask("lease", ask);
    while (lease === "taken") {
      if (old) return old.value;
      await this.#clock.sleep(leasePollMs * (0.5 + this.#clock.random()));
      const entry = await this.#ask("get", () => store.get(key));
      if (entry && this.#clock.nowMs() < entry.keptUntilMs) return entry.value;
      lease = this.#clock.monotonicMs() < endMs ? await this.#ask("lease", ask) : undefined;
    }
    try {
      return await this.#loadAndKeep(key, flight, old);
    } finally {
      if (lease !== undefined) await this.#ask("lease", lease);
    }
  }

  async #loadAndKeep(key: string, flight: Flight<V>, old: CacheEntry<V> | undefined): Promise<V | undefined> {
    const { load, loadTimeoutMs, store, name } = this.#settings;
    const call = new Call({ method: `cache ${name}`, timeoutMs: loadTimeoutMs, clock: this.#clock });
    const startMs = this.#clock.monotonicMs();
    let entry: CacheEntry<V> | undefined;
    try {
      const value = await answerUntilEnded(load(key, call), call);
      entry = this.#entryOf(value);
      return value;
    } catch (thrown) {
      this.#metrics.loadFailures.add();
      // The old value holds a little longer, and whoever is next tries again.
      if (old) entry = { ...old, freshUntilMs: Math.min(old.keptUntilMs, this.#clock.nowMs() + renewRestMs) };
      throw faultFrom(thrown);
    } finally {
      call.finish();
      this.#metrics.loadSeconds.observe((this.#clock.monotonicMs() - startMs) / 1000);
      const keep = entry;
      if (keep && !flight.overtaken && keep.keptUntilMs > this.#clock.nowMs()) await this.#ask("set", () => store.set(key, keep));
    }
  }

  #entryOf(value: V | undefined): CacheEntry<V> {
    const { ttlMs, ttlJitter, absentMs, staleMs } = this.#settings;
    const lengthMs = value === undefined ? absentMs : ttlMs * (1 + ttlJitter * (2 * this.#clock.random() - 1));
    const freshUntilMs = this.#clock.nowMs() + lengthMs;
    return { value, freshUntilMs, keptUntilMs: freshUntilMs + (value === undefined ? 0 : staleMs) };
  }

  /** Asks the store, which may be away: then the answer is undefined, and nobody asks for a while. */
  #ask<T>(operation: string, ask: () => T | Promise<T>): T | undefined | Promise<T | undefined> {
    if (this.#clock.monotonicMs() < this.#storeRestsUntilMs) return undefined;
    try {
      const answer = ask();
      return answer instanceof Promise ? this.#inTime(operation, answer) : answer;
    } catch (thrown) {
      this.#storeFailed(operation, thrown);
      return undefined;
    }
  }

  async #inTime<T>(operation: string, answer: Promise<T>): Promise<T | undefined> {
    const late = Promise.withResolvers<never>();
    const { storeTimeoutMs } = this.#settings;
    const cancel = this.#clock.after(storeTimeoutMs, () =>
      late.reject(fault(cacheReasons.CACHE_STORE_AWAY, `Expected the store to answer within ${storeTimeoutMs} ms.`)),
    );
    try {
      return await Promise.race([answer, late.promise]);
    } catch (thrown) {
      this.#storeFailed(operation, thrown);
      return undefined;
    } finally {
      cancel();
    }
  }

  #storeFailed(operation: string, thrown: unknown): void {
    const found = faultFrom(thrown);
    if (found.reason === cacheReasons.CACHE_OPTION_INVALID.reason) throw found;
    this.#metrics.storeFailures.labels(operation).add();
    this.#storeRestsUntilMs = this.#clock.monotonicMs() + storeRestMs * (0.5 + this.#clock.random());
  }
}
