import { Call } from "../call.ts";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { coreReasons, fault, faultFrom } from "../fault.ts";
import { answerUntilEnded } from "../rpc/until-ended.ts";
import type { Cache, CacheOptions, CacheStatus } from "./cache-options.ts";
import type { CacheMetrics } from "./cache-metrics.ts";
import { createCacheMetrics } from "./cache-metrics.ts";
import type { Waiting } from "./patience.ts";
import { Patience } from "./patience.ts";
import { cacheReasons } from "./reasons.ts";
import type { CacheEntry, Lease } from "./store.ts";
import { StoreGuard } from "./store-guard.ts";

/** Options whose defaults have been filled in and checked. */
export type CacheSettings<V> = CacheOptions<V> &
  Required<Pick<CacheOptions<V>, "ttlJitter" | "absentMs" | "staleMs" | "loadTimeoutMs" | "loadsMax" | "storeTimeoutMs">>;

/** A load under way, or what another process loads. */
interface Flight<V> {
  readonly begun: PromiseWithResolvers<V | undefined>;
  /** What is answered if it fails. */
  readonly old: CacheEntry<V> | undefined;
  /** Who asked first. */
  readonly cause: Call;
  /** The key was dropped or set meanwhile: what comes is not kept. */
  overtaken: boolean;
}

/** The turn to load, with or without the store's lease, or what another process has loaded meanwhile. */
type Turn<V> = { readonly lease: Lease<V> | undefined } | { readonly entry: CacheEntry<V> };

/** What the store says to whoever wants the lease; undefined when it is away. */
type Asked<V> = Lease<V> | "taken" | undefined | Promise<Lease<V> | "taken" | undefined>;

/** An old value whose renewal failed is not renewed again before this is over. */
const renewRestMs = 1000;
const leasePollMs = 20;

/** Holds what is under way: the questions to the store and the loads, one of each for a key. */
export class LoadingCache<V> implements Cache<V> {
  readonly name: string;
  readonly #settings: CacheSettings<V>;
  readonly #clock: Clock;
  readonly #metrics: CacheMetrics;
  readonly #guard: StoreGuard;
  readonly #patience: Patience;
  /** What its loads are called in traces and logs. */
  readonly #method: string;
  readonly #reads = new Map<string, Promise<CacheEntry<V> | undefined>>();
  readonly #flights = new Map<string, Flight<V>>();
  /** No entry is fresh for longer; one that says so was written by another clock. */
  readonly #freshMsMax: number;

