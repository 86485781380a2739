import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "../call.ts";
import { fault, isFault } from "../fault.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import type { Cache, CacheOptions } from "./cache.ts";
import { createCache } from "./cache.ts";
import { createMemoryStore } from "./memory-store.ts";
import { cacheReasons } from "./reasons.ts";
import type { CacheEntry, CacheStore } from "./store.ts";

const faultOf = (reason: string) => (thrown: unknown) => isFault(thrown) && thrown.reason === reason;

/** A cache over a store of two parts, "a…" and "b…", of which each may be broken. */
function stage(options: Partial<CacheOptions<string>> = {}) {
  const clock = createVirtualClock();
  const inner = createMemoryStore<string>({ clock });
  const broken = new Map<string, "hangs" | "full">();
  const asked: string[] = [];
  const answer = <T>(operation: "get" | "set" | "drop" | "lease", key: string, value: () => T): Promise<T> => {
    asked.push(`${operation} ${key}`);
    const how = broken.get(key[0] ?? "");
    if (how === "hangs") return new Promise(() => undefined);
    if (how === "full" && (operation === "set" || operation === "lease"))
      return Promise.reject(fault(cacheReasons.CACHE_STORE_READ_ONLY, "full"));
    return Promise.resolve(value());
  };
  const store: CacheStore<string> = {
    get: (key) => answer("get", key, () => inner.get(key) as CacheEntry<string> | undefined),
    set: (key, entry) => answer("set", key, () => void inner.set(key, entry)),
    drop: (key) => answer("drop", key, () => void inner.drop(key)),
    lease: (key, durationMs) => answer("lease", key, () => inner.lease(key, durationMs) as never),
    partOf: (key) => key[0] ?? "",
  };
  const loads: string[] = [];
  const load = async (key: string): Promise<string> => {
    loads.push(key);
    return key;
  };
  const cache: Cache<string> = createCache({ name: "guarded", store, load, ttlMs: 1e6, metrics: createMetrics(), clock, ...options });
  const get = (key: string): Promise<string | undefined> => cache.get(key, new Call({ clock }));
  return { clock, broken, asked, loads, cache, get };
}

test("a store that hangs is tried by one a second, and nobody else waits", async () => {
  const { clock, broken, asked, cache, get } = stage();
  broken.set("a", "hangs");
  const first = get("a");
  await clock.advance(100);
  assert.equal(await first, "a");
  asked.length = 0;
  let answered = 0;
  for (let passed = 0; passed < 10_000; passed += 10) {
    void get(`a${passed}`).then(() => (answered += 1));
    void get(`a${passed}`).then(() => (answered += 1));
    await clock.advance(10);
    assert.ok(2 * (passed / 10 + 1) - answered <= 2, "at most the one that tries waits, with whoever asks the same");
  }
  assert.ok(asked.length >= 5 && asked.length <= 20, `${asked.length} operations in 10 s`);
  assert.deepEqual(cache.status.troubles, { a: "away" });
  broken.clear();
  for (let passed = 0; passed < 2000; passed += 100) {
    await get(`b${passed}`);
    void get(`a-again-${passed}`);
    await clock.advance(100);
  }
  assert.deepEqual(cache.status.troubles, {});
});

test("those who ask for a key at once ask the store once, and not again with whoever dropped it since", async () => {
  const { clock, asked, cache, get } = stage();
  await get("a");
  await clock.advance(0);
  asked.length = 0;
  await Promise.all(Array.from({ length: 100 }, () => get("a")));
  assert.deepEqual(asked, ["get a"]);
  const early = get("a");
  void cache.drop("a");
  const late = get("a");
  assert.deepEqual([await early, await late], ["a", "a"]);
  assert.equal(cache.status.requests.miss, 2, "the drop was seen");
});

test("one part of a store that is away does not keep the others from being used", async () => {
  const { clock, broken, loads, get } = stage();
  await get("b");
  broken.set("a", "hangs");
  const first = get("a");
  await clock.advance(100);
  await first;
  for (let asked = 0; asked < 10; asked++) assert.equal(await get("b"), "b");
  assert.deepEqual(loads, ["b", "a"]);
});

test("a store that takes no writes is read all the same", async () => {
  const { clock, broken, asked, loads, cache, get } = stage();
  await get("a1");
  await clock.advance(0);
  broken.set("a", "full");
  for (let times = 0; times < 5; times++) assert.deepEqual([await get("a1"), await get("a2")], ["a1", "a2"]);
  assert.deepEqual(loads, ["a1", "a2", "a2", "a2", "a2", "a2"]);
  assert.deepEqual(cache.status.troubles, { a: "read_only" });
  assert.equal(asked.filter((one) => /^(set|lease) a2/.test(one)).length, 1, "writes rest");
  await cache.drop("a1");
  assert.ok(asked.includes("drop a1"), "what makes room is done");
  broken.clear();
  await clock.advance(2000);
  await get("a2");
  await clock.advance(0);
  await get("a2");
  assert.equal(loads.length, 7, "it is written again");
});

test("no jump of the wall clock keeps an entry fresh for longer than it may be", async () => {
  let jumpMs = 0;
  const steady = createVirtualClock();
  const clock = {
    nowMs: () => steady.nowMs() + jumpMs,
    monotonicMs: () => steady.monotonicMs(),
    random: () => steady.random(),
    after: (durationMs: number, action: () => void) => steady.after(durationMs, action),
    sleep: (durationMs: number, signal?: AbortSignal) => steady.sleep(durationMs, signal),
  };
  let loads = 0;
  const cache = createCache({
    name: "jumping",
    store: createMemoryStore<number>({ clock }),
    load: async () => ++loads,
    ttlMs: 5000,
    ttlJitter: 0,
    staleMs: 5000,
    metrics: createMetrics(),
    clock,
  });
  const get = (): Promise<number | undefined> => cache.get("a", new Call({ clock }));
  assert.equal(await get(), 1);
  jumpMs = -3_600_000;
  assert.equal(await get(), 2, "an hour back: it was written in the future");
  assert.equal(await get(), 2);
  jumpMs = 0;
  assert.equal(await get(), 3, "an hour on");
});

test("keys that are loaded at a time are bounded, and old values are answered beyond that", async () => {
  const gate = Promise.withResolvers<string>();
  const { get, cache, clock } = stage({ loadsMax: 2, load: () => gate.promise, staleMs: 1e6, ttlMs: 1000 });
  const loading = [get("a"), get("b")];
  await clock.advance(0);
  await assert.rejects(get("c"), faultOf("CACHE_LOADS_FULL"));
  const same = get("a");
  gate.resolve("loaded");
  assert.deepEqual(await Promise.all([...loading, same]), ["loaded", "loaded", "loaded"]);
  await clock.advance(0);
  assert.equal(await get("c"), "loaded");
  assert.equal(cache.status.loads.underWay, 0);
});

test("a load has the trace and the log of whoever asked first, and its own deadline", async () => {
  const trace = { traceId: "1".repeat(32), spanId: "2".repeat(16), sampled: true };
  const seen: Call[] = [];
  const { clock, cache } = stage({
    loadTimeoutMs: 700,
    load: async (_, call) => {
      seen.push(call);
      return "";
    },
  });
  await cache.get("a", new Call({ clock, trace, timeoutMs: 50 }));
  assert.deepEqual([seen[0]?.trace, seen[0]?.deadlineMs], [trace, 700]);
});
