import assert from "node:assert/strict";
import { test } from "node:test";
import { createApp } from "../app/app.ts";
import { Call } from "../call.ts";
import { isFault } from "../fault.ts";
import { createGreeter } from "../rpc/testdata/greeter.ts";
import type { CacheStatus } from "./cache.ts";
import { createCaches } from "./caches.ts";
import { createMemoryStore } from "./memory-store.ts";

interface Answer {
  readonly status: number;
  readonly body: { readonly reason?: string; readonly caches?: readonly CacheStatus[] };
}

async function ask(url: string, change?: unknown): Promise<Answer> {
  const init = change === undefined ? {} : { method: "POST", body: JSON.stringify(change) };
  const answer = await fetch(url, { ...init, headers: { "content-type": "application/json", connection: "close" } });
  return { status: answer.status, body: (await answer.json()) as Answer["body"] };
}

test("the caches of an app are on its admin port and its metrics by themselves, and an operator may drop a key", async () => {
  const app = createApp({ name: "sample", services: [createGreeter()] });
  const caches = createCaches(app);
  let loads = 0;
  const load = async (key: string): Promise<string | undefined> => (key === "none" ? undefined : `${key} ${++loads}`);
  const films = caches.create({ name: "films", store: createMemoryStore<string>({ entriesMax: 2 }), load, ttlMs: 60_000 });
  caches.create({ name: "users", store: createMemoryStore<string>(), load, ttlMs: 60_000 });
  await using running = await app.start();
  const url = `http://127.0.0.1:${running.adminPort}`;
  for (const key of ["a", "a", "none", "none", "b"]) await films.get(key, new Call());
  const [shown, other] = (await ask(`${url}/caches`)).body.caches ?? [];
  assert.deepEqual(
    [shown?.name, shown?.requests, shown?.hitRate, shown?.holds?.entries, shown?.holds?.evictions, shown?.loads.done],
    ["films", { hit: 1, stale: 0, absent: 1, miss: 3 }, 0.4, 2, 1, 3],
  );
  assert.ok((shown?.holds?.bytes ?? 0) > 0);
  assert.deepEqual([other?.name, other?.hitRate], ["users", 0]);
  assert.deepEqual(
    (await ask(`${url}/caches?cache=users`)).body.caches?.map(({ name }) => name),
    ["users"],
  );
  const text = await (await fetch(`${url}/metrics`, { headers: { connection: "close" } })).text();
  for (const line of [
    'weir_cache_requests_total{cache="films",outcome="hit"} 1',
    'weir_cache_requests_total{cache="films",outcome="miss"} 3',
    'weir_cache_load_seconds_count{cache="films"} 3',
    'weir_cache_evictions_total{cache="films"} 1',
    'weir_cache_entries{cache="films"} 2',
  ])
    assert.ok(text.includes(`${line}\n`), line);
  assert.equal((await ask(`${url}/caches`, { cache: "films", drop: "b" })).status, 200);
  assert.equal(await films.get("b", new Call()), "b 3");
  for (const change of [null, { cache: "nobody", drop: "a" }, { cache: "films" }, { cache: "films", drop: 7 }]) {
    const { status, body } = await ask(`${url}/caches`, change);
    assert.deepEqual([status, body.reason], [400, "CACHE_CHANGE_INVALID"], JSON.stringify(change));
  }
  assert.equal((await ask(`${url}/caches?cache=nobody`)).status, 400);
});

test("two caches of an app have two names", () => {
  const caches = createCaches(createApp({ name: "sample", services: [] }));
  const options = { name: "films", store: createMemoryStore<string>(), load: async () => "", ttlMs: 1 };
  caches.create(options);
  assert.throws(
    () => caches.create(options),
    (thrown) => isFault(thrown) && thrown.reason === "CACHE_OPTION_INVALID",
  );
});