  constructor(settings: CacheSettings<V>) {
    const { name, store, metrics, storeTimeoutMs, ttlMs, ttlJitter, absentMs } = settings;
    this.name = name;
    this.#method = `cache ${name}`;
    this.#settings = settings;
    this.#clock = settings.clock ?? systemClock;
    this.#patience = new Patience(this.#clock);
    this.#metrics = createCacheMetrics(metrics, { name, store, loadsUnderWay: () => this.#flights.size });
    const { storeFailures, storeSeconds } = this.#metrics;
    this.#guard = new StoreGuard({
      clock: this.#clock,
      timeoutMs: storeTimeoutMs,
      partOf: store.partOf?.bind(store),
      onFailure: (operation, { reason }) => storeFailures(operation, reason).add(),
      onAnswer: (operation, durationMs) => storeSeconds(operation).observe(durationMs / 1000),
    });
    this.#freshMsMax = Math.max(Math.max(ttlMs, absentMs) * (1 + ttlJitter), renewRestMs);
  }

  get status(): CacheStatus {
    const { store } = this.#settings;
    const { outcomes, loadSeconds, loadFailures } = this.#metrics;
    const requests = {
      hit: outcomes.hit.value(),
      stale: outcomes.stale.value(),
      absent: outcomes.absent.value(),
      miss: outcomes.miss.value(),
    };
    const answered = requests.hit + requests.stale + requests.absent;
    const done = loadSeconds.count();
    return {
      name: this.name,
      requests,
      hitRate: answered === 0 ? 0 : answered / (answered + requests.miss),
      loads: {
        underWay: this.#flights.size,
        done,
        failed: loadFailures.value(),
        meanMs: done === 0 ? 0 : (loadSeconds.sum() / done) * 1000,
      },
      holds: store.holds,
      troubles: this.#guard.troubles,
      store: store.state,
    };
  }

  async get(key: string, call: Call): Promise<V | undefined> {
    const found = this.#read(key);
    const entry = found instanceof Promise ? await answerUntilEnded(found, call) : found;
    const { outcomes } = this.#metrics;
    if (entry) {
      const nowMs = this.#clock.nowMs();
      if (this.#isFresh(entry, nowMs)) {
        (entry.value === undefined ? outcomes.absent : outcomes.hit).add();
        return entry.value;
      }
      if (this.#isKept(entry, nowMs)) {
        outcomes.stale.add();
        this.#renewBehind(key, { old: entry, cause: call });
        return entry.value;
      }
    }
    outcomes.miss.add();
    return await answerUntilEnded(this.#flight(key, { old: undefined, cause: call }), call);
  }

  async set(key: string, value: V): Promise<void> {
    this.#overtake(key);
    await this.#guard.ask({ operation: "set", key }, () => this.#settings.store.set(key, this.#entryOf(value)));
  }

  async drop(key: string): Promise<void> {
    this.#overtake(key);
    await this.#guard.ask({ operation: "drop", key }, () => this.#settings.store.drop(key));
  }

  #overtake(key: string): void {
    const flight = this.#flights.get(key);
    if (flight) flight.overtaken = true;
    this.#flights.delete(key);
    this.#reads.delete(key);
  }

  /** Asks the store; while the answer is awaited, others wait for the same one. */
  #read(key: string): CacheEntry<V> | undefined | Promise<CacheEntry<V> | undefined> {
    const known = this.#reads.get(key);
    if (known) return known;
    const found = this.#ask(key);
    if (!(found instanceof Promise)) return found;
    this.#reads.set(key, found);
    const over = (): void => {
      if (this.#reads.get(key) === found) this.#reads.delete(key);
    };
    found.then(over, over);
    return found;
  }

  #ask(key: string): CacheEntry<V> | undefined | Promise<CacheEntry<V> | undefined> {
    return this.#guard.ask({ operation: "get", key }, () => this.#settings.store.get(key));
  }

  #renewBehind(key: string, given: Pick<Flight<V>, "old" | "cause">): void {
    if (this.#flights.has(key) || this.#flights.size >= this.#settings.loadsMax) return;
    this.#flight(key, given).catch(() => undefined);
  }

  /** What is loaded for the key, by whoever is at it. */
  #flight(key: string, given: Pick<Flight<V>, "old" | "cause">): Promise<V | undefined> {
    const known = this.#flights.get(key);
    if (known) return known.begun.promise;
    const { loadsMax } = this.#settings;
    if (this.#flights.size >= loadsMax)
      return Promise.reject(fault(cacheReasons.CACHE_LOADS_FULL, `Expected at most ${loadsMax} loads at a time, found one more.`));
    const flight: Flight<V> = { ...given, begun: Promise.withResolvers(), overtaken: false };
    this.#flights.set(key, flight);
    void this.#fly(key, flight);
    return flight.begun.promise;
  }

  /** Those who wait are answered as soon as there is a value, though it may still be on its way to the store. Never rejects. */
  async #fly(key: string, flight: Flight<V>): Promise<void> {
    try {
      const asked = this.#lease(key);
      // A store in the process answers at once, and has nobody to wait for.
      const isFree = !(asked instanceof Promise) && asked !== "taken";
      const turn = isFree ? { lease: asked } : await this.#turn(key, { flight, asked });
      if ("entry" in turn) {
        this.#land(key, flight);
        flight.begun.resolve(turn.entry.value);
      } else await this.#loadAndKeep(key, { flight, lease: turn.lease });
    } catch (thrown) {
      flight.begun.reject(faultFrom(thrown));
    } finally {
      this.#land(key, flight);
    }
  }

  #land(key: string, flight: Flight<V>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }

  /** Waits for the turn to load; while another process loads, for what that one keeps. */
  async #turn(key: string, { flight, asked }: { readonly flight: Flight<V>; readonly asked: Asked<V> }): Promise<Turn<V>> {
    const { old } = flight;
    const endMs = this.#clock.monotonicMs() + this.#settings.loadTimeoutMs;
    let lease = await asked;
    while (lease === "taken") {
      if (old) return { entry: old };
      await this.#clock.sleep(leasePollMs * (0.5 + this.#clock.random()));
      const entry = await this.#ask(key);
      if (entry && this.#isKept(entry, this.#clock.nowMs())) return { entry };
      lease = this.#clock.monotonicMs() < endMs ? await this.#lease(key) : undefined;
    }
    // Between our look and our lease another process may have ended its own: then there is nothing to load.
    const entry = lease && asked instanceof Promise ? await this.#ask(key) : undefined;
    if (!entry || !this.#isFresh(entry, this.#clock.nowMs())) return { lease };
    await this.#endLease(key, lease);
    return { entry };
  }

  #lease(key: string): Asked<V> {
    const { store, loadTimeoutMs } = this.#settings;
    const late = (answer: Lease<V> | "taken"): void => {
      if (answer !== "taken") void this.#endLease(key, answer);
    };
    return this.#guard.ask<Lease<V> | "taken">({ operation: "lease", key, late }, () => {
      const answer = store.lease(key, loadTimeoutMs);
      return answer instanceof Promise ? answer.then((lease) => lease ?? "taken") : (answer ?? "taken");
    });
  }

  #endLease(key: string, lease: Lease<V> | undefined): void | Promise<void> {
    if (lease) return this.#guard.ask({ operation: "lease", key }, () => lease.end());
  }

  async #loadAndKeep(key: string, { flight, lease }: { flight: Flight<V>; lease: Lease<V> | undefined }): Promise<void> {
    const { old, begun } = flight;
    let answer: () => void;
    let entry: CacheEntry<V> | undefined;
    try {
      const value = await this.#load(key, flight.cause);
      entry = this.#entryOf(value);
      answer = () => begun.resolve(value);
    } catch (thrown) {
      // The old value holds a little longer, and whoever is next tries again.
      entry = old && { ...old, freshUntilMs: Math.min(old.keptUntilMs, this.#clock.nowMs() + renewRestMs) };
      answer = () => begun.reject(faultFrom(thrown));
    }
    const keep = entry && !flight.overtaken && entry.keptUntilMs > this.#clock.nowMs() ? entry : undefined;
    const kept = keep ? this.#keep(key, { entry: keep, lease }) : this.#endLease(key, lease);
    // Whoever asks while it is on its way is answered from here.
    if (!keep || !(kept instanceof Promise)) this.#land(key, flight);
    answer();
    if (kept instanceof Promise) await kept;
  }

  #keep(key: string, { entry, lease }: { entry: CacheEntry<V>; lease: Lease<V> | undefined }): void | Promise<void> {
    const { store } = this.#settings;
    return this.#guard.ask({ operation: "set", key }, () => (lease ? lease.keep(entry) : store.set(key, entry)));
  }

  /** Never waits for longer than the load may take: its call ends then. */
  #load(key: string, { trace, log }: Call): Promise<V | undefined> {
    const { load, loadTimeoutMs } = this.#settings;
    const startMs = this.#clock.monotonicMs();
    const call = new Call({ method: this.#method, timeoutMs: loadTimeoutMs, clock: this.#clock, trace, log });
    const { loadSeconds, loadFailures } = this.#metrics;
    const begun = Promise.withResolvers<V | undefined>();
    const over = (): void => {
      call.finish();
      loadSeconds.observe((this.#clock.monotonicMs() - startMs) / 1000);
    };
    const fail = (thrown: unknown): void => {
      over();
      loadFailures.add();
      begun.reject(thrown);
    };
    const one: Waiting = {
      dueMs: startMs + loadTimeoutMs,
      late() {
        const late = fault(coreReasons.DEADLINE_EXCEEDED, `Expected a load within ${loadTimeoutMs} ms.`);
        call.cancel(late);
        fail(late);
      },
    };
    this.#patience.begin(one);
    answerOf(load, { key, call }).then(
      (value) => {
        if (!this.#patience.end(one)) return;
        over();
        begun.resolve(value);
      },
      (thrown: unknown) => {
        if (this.#patience.end(one)) fail(thrown);
      },
    );
    return begun.promise;
  }

  #entryOf(value: V | undefined): CacheEntry<V> {
    const { ttlMs, ttlJitter, absentMs, staleMs } = this.#settings;
    const lengthMs = (value === undefined ? absentMs : ttlMs) * (1 + ttlJitter * (2 * this.#clock.random() - 1));
    const freshUntilMs = this.#clock.nowMs() + lengthMs;
    return { value, freshUntilMs, keptUntilMs: freshUntilMs + (value === undefined ? 0 : staleMs) };
  }

  #isFresh({ freshUntilMs }: CacheEntry<V>, nowMs: number): boolean {
    const leftMs = freshUntilMs - nowMs;
    return leftMs > 0 && leftMs <= this.#freshMsMax;
  }

  #isKept({ keptUntilMs }: CacheEntry<V>, nowMs: number): boolean {
    const leftMs = keptUntilMs - nowMs;
    return leftMs > 0 && leftMs <= this.#freshMsMax + this.#settings.staleMs;
  }
}

/** What is thrown before there is a promise is a failure as any other. */
function answerOf<V>(
  load: (key: string, call: Call) => Promise<V | undefined>,
  { key, call }: { readonly key: string; readonly call: Call },
): Promise<V | undefined> {
  try {
    return load(key, call);
  } catch (thrown) {
    return Promise.reject(thrown as Error);
  }
}
