import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Cluster, Redis } from "ioredis";
import { Call } from "../call.ts";
import { isFault } from "../fault.ts";
import { createCache } from "./cache.ts";
import { jsonCodec } from "./codec.ts";
import { connectRedis } from "./redis-connection.ts";
import { createRedisStore } from "./redis-store.ts";
import { suiteOfStores } from "./store.suite.ts";

const url = process.env["WEIR_REDIS_URL"] ?? "";
const skip = url === "" && "needs a Redis server: set WEIR_REDIS_URL=redis://:password@host:6379";
const program = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"].find((file) => existsSync(file)) ?? "";
const skipOwn = program === "" && "redis-server is not installed; tools/services.ts up installs it";
const codec = jsonCodec<{ text: string }>();

const opened: (Redis | Cluster)[] = [];
after(() => {
  for (const redis of opened) redis.disconnect();
});

async function connected(options: Parameters<typeof connectRedis>[0]): Promise<Redis | Cluster> {
  const redis = connectRedis(options);
  opened.push(redis);
  if (redis.status !== "ready") await once(redis, "ready");
  return redis;
}

let stores = 0;
suiteOfStores([
  {
    name: "redis",
    skip,
    make: async () => {
      const redis = await connected({ url, commandTimeoutMs: 5000 });
      return createRedisStore({ redis, namespace: `test:${process.pid}:${stores++}`, codec });
    },
  },
]);

/** A server of its own on a free port, which may be stopped, frozen and started again. */
async function startRedis(folder: string, given?: number): Promise<{ readonly port: number; readonly child: ChildProcess }> {
  const port = given ?? (await freePort());
  const args = [
    "--port",
    `${port}`,
    "--bind",
    "127.0.0.1",
    "--dir",
    folder,
    "--save",
    "",
    "--maxmemory",
    "20mb",
    "--maxmemory-policy",
    "noeviction",
  ];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  for await (const chunk of child.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
    said += chunk as string;
    if (said.includes("Ready to accept connections")) break;
  }
  child.stdout.resume();
  return { port, child };
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

test(
  "a cache answers while its Redis is killed, started again, frozen and let go, and uses it again each time",
  { skip: skipOwn, timeout: 60_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "weir-redis-"));
    let server = await startRedis(folder);
    try {
      const redis = await connected({ url: `redis://127.0.0.1:${server.port}` });
      let loads = 0;
      const load = async (key: string): Promise<{ text: string }> => ({ text: `${key} ${++loads}` });
      const cache = createCache({ name: "chaos", store: createRedisStore({ redis, namespace: "chaos", codec }), load, ttlMs: 60_000 });
      let slowestMs = 0;
      /** Asks without pause until it is so, and fails when an answer does or is late. */
      const until = async (what: string, isSo: () => Promise<boolean> | boolean): Promise<void> => {
        const endMs = performance.now() + 15_000;
        for (let key = 0; !(await isSo()); key++) {
          assert.ok(performance.now() < endMs, `expected ${what} within 15 s`);
          const startedMs = performance.now();
          const answers = await Promise.all(
            Array.from({ length: 20 }, (_, index) => cache.get(`key-${(key + index) % 100}`, new Call({ timeoutMs: 2000 }))),
          );
          assert.ok(answers.every((answer) => answer?.text.startsWith("key-")));
          slowestMs = Math.max(slowestMs, performance.now() - startedMs);
          // Answers without a store come without a turn of the event loop, and the connection needs one.
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      /** Whether the same key twice is loaded at most once: the store keeps. */
      const keeps = async (): Promise<boolean> => {
        const key = `probe-${performance.now()}`;
        const [first, second] = [await cache.get(key, new Call()), await cache.get(key, new Call())];
        return first?.text === second?.text;
      };
      await until("it to be kept", keeps);
      server.child.kill("SIGKILL");
      await until("it to be done without", async () => !(await keeps()));
      server = await startRedis(folder, server.port);
      await until("it to be kept after a restart", keeps);
      server.child.kill("SIGSTOP");
      await until("it to be done without while frozen", async () => !(await keeps()));
      server.child.kill("SIGCONT");
      await until("it to be kept after it was let go", keeps);
      assert.ok(slowestMs < 1000, `the slowest answer took ${slowestMs.toFixed(0)} ms`);
    } finally {
      server.child.kill("SIGCONT");
      server.child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

test("a Redis that is full keeps nothing more, and the cache answers", { skip: skipOwn, timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "weir-redis-"));
  const server = await startRedis(folder);
  try {
    const redis = await connected({ url: `redis://127.0.0.1:${server.port}`, commandTimeoutMs: 2000 });
    const store = createRedisStore({ redis, namespace: "full", codec });
    const large = { text: "x".repeat(1_000_000) };
    const nowMs = Date.now();
    const fill = async (): Promise<void> => {
      for (let key = 0; key < 100; key++)
        await store.set(`${key}`, { value: large, freshUntilMs: nowMs + 60_000, keptUntilMs: nowMs + 60_000 });
    };
    await assert.rejects(fill(), (thrown) => isFault(thrown) && thrown.reason === "CACHE_STORE_AWAY" && /OOM/.test(thrown.message));
    const cache = createCache({ name: "full", store, load: async (key) => ({ text: key }), ttlMs: 60_000 });
    assert.deepEqual(await cache.get("more", new Call()), { text: "more" });
  } finally {
    server.child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
});

test("bytes that are none of ours are as good as absent, and a namespace keeps to itself", { skip }, async () => {
  const redis = await connected({ url });
  const store = createRedisStore({ redis, namespace: `own:${process.pid}`, codec });
  await redis.set(`own:${process.pid}:{a}`, "something else", "PX", 5000);
  assert.equal(await store.get("a"), undefined);
  const nowMs = Date.now();
  await store.set("a", { value: { text: "a" }, freshUntilMs: nowMs + 5000, keptUntilMs: nowMs + 5000 });
  assert.equal(await createRedisStore({ redis, namespace: `other:${process.pid}`, codec }).get("a"), undefined);
  for (const key of ["", "x".repeat(513)])
    await assert.rejects(Promise.resolve(store.get(key)), (thrown) => isFault(thrown) && thrown.reason === "CACHE_OPTION_INVALID");
});

test("a lease is for one at a time, and ends for its owner only", { skip }, async () => {
  const redis = await connected({ url });
  const [one, other] = [0, 1].map(() => createRedisStore({ redis, namespace: `lease:${process.pid}`, codec }));
  const end = await one!.lease("a", 5000);
  assert.equal(typeof end, "function");
  assert.equal(await other!.lease("a", 5000), undefined);
  await end!();
  const second = await other!.lease("a", 5000);
  await end!();
  assert.equal(await one!.lease("a", 5000), undefined, "whoever had it before ends nothing");
  await second!();
});
