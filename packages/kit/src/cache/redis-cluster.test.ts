import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Cluster } from "ioredis";
import { Call } from "../call.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { createCache } from "./cache.ts";
import type { CacheCodec } from "./codec.ts";
import { jsonCodec } from "./codec.ts";
import type { RedisPool } from "./redis-pool.ts";
import { createRedisPool } from "./redis-pool.ts";
import { slotCount, slotOfKey } from "./redis-slot.ts";
import { createRedisStore } from "./redis-store.ts";
import type { SuiteValue } from "./store.suite.ts";
import { suiteOfStores } from "./store.suite.ts";
import { loadOn } from "./testing/cache-load.ts";
import type { TestCluster } from "./testing/redis-cluster.ts";
import { skipOwnCluster, startTestCluster } from "./testing/redis-cluster.ts";

const codec: CacheCodec<SuiteValue> = jsonCodec<{ text: string }>();
const options = { skip: skipOwnCluster, timeout: 120_000 };

let cluster: TestCluster;
let pool: RedisPool;
before(async () => {
  if (skipOwnCluster) return;
  cluster = await startTestCluster();
  pool = createRedisPool({ url: cluster.url, cluster: true });
  assert.equal(await pool.ready(), true);
});
after(async () => {
  pool?.close();
  await cluster?.[Symbol.asyncDispose]();
});

let stores = 0;
suiteOfStores([
  {
    name: "cluster",
    skip: skipOwnCluster,
    make: async () => createRedisStore({ redis: pool, namespace: `suite-${stores++}`, codec }),
  },
]);

test("slots are counted as the cluster counts them", options, async () => {
  for (const key of ["", "a", "films:{42}", "films:{42}:lease", "a{}b", "a{{b}}", "ä🙂", "no{tag"])
    assert.equal(slotOfKey(key), Number(await cluster.ask(["cluster", "keyslot", key])), JSON.stringify(key));
});

/** A cache that is asked without pause; everything has been loaded once. */
async function cacheAtWork(namespace: string, storeTimeoutMs: number) {
  const source = { loads: 0 };
  const store = createRedisStore({ redis: pool, namespace, codec });
  const load = async (key: string): Promise<SuiteValue> => ({ text: `${key} ${++source.loads}` });
  const cache = createCache({ name: namespace, store, load, ttlMs: 600_000, storeTimeoutMs, metrics: createMetrics() });
  const asking = loadOn(cache);
  await asking.until("everything to be kept", async () => {
    const { loads } = source;
    await asking.during(100);
    return source.loads === loads;
  });
  asking.take();
  return { source, store, cache, asking };
}

test("keys are found on all nodes, and follow their slots from one to another without being loaded anew", options, async () => {
  const { source, store, asking } = await cacheAtWork("moving", 2000);
  const parts = new Set(Array.from({ length: 100 }, (_, key) => store.partOf?.(`key-${key}`)));
  assert.deepEqual(parts, new Set(cluster.nodes.map(({ port }) => `127.0.0.1:${port}`)));
  const { loads } = source;
  const [from, to] = [cluster.nodes[0]!, cluster.nodes[1]!];
  const ownerOf = (): string[] => (pool.take("") as Cluster).slots.map((nodes) => nodes?.[0] ?? "");
  const before = ownerOf().filter((owner) => owner.endsWith(`:${from.port}`)).length;
  let moved = false;
  const moving = cluster.moveSlots(1000, { from, to }).then(() => (moved = true));
  await asking.until("the slots to have moved", () => moved);
  await moving;
  await asking.during(500);
  const { requests, failed } = asking.take();
  assert.equal(failed, 0);
  assert.ok(requests > 100);
  const loadedAnew = source.loads - loads;
  assert.ok(loadedAnew <= 5, `${loadedAnew} keys were loaded anew while 1,000 of ${slotCount} slots moved`);
  const name = Array.from({ length: 100 }, (_, key) => `moving:{key-${key}}`);
  const owners = await Promise.all(name.map(async (key) => (await cluster.ask(["-c", "exists", key])).trim()));
  assert.ok(
    owners.every((found) => found === "1"),
    "every key is still in the cluster",
  );
  assert.ok(before > 5000, `${before} slots at first`);
});

test("a node that is killed takes its own keys with it and no others, until it is back", options, async () => {
  const { source, store, cache, asking } = await cacheAtWork("killed", 300);
  const victim = cluster.nodes[2]!;
  const isLost = (key: string): boolean => store.partOf?.(key)?.endsWith(`:${victim.port}`) === true;
  const keys = Array.from({ length: 100 }, (_, key) => `key-${key}`);
  const [lost, others] = [keys.filter(isLost), keys.filter((key) => !isLost(key))];
  assert.ok(lost.length > 10 && others.length > 10, `${lost.length} of 100`);
  await victim.kill();
  await asking.during(3000);
  const { failed, slowestMs } = asking.take();
  assert.equal(failed, 0);
  assert.ok(slowestMs < 1500, `the slowest took ${slowestMs.toFixed(0)} ms`);
  const { loads } = source;
  for (const key of others) await cache.get(key, new Call());
  assert.equal(source.loads, loads, "the other nodes' keys are answered from the cluster");
  for (const key of lost) await cache.get(key, new Call());
  assert.ok(source.loads > loads + lost.length / 2, "the lost ones are loaded");
  assert.ok(Object.values(cache.status.troubles).includes("away"));
  await victim.start();
  await asking.until("its keys to be kept again", async () => {
    const before = source.loads;
    await asking.during(200);
    return source.loads === before;
  });
  assert.equal(asking.take().failed, 0);
});
