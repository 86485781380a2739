import assert from "node:assert/strict";
import { after, test } from "node:test";
import { isFault } from "../fault.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { jsonCodec } from "./codec.ts";
import { connectRedis } from "./redis-connection.ts";
import { memoryFromInfo } from "./redis-memory.ts";
import { createRedisPool } from "./redis-pool.ts";
import { createRedisStore } from "./redis-store.ts";
import type { SuiteValue } from "./store.suite.ts";
import { suiteOfStores } from "./store.suite.ts";

const url = process.env["WEIR_REDIS_URL"] ?? "";
const skip = url === "" && "needs a Redis server: set WEIR_REDIS_URL=redis://:password@host:6379";
const codec = jsonCodec<{ text: string }>();
const faultOf = (reason: string) => (thrown: unknown) => isFault(thrown) && thrown.reason === reason;

const metrics = createMetrics();
const pool = skip ? undefined : createRedisPool({ url, connections: 3, commandTimeoutMs: 5000, telemetry: { name: "shared", metrics } });
after(() => pool?.close());

async function settled(isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!isSo()) {
    assert.ok(performance.now() < endMs, "expected it to come about within 10 s");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

let stores = 0;
suiteOfStores([
  {
    name: "redis",
    skip,
    make: async () => {
      await pool!.ready();
      return createRedisStore<SuiteValue>({ redis: pool!, namespace: `test:${process.pid}:${stores++}`, codec });
    },
  },
]);

test("bytes that are none of ours are as good as absent, and a namespace keeps to itself", { skip }, async () => {
  await pool!.ready();
  const store = createRedisStore({ redis: pool!, namespace: `own:${process.pid}`, codec });
  await pool!.take("").set(`own:${process.pid}:{a}`, "something else", "PX", 5000);
  assert.equal(await store.get("a"), undefined);
  const nowMs = Date.now();
  await store.set("a", { value: { text: "a" }, freshUntilMs: nowMs + 5000, keptUntilMs: nowMs + 5000 });
  const other = createRedisStore({ redis: pool!, namespace: `other:${process.pid}`, codec });
  assert.equal(await other.get("a"), undefined);
  await other.drop("a");
  assert.ok(await store.get("a"));
  for (const key of ["", "x".repeat(513)]) await assert.rejects(Promise.resolve(store.get(key)), faultOf("CACHE_OPTION_INVALID"));
});

test("a namespace that could meet another one's keys is refused, and connections are bounded", () => {
  const redis = { take: () => assert.fail("not asked") } as never;
  for (const namespace of ["", "a:{b", "a}b", "x".repeat(129)])
    assert.throws(() => createRedisStore({ redis, namespace, codec }), faultOf("CACHE_OPTION_INVALID"));
  for (const connections of [0, 65, 1.5])
    assert.throws(() => createRedisPool({ url: "redis://127.0.0.1:1", connections }), faultOf("CACHE_OPTION_INVALID"));
});

test("a connection that is lost costs no operation while another one is up, and is made anew", { skip }, async () => {
  const own = createRedisPool({ url, connections: 2, commandTimeoutMs: 5000, telemetry: { name: "own", metrics } });
  const killer = connectRedis({ url });
  try {
    await settled(() => own.state.connections.every(({ status }) => status === "ready"));
    const store = createRedisStore<SuiteValue>({ redis: own, namespace: `pool:${process.pid}`, codec });
    const entry = { value: { text: "x" }, freshUntilMs: Date.now() + 60_000, keptUntilMs: Date.now() + 60_000 };
    const one = own.take("a");
    const id = (await one.client("ID")) as number;
    const keys = Array.from({ length: 200 }, (_, key) => `${key}`);
    for (const key of keys) await store.set(key, entry);
    // Both at once: the connection is cut while commands are on it.
    const asked = keys.map((key) => store.get(key));
    await killer.client("KILL", "ID", id);
    const answers = await Promise.all([...asked, ...keys.map((key) => store.get(key))]);
    assert.ok(answers.every((answer) => answer?.value?.text === "x"));
    await settled(() => own.state.reconnects === 1 && own.state.connections.every(({ status }) => status === "ready"));
    assert.ok(own.take("a") === one, "a key goes back to its connection");
    assert.match(metrics.text(), /^weir_redis_reconnects_total\{redis="own"\} 1$/m);
    assert.match(metrics.text(), /^weir_redis_connections\{redis="own"\} 2$/m);
    assert.ok(!JSON.stringify(own.state).includes(new URL(url).password), "no password is shown");
  } finally {
    killer.disconnect();
    own.close();
  }
});

test("what Redis says of its memory is read", () => {
  const text = "# Memory\r\nused_memory:1048576\r\nused_memory_human:1.00M\r\nmaxmemory:2097152\r\n# Stats\r\nevicted_keys:7\r\n";
  assert.deepEqual(memoryFromInfo(text), { usedBytes: 1_048_576, bytesMax: 2_097_152, evictedKeys: 7 });
});
