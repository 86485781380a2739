import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "../call.ts";
import { isFault } from "../fault.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { VirtualClock } from "../testing/virtual-clock.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { createCache, type CacheOptions } from "./cache.ts";
import { createMemoryStore } from "./memory-store.ts";
import type { CacheStore } from "./store.ts";

const faultOf = (reason: string) => (thrown: unknown) => isFault(thrown) && thrown.reason === reason;

/** A cache on a clock that stands still, over a source that counts. */
function stage(options: Partial<CacheOptions<string>> = {}) {
  const clock = (options.clock as VirtualClock | undefined) ?? createVirtualClock();
  const metrics = createMetrics();
  const source = {
    loads: 0,
    value: "one" as string | undefined,
    failure: undefined as Error | undefined,
    gate: undefined as Promise<void> | undefined,
  };
  const store = options.store ?? createMemoryStore<string>({ clock });
  const load = async (): Promise<string | undefined> => {
    source.loads += 1;
    const { value, failure } = source;
    await source.gate;
    if (failure) throw failure;
    return value;
  };
  const cache = createCache<string>({ name: "test", load, ttlMs: 1000, ttlJitter: 0, metrics, clock, ...options, store });
  const get = (timeoutMs?: number): Promise<string | undefined> =>
    cache.get("key", new Call({ clock, ...(timeoutMs !== undefined && { timeoutMs }) }));
  const counted = (outcome: string): string | undefined =>
    new RegExp(`^weir_cache_requests_total\\{cache="test",outcome="${outcome}"\\} (\\d+)$`, "m").exec(metrics.text())?.[1];
  return { clock, metrics, source, cache, get, counted };
}

test("a value is loaded once while it is fresh, and again afterwards", async () => {
  const { clock, source, get, counted } = stage();
  assert.deepEqual([await get(), await get()], ["one", "one"]);
  source.value = "two";
  await clock.advance(999);
  assert.equal(await get(), "one");
  await clock.advance(1);
  assert.equal(await get(), "two");
  assert.equal(source.loads, 2);
  assert.deepEqual([counted("hit"), counted("miss")], ["2", "2"]);
});

test("that there is nothing is remembered too, for a shorter time, unless told not to", async () => {
  const { clock, source, get, counted } = stage();
  source.value = undefined;
  assert.deepEqual([await get(), await get()], [undefined, undefined]);
  assert.deepEqual([source.loads, counted("absent")], [1, "1"]);
  await clock.advance(100);
  source.value = "there now";
  assert.equal(await get(), "there now");
  const forgetful = stage({ absentMs: 0 });
  forgetful.source.value = undefined;
  await forgetful.get();
  await forgetful.get();
  assert.equal(forgetful.source.loads, 2);
});

test("an expiring key that everybody wants is renewed by one while all are answered the old value", async () => {
  const { clock, source, get, counted } = stage({ staleMs: 500 });
  await get();
  await clock.advance(1200);
  const gate = Promise.withResolvers<void>();
  source.gate = gate.promise;
  source.value = "two";
  const answers = await Promise.all(Array.from({ length: 1000 }, () => get()));
  assert.ok(answers.every((answer) => answer === "one"));
  await clock.advance(0);
  assert.deepEqual([source.loads, counted("stale")], [2, "1000"]);
  gate.resolve();
  await clock.advance(0);
  assert.equal(await get(), "two");
});

test("a renewal that fails leaves the old value for its time, and is tried about once a second", async () => {
  const { clock, source, get } = stage({ staleMs: 10_000 });
  await get();
  source.failure = new Error("away");
  for (let passed = 0; passed < 5000; passed += 10) {
    await clock.advance(10);
    assert.equal(await get(), "one");
  }
  assert.ok(source.loads >= 4 && source.loads <= 6, `${source.loads} loads in 5 seconds, 4 of them stale`);
  await clock.advance(10_000);
  await assert.rejects(get(), /UNEXPECTED|unexpected/);
  source.failure = undefined;
  source.value = "back";
  assert.equal(await get(), "back");
});

test("entries that came together do not expire together", async () => {
  const clock = createVirtualClock({ seed: 11 });
  let loads = 0;
  const cache = createCache({
    name: "many",
    store: createMemoryStore<number>({ clock }),
    ttlMs: 1000,
    ttlJitter: 0.2,
    metrics: createMetrics(),
    clock,
    load: async () => ++loads,
  });
  const all = (): Promise<unknown> => Promise.all(Array.from({ length: 1000 }, (_, key) => cache.get(`${key}`, new Call({ clock }))));
  await all();
  const perStep: number[] = [];
  for (let step = 0; step < 8; step++) {
    await clock.advance(step === 0 ? 800 : 50);
    const before = loads;
    await all();
    perStep.push(loads - before);
  }
  assert.equal(perStep[0], 0);
  assert.ok(Math.max(...perStep) < 250, `at most a quarter of 1,000 in 50 ms: ${perStep.join()}`);
});

