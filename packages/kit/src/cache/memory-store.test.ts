import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "../fault.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { createMemoryStore } from "./memory-store.ts";
import type { CacheEntry } from "./store.ts";
import { suiteOfStores } from "./store.suite.ts";

suiteOfStores([{ name: "memory", make: async () => createMemoryStore() }]);

test("a store in memory gives up what was not used for longest, by count and by bytes", () => {
  const clock = createVirtualClock();
  const entry = (value: string): CacheEntry<string> => ({ value, freshUntilMs: clock.nowMs() + 1000, keptUntilMs: clock.nowMs() + 1000 });
  const store = createMemoryStore<string>({ entriesMax: 3, bytesMax: 10, sizeOf: (value) => value.length, clock });
  for (const key of ["a", "b", "c"]) void store.set(key, entry("xx"));
  void store.get("a");
  void store.set("d", entry("xx"));
  const there = (): string => ["a", "b", "c", "d", "e"].filter((key) => store.get(key) !== undefined).join("");
  assert.equal(there(), "acd");
  void store.set("e", entry("12345678"));
  assert.deepEqual([there(), store.holds], ["de", { entries: 2, bytes: 10, evictions: 3 }]);
  void store.set("a", entry("12345678901"));
  assert.equal(there(), "de", "what is larger than the store is not kept");
  void store.set("e", entry("1"));
  assert.equal(store.holds?.bytes, 3);
});

test("a store in memory refuses bounds that are none", () => {
  for (const options of [{ entriesMax: 0 }, { bytesMax: NaN }])
    assert.throws(
      () => createMemoryStore(options),
      (thrown) => isFault(thrown) && thrown.reason === "CACHE_OPTION_INVALID",
    );
});
