import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "../call.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { Cache, CacheOptions } from "./cache.ts";
import { createCache } from "./cache.ts";
import type { CacheEntry, CacheStore } from "./store.ts";

/** What the suite keeps. */
export interface SuiteValue {
  readonly text: string;
}

/** A store to judge; its clock is the machine's, as stores outside the process have no other. */
export interface StoreCase {
  readonly name: string;
  readonly skip?: string | false;
  /** A store that no test before has used. */
  make(): Promise<CacheStore<SuiteValue>>;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function until(isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!isSo()) {
    assert.ok(performance.now() < endMs, "expected it to come about within 10 s");
    await turn();
  }
}

function lasting(text: string | undefined): CacheEntry<SuiteValue> {
  const nowMs = Date.now();
  return { value: text === undefined ? undefined : { text }, freshUntilMs: nowMs + 30_000, keptUntilMs: nowMs + 60_000 };
}

/** A cache over the store whose loads are counted, and wait for the gate. */
function counted(store: CacheStore<SuiteValue>, options: Partial<CacheOptions<SuiteValue>> = {}) {
  const source = { loads: [] as string[], gate: Promise.resolve(), value: (key: string): string | undefined => key.toUpperCase() };
  const load = async (key: string): Promise<SuiteValue | undefined> => {
    source.loads.push(key);
    const text = source.value(key);
    await source.gate;
    await turn();
    return text === undefined ? undefined : { text };
  };
  const cache: Cache<SuiteValue> = createCache({
    name: "suite",
    store,
    load,
    ttlMs: 60_000,
    storeTimeoutMs: 5000,
    metrics: createMetrics(),
    ...options,
  });
  return { source, cache, get: async (key: string) => (await cache.get(key, new Call({ timeoutMs: 20_000 })))?.text };
}

/** What every store of caches does. */
export function suiteOfStores(cases: readonly StoreCase[]): void {
  for (const each of cases) {
    suiteOfEntries(each);
    suiteOfLeases(each);
    suiteOfCaches(each);
  }
}

function suiteOfEntries({ name, skip, make }: StoreCase): void {
  const options = { skip: skip ?? false };
  test(`${name}: what is set comes out as it was, values and absences, until it is dropped`, options, async () => {
    const store = await make();
    assert.equal(await store.get("a"), undefined);
    const [value, absence] = [lasting("ä🙂"), lasting(undefined)];
    await store.set("a", value);
    await store.set("b", absence);
    assert.deepEqual([await store.get("a"), await store.get("b")], [value, absence]);
    await store.set("a", lasting("other"));
    assert.deepEqual((await store.get("a"))?.value, { text: "other" });
    await store.drop("a");
    await store.drop("never there");
    assert.equal(await store.get("a"), undefined);
    assert.deepEqual(await store.get("b"), absence);
  });

  test(`${name}: an entry is gone when its time is over`, options, async () => {
    const store = await make();
    const nowMs = Date.now();
    await store.set("short", { value: { text: "x" }, freshUntilMs: nowMs + 10, keptUntilMs: nowMs + 60 });
    await store.set("over", { value: { text: "x" }, freshUntilMs: nowMs - 20, keptUntilMs: nowMs - 10 });
    assert.equal(await store.get("over"), undefined);
    await until(() => Date.now() >= nowMs + 60);
    assert.equal(await store.get("short"), undefined);
  });
}

function suiteOfLeases({ name, skip, make }: StoreCase): void {
  const options = { skip: skip ?? false };
  test(`${name}: a lease is for one at a time, ends for its owner only, and runs out`, options, async () => {
    const store = await make();
    const first = await store.lease("a", 5000);
    assert.ok(first);
    assert.equal(await store.lease("a", 5000), undefined);
    assert.ok(await store.lease("b", 5000), "another key has its own");
    await first.end();
    const second = await store.lease("a", 5000);
    assert.ok(second);
    await first.end();
    assert.equal(await store.lease("a", 5000), undefined, "whoever had it before ends nothing");
    const value = lasting("kept");
    await second.keep(value);
    assert.deepEqual(await store.get("a"), value);
    assert.ok(await store.lease("a", 50), "keeping ends it");
    const takenMs = performance.now();
    await until(() => performance.now() > takenMs + 60);
    assert.ok(await store.lease("a", 5000), "its time was over");
  });

  test(`${name}: what was loaded before a key was set or dropped is not kept`, options, async () => {
    const store = await make();
    const dropped = await store.lease("a", 5000);
    await store.drop("a");
    await dropped?.keep(lasting("old"));
    assert.equal(await store.get("a"), undefined);
    const overtaken = await store.lease("a", 5000);
    await store.set("a", lasting("new"));
    await overtaken?.keep(lasting("old"));
    assert.deepEqual((await store.get("a"))?.value, { text: "new" });
    assert.ok(await store.lease("a", 5000), "the next one may load");
  });
}

