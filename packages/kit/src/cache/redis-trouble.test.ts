import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { Redis } from "ioredis";
import { Call } from "../call.ts";
import { isFault } from "../fault.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { Cache } from "./cache.ts";
import { createCache } from "./cache.ts";
import type { CacheCodec } from "./codec.ts";
import { jsonCodec } from "./codec.ts";
import { connectRedis } from "./redis-connection.ts";
import { createRedisPool } from "./redis-pool.ts";
import { createRedisStore } from "./redis-store.ts";
import type { SuiteValue } from "./store.suite.ts";
import { loadOn } from "./testing/cache-load.ts";
import { RedisProcess, skipOwnRedis } from "./testing/redis-process.ts";
import { startSlowPath } from "./testing/slow-path.ts";

const codec: CacheCodec<SuiteValue> = jsonCodec<{ text: string }>();
const options = { skip: skipOwnRedis, timeout: 90_000 };

/** A cache over a Redis at the URL, whose loads are counted. */
function cacheOver(url: string, storeTimeoutMs: number = 300) {
  const metrics = createMetrics();
  const redis = createRedisPool({ url });
  const store = createRedisStore({ redis, namespace: "trouble", codec });
  const source = { loads: 0 };
  const load = async (key: string): Promise<SuiteValue> => ({ text: `${key} ${++source.loads}` });
  const cache = createCache({ name: "trouble", store, load, ttlMs: 600_000, storeTimeoutMs, metrics });
  const failures = (): number =>
    [...metrics.text().matchAll(/^weir_cache_store_failures_total\{.*\} (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
  return { cache, redis, store, source, failures };
}

/** Whether the same key twice is loaded at most once: the store keeps. */
async function keeps(cache: Cache<SuiteValue>): Promise<boolean> {
  const key = `probe-${performance.now()}`;
  const first = await cache.get(key, new Call());
  while (cache.status.loads.underWay > 0) await new Promise((resolve) => setImmediate(resolve));
  return (await cache.get(key, new Call()))?.text === first?.text;
}

test("under load a Redis that is killed, started again, frozen and let go fails nobody and holds up few", options, async () => {
  await using server = await RedisProcess.start();
  const { cache, redis, source, failures } = cacheOver(server.url);
  const load = loadOn(cache);
  /** Everybody is answered; besides those who were waiting when it began, about one a second has waited. */
  const judge = (phase: string, { lateMax, slowestMsMax }: { lateMax: number; slowestMsMax: number }, before: number): void => {
    const { requests, failed, slowestMs } = load.take();
    assert.equal(failed, 0, phase);
    assert.ok(requests > 100, `${phase}: ${requests} requests`);
    assert.ok(slowestMs < slowestMsMax, `${phase}: the slowest took ${slowestMs.toFixed(0)} ms`);
    const late = failures() - before;
    assert.ok(late <= lateMax, `${phase}: ${late} operations failed`);
  };
  try {
    await redis.ready();
    await load.during(500);
    judge("at work", { lateMax: 0, slowestMsMax: 1000 }, 0);
    const { loads } = source;
    await load.during(200);
    assert.equal(source.loads, loads, "everything comes from Redis");

    await server.kill();
    let before = failures();
    await load.during(3000);
    judge("killed", { lateMax: 20 + 6 + 2, slowestMsMax: 1000 }, before);
    assert.deepEqual(cache.status.troubles, { all: "away" });
    await server.start();
    await load.until("it to be used again", () => keeps(cache));
    assert.deepEqual(cache.status.troubles, {});

    load.take();
    before = failures();
    server.freeze();
    await load.during(3000);
    judge("frozen", { lateMax: 20 + 6 + 2, slowestMsMax: 1000 }, before);
    server.thaw();
    await load.until("it to be used again", () => keeps(cache));
    assert.equal(load.take().failed, 0);
    assert.ok(redis.state.reconnects > 0);
  } finally {
    server.thaw();
    redis.close();
  }
});

test("a lease that a frozen Redis was asked for belongs to nobody once it turns again", options, async () => {
  await using server = await RedisProcess.start();
  const { redis, store } = cacheOver(server.url);
  const looking = connectRedis({ url: server.url, commandTimeoutMs: 10_000 }) as Redis;
  try {
    await redis.ready();
    server.freeze();
    await assert.rejects(Promise.resolve(store.lease("a", 60_000)), (thrown) => isFault(thrown) && thrown.reason === "CACHE_STORE_AWAY");
    server.thaw();
    if (looking.status !== "ready") await once(looking, "ready");
    const endMs = performance.now() + 10_000;
    while (!/cmdstat_set:calls=1/.test(await looking.info("commandstats"))) assert.ok(performance.now() < endMs, "expected it to be taken");
    assert.equal(await looking.exists("trouble:{a}:lease"), 0, "it was taken, and ended");
  } finally {
    looking.disconnect();
    server.thaw();
    redis.close();
  }
});

test("a Redis that is full is still read, keeps nothing more, and is written again when there is room", options, async () => {
  await using server = await RedisProcess.start(["--maxmemory", "20mb", "--maxmemory-policy", "noeviction"]);
  const { cache, redis, store, source } = cacheOver(server.url, 2000);
  try {
    await redis.ready();
    await cache.get("before", new Call());
    const nowMs = Date.now();
    const filled: string[] = [];
    // Ever smaller, until not even a little goes in.
    for (const size of [1_000_000, 10_000, 100]) {
      const entry = { value: { text: "x".repeat(size) }, freshUntilMs: nowMs + 60_000, keptUntilMs: nowMs + 60_000 };
      const fill = async (): Promise<void> => {
        for (let key = 0; key < 20_000; key++) {
          await store.set(`${size}-${key}`, entry);
          filled.push(`${size}-${key}`);
        }
      };
      await assert.rejects(fill(), (thrown) => isFault(thrown) && thrown.reason === "CACHE_STORE_READ_ONLY" && /OOM/.test(thrown.message));
    }
    const { loads } = source;
    for (let asked = 0; asked < 50; asked++) {
      assert.match((await cache.get("more", new Call()))?.text ?? "", /^more/);
      assert.equal((await cache.get("before", new Call()))?.text, "before 1");
    }
    assert.equal(source.loads, loads + 50, "what is there is read, the rest is loaded each time");
    assert.deepEqual(cache.status.troubles, { all: "read_only" });
    for (const key of filled) await store.drop(key);
    await loadOn(cache).until("it to be written again", () => keeps(cache));
  } finally {
    redis.close();
  }
});

test("a Redis that is slow is waited for as long as the cache has patience, and then done without", options, async () => {
  await using server = await RedisProcess.start();
  await using path = await startSlowPath(server.port);
  const { cache, redis, source, failures } = cacheOver(path.url, 400);
  try {
    await redis.ready();
    await cache.get("a", new Call());
    path.delayMs = 20;
    const before = failures();
    for (let asked = 0; asked < 5; asked++) assert.equal((await cache.get("a", new Call()))?.text, "a 1");
    assert.deepEqual([failures() - before, source.loads], [0, 1], "slow answers are used");
    path.delayMs = 600;
    const startedMs = performance.now();
    for (let asked = 0; asked < 20; asked++) assert.ok(await cache.get("a", new Call()));
    assert.ok(performance.now() - startedMs < 3000, "one has waited, the others have not");
    assert.equal(source.loads, 21);
    path.delayMs = 0;
    await loadOn(cache).until("it to be used again", () => keeps(cache));
  } finally {
    redis.close();
  }
});

test("a loop that was blocked does not pass for a Redis that is slow", options, async () => {
  await using server = await RedisProcess.start();
  const { cache, redis, source, failures } = cacheOver(server.url, 200);
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  try {
    await redis.ready();
    await loadOn(cache).until("it to be kept", () => keeps(cache));
    await cache.get("a", new Call());
    while (cache.status.loads.underWay > 0) await turn();
    const before = [failures(), source.loads];
    for (let times = 0; times < 3; times++) {
      const answer = cache.get("a", new Call());
      // Time for the command to leave; then the answer arrives while nobody reads it.
      for (let turns = 0; turns < 3; turns++) await turn();
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
      assert.match((await answer)?.text ?? "", /^a /);
    }
    assert.deepEqual([failures(), source.loads], before);
  } finally {
    redis.close();
  }
});

test("connections that died without a word are given up and made anew", options, async () => {
  await using server = await RedisProcess.start();
  await using path = await startSlowPath(server.port);
  const { cache, redis } = cacheOver(path.url);
  try {
    await redis.ready();
    const asking = loadOn(cache);
    await asking.until("it to be kept", () => keeps(cache));
    path.silence();
    await asking.until("it to be done without", () => cache.status.troubles["all"] === "away");
    await asking.until("it to be used again", () => keeps(cache));
    assert.equal(asking.take().failed, 0);
    assert.ok(redis.state.reconnects > 0);
  } finally {
    redis.close();
  }
});
