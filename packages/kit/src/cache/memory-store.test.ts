import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isFault } from "../fault.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { approximateBytes } from "./approximate-bytes.ts";
import { createMemoryStore } from "./memory-store.ts";
import type { CacheEntry } from "./store.ts";
import { suiteOfStores } from "./store.suite.ts";

suiteOfStores([{ name: "memory", make: async () => createMemoryStore() }]);

/** Of an entry whose key has one character. */
const entryBytes = 202;

test("a store in memory gives up what was not used for longest, by count and by bytes", () => {
  const clock = createVirtualClock();
  const entry = (value: string): CacheEntry<string> => ({ value, freshUntilMs: clock.nowMs() + 1000, keptUntilMs: clock.nowMs() + 1000 });
  const bytesMax = 3 * entryBytes + 6;
  const store = createMemoryStore<string>({ entriesMax: 3, bytesMax, sizeOf: (value) => value.length, clock });
  for (const key of ["a", "b", "c"]) void store.set(key, entry("xx"));
  void store.get("a");
  void store.set("d", entry("xx"));
  const there = (): string => ["a", "b", "c", "d", "e"].filter((key) => store.get(key) !== undefined).join("");
  assert.equal(there(), "acd");
  void store.set("e", entry("x".repeat(entryBytes)));
  assert.deepEqual([there(), store.holds], ["de", { entries: 2, bytes: 3 * entryBytes + 2, evictions: 3 }]);
  void store.set("a", entry("x".repeat(bytesMax)));
  assert.equal(there(), "de", "what is larger than the store is not kept");
  void store.set("e", entry("1"));
  assert.equal(store.holds?.bytes, 2 * entryBytes + 3);
  void store.drop("e");
  void store.drop("d");
  assert.deepEqual(store.holds, { entries: 0, bytes: 0, evictions: 3 });
});

test("a store in memory finds what to give up at once, however much it has given up before", () => {
  const clock = createVirtualClock();
  const entry = { value: 1, freshUntilMs: Infinity, keptUntilMs: Infinity };
  const cpuOf = (entriesMax: number): number => {
    const store = createMemoryStore<number>({ entriesMax, clock });
    const times = Array.from({ length: 5 }, (_, round) => {
      const before = process.cpuUsage().user;
      for (let key = 0; key < 100_000; key++) void store.set(`${round}-${key}`, entry);
      return process.cpuUsage().user - before;
    });
    return Math.min(...times);
  };
  const [few, many] = [cpuOf(100), cpuOf(20_000)];
  assert.ok(many < 10 * few, `${many} µs for 100,000 entries beside 20,000, ${few} beside 100`);
});

test("a store in memory takes no more memory than it was given, about", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const heapBytes = (): number => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const values: ((key: number) => unknown)[] = [
    (key) => `${key}-`.repeat(100),
    (key) => ({ id: key, title: `film ${key}`, tags: [`a${key}`, `b${key}`], score: key / 7 }),
    (key) => Array.from({ length: 100 }, (_, index) => key + index / 7),
    (key) => new Uint8Array(500).fill(key),
    () => undefined,
  ];
  for (const [kind, valueOf] of values.entries()) {
    const bytesMax = 16 * 1024 * 1024;
    const store = createMemoryStore<unknown>({ entriesMax: 1e6, bytesMax });
    const before = heapBytes();
    for (let key = 0; store.holds?.evictions === 0; key++)
      void store.set(`key-${key}`, { value: valueOf(key), freshUntilMs: 1e15, keptUntilMs: 1e15 });
    const taken = heapBytes() - before;
    assert.ok(taken < bytesMax * 1.15, `kind ${kind}: ${taken} bytes of ${bytesMax}`);
    assert.ok(taken > bytesMax * 0.25, `kind ${kind}: only ${taken} bytes of ${bytesMax}`);
    void store.get("key-0");
  }
});

test("sizes are counted of all that a value reaches, once", () => {
  const shared = { text: "x".repeat(1000) };
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  const once = approximateBytes([shared]);
  assert.ok(once > 2000 && approximateBytes([shared, shared]) < once + 100);
  assert.ok(approximateBytes(cyclic) < 100);
  assert.ok(approximateBytes(new Map([["a", new Set(["x".repeat(1000)])]])) > 2000);
  assert.ok(approximateBytes({ bytes: new Uint8Array(5000) }) > 5000);
  assert.ok(approximateBytes(true) < 100 && approximateBytes(null) < 100);
});

test("a store in memory refuses bounds that are none", () => {
  for (const options of [{ entriesMax: 0 }, { bytesMax: NaN }])
    assert.throws(
      () => createMemoryStore(options),
      (thrown) => isFault(thrown) && thrown.reason === "CACHE_OPTION_INVALID",
    );
});
