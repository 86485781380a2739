import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "../call.ts";
import { createCache } from "./cache.ts";
import type { CacheEntry, CacheStore } from "./store.ts";

/** A store to judge; its clock is the machine's, as stores outside the process have no other. */
export interface StoreCase {
  readonly name: string;
  readonly skip?: string | false;
  /** A store that no test before has used. */
  make(): Promise<CacheStore<{ text: string }>>;
}

const lasting = (text: string | undefined): CacheEntry<{ text: string }> => {
  const nowMs = Date.now();
  return { value: text === undefined ? undefined : { text }, freshUntilMs: nowMs + 30_000, keptUntilMs: nowMs + 60_000 };
};

/** What every store of caches does. */
export function suiteOfStores(cases: readonly StoreCase[]): void {
  for (const { name, skip, make } of cases) {
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
      while (Date.now() < nowMs + 60) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(await store.get("short"), undefined);
    });

    test(`${name}: a thousand that miss at once load once, and each key for itself`, options, async () => {
      const store = await make();
      const loads: string[] = [];
      const load = async (key: string): Promise<{ text: string }> => {
        loads.push(key);
        await new Promise((resolve) => setImmediate(resolve));
        return { text: key.toUpperCase() };
      };
      const cache = createCache({ name: "suite", store, load, ttlMs: 60_000, storeTimeoutMs: 5000 });
      const answers = await Promise.all(Array.from({ length: 1000 }, (_, index) => cache.get(index % 2 === 0 ? "a" : "b", new Call())));
      assert.deepEqual(loads.toSorted(), ["a", "b"]);
      assert.ok(answers.every((answer, index) => answer?.text === (index % 2 === 0 ? "A" : "B")));
      assert.deepEqual(await cache.get("a", new Call()), { text: "A" });
      assert.equal(loads.length, 2);
    });
  }
}
