import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";
import type { Cluster, Redis } from "ioredis";
import { connectRedis } from "../cache/redis-connection.ts";
import { RedisProcess, skipOwnRedis } from "../cache/testing/redis-process.ts";
import { Call } from "../call.ts";
import { systemClock } from "../clock.ts";
import type { Policy } from "./policy.ts";
import type { GlobalRateLimitOptions, GlobalRateLimitState } from "./global-rate-limit.ts";
import { createGlobalRateLimit } from "./global-rate-limit.ts";
import { createRedisTokens } from "./redis-tokens.ts";

const url = process.env["WEIR_REDIS_URL"] ?? "";
const skip = url === "" && "needs a Redis server: set WEIR_REDIS_URL=redis://:password@host:6379";
const opened: (Redis | Cluster)[] = [];
after(() => {
  for (const redis of opened) redis.disconnect();
});

async function connected(to: string): Promise<Redis | Cluster> {
  const redis = connectRedis({ url: to });
  opened.push(redis);
  if (redis.status !== "ready") await once(redis, "ready");
  return redis;
}

interface Instance {
  readonly policy: Policy<GlobalRateLimitOptions, GlobalRateLimitState>;
  ask(): Promise<boolean>;
}

/** An instance with a connection of its own. */
async function startInstance(to: string, options: GlobalRateLimitOptions, namespace: string): Promise<Instance> {
  const policy = createGlobalRateLimit(options, { tokens: createRedisTokens({ redis: await connected(to), namespace }) });
  const serve = policy.layer(async (request: string) => request);
  return {
    policy,
    ask: () =>
      serve("x", new Call({ timeoutMs: 5000 })).then(
        () => true,
        () => false,
      ),
  };
}

/** Asks each instance so often a second, on time or late but all, until `isOver`; how many were asked, passed, and for how long. */
async function load(
  instances: readonly Instance[],
  perSecond: number,
  isOver: (elapsedMs: number) => boolean,
): Promise<{ asked: number; passed: number; durationMs: number; slowestMs: number }> {
  const answers: Promise<void>[] = [];
  const beganMs = performance.now();
  let [asked, passed, slowestMs] = [0, 0, 0];
  while (!isOver(performance.now() - beganMs)) {
    for (; asked < ((performance.now() - beganMs) / 1000) * perSecond * instances.length; asked++) {
      const askedMs = performance.now();
      const answer = instances[asked % instances.length]!.ask();
      answers.push(
        answer.then((didPass) => {
          if (didPass) passed += 1;
          slowestMs = Math.max(slowestMs, performance.now() - askedMs);
        }),
      );
    }
    await systemClock.sleep(2);
  }
  await Promise.all(answers);
  return { asked, passed, durationMs: performance.now() - beganMs, slowestMs };
}

test("four instances against one Redis keep one limit to within what they hold, by a take for many calls", { skip }, async () => {
  const options = { perSecond: 500, burst: 50, leaseMax: 25, timeoutMs: 2000 };
  const namespace = `test:limit:${process.pid}`;
  const instances = await Promise.all(Array.from({ length: 4 }, () => startInstance(url, options, namespace)));
  const { asked, passed, durationMs } = await load(instances, 500, (elapsedMs) => elapsedMs > 3000);
  const most = (500 * durationMs) / 1000 + 50 + 4 * 25;
  const figures = `${passed} of ${asked} calls passed in ${durationMs.toFixed(0)} ms, ${most.toFixed(0)} may`;
  assert.ok(passed <= most && passed >= 0.8 * 500 * 3, figures);
  const takes = instances.reduce((sum, { policy }) => sum + policy.state().takes, 0);
  assert.ok(takes < asked / 5, `${takes} takes for ${asked} calls`);
});

test("buckets go by Redis' clock, and one that is full is forgotten", { skip }, async () => {
  const redis = await connected(url);
  const namespace = `test:tokens:${process.pid}`;
  const [one, other] = [0, 1].map(() => createRedisTokens({ redis, namespace })) as [
    ReturnType<typeof createRedisTokens>,
    ReturnType<typeof createRedisTokens>,
  ];
  const wish = { wanted: 30, perSecond: 0.01, burst: 50 };
  assert.deepEqual(await one.take("a", wish), { granted: 30, retryAfterMs: 0 });
  const rest = await other.take("a", wish);
  assert.equal(rest.granted, 20);
  assert.ok(rest.retryAfterMs > 90_000 && rest.retryAfterMs <= 100_000);
  const key = `${namespace}:{a}`;
  // As after a jump of its clock: an hour ahead, then an hour back.
  const [seconds] = (await redis.time()) as unknown as [string, string];
  await redis.hset(key, "at", `${(Number(seconds) - 36_000_000) * 1000}`);
  assert.equal((await one.take("a", { ...wish, wanted: 100 })).granted, 50, "never more than a burst");
  await redis.hset(key, "at", `${(Number(seconds) + 3600) * 1000}`);
  assert.equal((await one.take("a", wish)).granted, 0);
  const at = Number(await redis.hget(key, "at"));
  assert.ok(Math.abs(at / 1000 - Number(seconds)) < 60, "it goes on from the time that is");
  await one.take("b", { wanted: 1, perSecond: 1000, burst: 10 });
  assert.ok((await redis.pttl(`${namespace}:{b}`)) <= 1010);
});

test(
  "planted fault, Redis frozen and killed: limits do as they are told meanwhile, and are global again within 3 seconds",
  { skip: skipOwnRedis, timeout: 90_000 },
  async () => {
    await using server = await RedisProcess.start();
    const kinds = ["local", "open", "closed"] as const;
    const options = { perSecond: 100, burst: 10, leaseMax: 10, localShare: 0.5, retryMs: 300, timeoutMs: 100 };
    const instances = await Promise.all(kinds.map((whenAway) => startInstance(server.url, { ...options, whenAway }, whenAway)));
    const modes = (): string => instances.map(({ policy }) => policy.state().mode).join(" ");
    /** Asks until all modes are so; how long that took. */
    const until = async (expected: string): Promise<number> => {
      const { durationMs, slowestMs } = await load(instances, 100, (elapsedMs) => modes() === expected || elapsedMs > 10_000);
      assert.equal(modes(), expected);
      assert.ok(slowestMs < 1000, `a call waited for ${slowestMs.toFixed(0)} ms`);
      return durationMs;
    };
    for (const [away, back] of [
      [async () => server.freeze(), async () => server.thaw()],
      [() => server.kill(), () => server.start()],
    ] as const) {
      await until("global global global");
      await away();
      await until("local open closed");
      const before = instances.map(({ policy }) => policy.state().passed);
      const { asked, durationMs } = await load(instances, 200, (elapsedMs) => elapsedMs > 2000);
      const [local, open, closed] = instances.map(({ policy }, index) => policy.state().passed - before[index]!) as [
        number,
        number,
        number,
      ];
      const figures = `${local}, ${open} and ${closed} of ${asked / 3} passed in ${durationMs.toFixed(0)} ms`;
      assert.ok(local >= 80 && local <= (50 * durationMs) / 1000 + 15, figures);
      assert.ok(open >= asked / 3 - 1 && closed <= 10, figures);
      await back();
      const backMs = await until("global global global");
      assert.ok(backMs < 3000, `${backMs.toFixed(0)} ms until it was global again`);
    }
    assert.ok(instances.every(({ policy }) => policy.state().failedTakes > 0));
  },
);