function suiteOfCaches({ name, skip, make }: StoreCase): void {
  const options = { skip: skip ?? false };
  test(`${name}: a thousand that miss at once load once, and each key for itself`, options, async () => {
    const { cache, source, get } = counted(await make());
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, index) => get(index % 2 === 0 ? "a" : "b")));
    assert.deepEqual(source.loads.toSorted(), ["a", "b"]);
    assert.ok(answers.every((answer, index) => answer === (index % 2 === 0 ? "A" : "B")));
    assert.equal(await get("a"), "A");
    assert.equal(source.loads.length, 2);
    assert.equal(cache.status.loads.done, 2);
  });

  test(`${name}: two caches of one store load a key once, and each sees what the other sets and drops`, options, async () => {
    const store = await make();
    const [one, other] = [counted(store), counted(store)];
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, index) => (index % 2 === 0 ? one : other).get("a")));
    assert.ok(answers.every((answer) => answer === "A"));
    assert.equal(one.source.loads.length + other.source.loads.length, 1);
    await one.cache.set("a", { text: "set" });
    assert.equal(await other.get("a"), "set");
    await one.cache.drop("a");
    other.source.value = () => "again";
    assert.equal(await other.get("a"), "again");
    assert.equal(await one.get("a"), "again");
  });

  test(`${name}: what one loads while the other drops the key is answered, and not kept`, options, async () => {
    const store = await make();
    const [one, other] = [counted(store), counted(store)];
    const gate = Promise.withResolvers<void>();
    one.source.gate = gate.promise;
    one.source.value = () => "before";
    const early = one.get("a");
    await until(() => one.source.loads.length === 1);
    await other.cache.drop("a");
    gate.resolve();
    assert.equal(await early, "before");
    await until(() => one.cache.status.loads.underWay === 0);
    other.source.value = () => "after";
    assert.equal(await other.get("a"), "after");
  });

  test(`${name}: that there is nothing is kept for all`, options, async () => {
    const store = await make();
    const [one, other] = [counted(store), counted(store)];
    one.source.value = () => undefined;
    assert.deepEqual([await one.get("a"), await one.get("a")], [undefined, undefined]);
    await until(() => one.cache.status.loads.underWay === 0);
    assert.equal(await other.get("a"), undefined);
    assert.deepEqual([one.source.loads.length, other.source.loads.length], [1, 0]);
    assert.equal(other.cache.status.requests.absent, 1);
  });

  test(`${name}: an old value is answered to all while one renews it`, options, async () => {
    const store = await make();
    const stale = { ttlMs: 40, ttlJitter: 0, staleMs: 60_000 };
    const [one, other] = [counted(store, stale), counted(store, stale)];
    await one.get("a");
    await until(() => one.cache.status.loads.underWay === 0);
    const bornMs = performance.now();
    await until(() => performance.now() > bornMs + 50);
    const gate = Promise.withResolvers<void>();
    for (const { source } of [one, other]) {
      source.gate = gate.promise;
      source.value = () => "renewed";
    }
    const answers = await Promise.all(Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? one : other).get("a")));
    assert.ok(answers.every((answer) => answer === "A"));
    await until(() => one.source.loads.length + other.source.loads.length === 2);
    gate.resolve();
    await until(() => one.cache.status.loads.underWay + other.cache.status.loads.underWay === 0);
    assert.equal(one.source.loads.length + other.source.loads.length, 2, "the first, and one renewal");
    assert.equal(await other.get("a"), "renewed");
  });
}
