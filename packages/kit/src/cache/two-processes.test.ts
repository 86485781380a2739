import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { CachingBegin, CachingNews, CachingTask } from "./testing/caching-process.ts";
import { RedisProcess, skipOwnRedis } from "./testing/redis-process.ts";

let redis: RedisProcess;
before(async () => {
  if (!skipOwnRedis) redis = await RedisProcess.start();
});
const children: ChildProcess[] = [];
after(async () => {
  for (const child of children) child.kill("SIGKILL");
  await redis?.[Symbol.asyncDispose]();
});

/** A process with a cache over the same Redis, and what it has said. */
interface Caching {
  readonly child: ChildProcess;
  ask(task: CachingTask): void;
  heard(said: CachingNews["said"]): Promise<CachingNews>;
}

async function start(namespace: string): Promise<Caching> {
  const file = fileURLToPath(new URL("testing/caching-process.ts", import.meta.url));
  const child = fork(file);
  children.push(child);
  const news: CachingNews[] = [];
  const waiting = new Set<() => void>();
  child.on("message", (one: CachingNews) => {
    news.push(one);
    for (const wake of waiting) wake();
  });
  const heard = async (said: CachingNews["said"]): Promise<CachingNews> => {
    for (;;) {
      const found = news.find((one) => one.said === said);
      if (found) return found;
      await new Promise<void>((resolve) => {
        waiting.add(resolve);
      });
    }
  };
  const begin: CachingBegin = { url: redis.url, namespace };
  child.send(begin);
  await heard("ready");
  return { child, ask: (task) => void child.send(task), heard };
}

const options = { skip: skipOwnRedis, timeout: 60_000 };

test("a thousand that miss at once in two processes make one load", options, async () => {
  const both = await Promise.all(["one", "one"].map(start));
  for (const { ask } of both) ask({ key: "hot", gets: 500, loadMs: 100 });
  const answered = await Promise.all(both.map(({ heard }) => heard("answered")));
  assert.equal(
    answered.reduce((sum, { loads }) => sum + loads, 0),
    1,
  );
  assert.equal(new Set(answered.flatMap(({ answers }) => answers)).size, 1);
});

test("a process waits for another one's load however long it takes, and not for one that was killed", options, async () => {
  const [slow, other] = await Promise.all(["two", "two"].map(start));
  slow!.ask({ key: "slow", gets: 1, loadMs: 2500 });
  await slow!.heard("loading");
  other!.ask({ key: "slow", gets: 10, loadMs: 0 });
  const [found, waited] = await Promise.all([slow!.heard("answered"), other!.heard("answered")]);
  assert.deepEqual([found.answers, waited.loads], [waited.answers, 0], "its lease was held for longer than a second");
  const [killed, next] = await Promise.all(["three", "three"].map(start));
  killed!.ask({ key: "lost", gets: 1, loadMs: 60_000 });
  await killed!.heard("loading");
  const killedMs = performance.now();
  killed!.child.kill("SIGKILL");
  next!.ask({ key: "lost", gets: 10, loadMs: 0 });
  const { loads } = await next!.heard("answered");
  assert.equal(loads, 1);
  const waitedMs = performance.now() - killedMs;
  assert.ok(waitedMs < 4000, `its lease ran out after ${waitedMs.toFixed(0)} ms, of about 1,000`);
});