test("what is being loaded when a key is dropped is answered and not kept", async () => {
  const { source, cache, get } = stage();
  const gate = Promise.withResolvers<void>();
  source.gate = gate.promise;
  const early = get();
  await new Promise((resolve) => setImmediate(resolve));
  source.value = "two";
  await cache.drop("key");
  const late = get();
  gate.resolve();
  assert.deepEqual([await early, await late, await get()], ["one", "two", "two"]);
  await cache.set("key", "three");
  assert.equal(await get(), "three");
});

test("whoever gives up waiting does not end the load of the others, and a load has a time of its own", async () => {
  const { clock, source, get } = stage({ loadTimeoutMs: 300 });
  const gate = Promise.withResolvers<void>();
  source.gate = gate.promise;
  const impatient = assert.rejects(get(50), faultOf("DEADLINE_EXCEEDED"));
  const patient = get(250);
  await clock.advance(50);
  await impatient;
  gate.resolve();
  assert.equal(await patient, "one");
  const slow = stage({ loadTimeoutMs: 300 });
  slow.source.gate = new Promise(() => undefined);
  const never = assert.rejects(slow.get(), faultOf("DEADLINE_EXCEEDED"));
  await slow.clock.advance(300);
  await never;
  assert.equal(slow.clock.pending, 0);
});

test("a store that rejects or hangs is done without, rested and asked again", async () => {
  let mode: "fine" | "rejects" | "hangs" = "rejects";
  let asked = 0;
  const clock = createVirtualClock();
  const inner = createMemoryStore<string>({ clock });
  const answer = <T>(value: () => T): Promise<T> => {
    asked += 1;
    if (mode === "hangs") return new Promise(() => undefined);
    return mode === "rejects" ? Promise.reject(new Error("refused")) : Promise.resolve(value());
  };
  const store: CacheStore<string> = {
    get: (key) => answer(() => inner.get(key) as never),
    set: (key, entry) => answer(() => void inner.set(key, entry)),
    drop: (key) => answer(() => void inner.drop(key)),
    lease: (key, durationMs) => answer(() => inner.lease(key, durationMs) as never),
  };
  const { source, get, metrics } = stage({ store, clock, storeTimeoutMs: 50 });
  assert.deepEqual([await get(), await get()], ["one", "one"]);
  assert.deepEqual([source.loads, asked], [2, 1], "the store rests after its first failure");
  await clock.advance(1500);
  mode = "hangs";
  const answered = get();
  await clock.advance(50);
  assert.equal(await answered, "one");
  assert.equal(asked, 2);
  mode = "fine";
  await clock.advance(1500);
  await get();
  const { loads } = source;
  await get();
  assert.equal(source.loads, loads, "the store keeps again");
  for (const reason of ["UNEXPECTED", "CACHE_STORE_AWAY"])
    assert.match(metrics.text(), new RegExp(`weir_cache_store_failures_total\\{cache="test",operation="get",reason="${reason}"\\} 1`));
});

test("while another process loads a key, this one waits for what that keeps, or loads when it ends without", async () => {
  const clock = createVirtualClock();
  const inner = createMemoryStore<string>({ clock });
  let taken = true;
  const store: CacheStore<string> = {
    get: (key) => inner.get(key),
    set: (key, entry) => inner.set(key, entry),
    drop: (key) => inner.drop(key),
    lease: (key, durationMs) => (taken ? undefined : inner.lease(key, durationMs)),
  };
  const first = stage({ store, clock });
  const waiting = first.cache.get("key", new Call({ clock }));
  await clock.advance(100);
  assert.equal(first.source.loads, 0);
  void inner.set("key", { value: "by another", freshUntilMs: clock.nowMs() + 1000, keptUntilMs: clock.nowMs() + 1000 });
  await clock.advance(50);
  assert.equal(await waiting, "by another");
  void inner.drop("key");
  const second = first.cache.get("key", new Call({ clock }));
  await clock.advance(100);
  taken = false;
  await clock.advance(50);
  assert.deepEqual([await second, first.source.loads], ["one", 1]);
});

test("evictions are counted once each, also of two caches of one name", async () => {
  const metrics = createMetrics();
  const evicting = async (keys: number): Promise<void> => {
    const store = createMemoryStore<string>({ entriesMax: 1 });
    const cache = createCache({ name: "test", store, ttlMs: 1000, metrics, load: async (key) => key });
    for (let key = 0; key < keys; key++) await cache.get(`${key}`, new Call());
  };
  const evictions = (): string | undefined => /^weir_cache_evictions_total\{cache="test"\} (\d+)$/m.exec(metrics.text())?.[1];
  await evicting(5);
  assert.deepEqual([evictions(), evictions()], ["4", "4"]);
  await evicting(3);
  assert.deepEqual([evictions(), evictions()], ["6", "6"]);
});

test("a cache refuses durations that are none", () => {
  for (const options of [{ ttlMs: 0 }, { staleMs: -1 }, { ttlJitter: 2 }, { absentMs: NaN }])
    assert.throws(() => stage(options), faultOf("CACHE_OPTION_INVALID"));
});
