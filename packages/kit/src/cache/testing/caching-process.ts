import { once } from "node:events";
import process from "node:process";
import { Call } from "../../call.ts";
import { createMetrics } from "../../telemetry/metrics.ts";
import { createCache } from "../cache.ts";
import { jsonCodec } from "../codec.ts";
import { createRedisPool } from "../redis-pool.ts";
import { createRedisStore } from "../redis-store.ts";

/** What a test tells the process to do. */
export interface CachingTask {
  readonly key: string;
  /** How many ask for it at once. */
  readonly gets: number;
  /** How long its load takes. */
  readonly loadMs: number;
}

/** What the process says when it is ready, when it begins to load, and when all have been answered. */
export interface CachingNews {
  readonly said: "ready" | "loading" | "answered";
  readonly loads: number;
  /** All different answers. */
  readonly answers: readonly string[];
}

/** The first message that the process is sent. */
export interface CachingBegin {
  readonly url: string;
  readonly namespace: string;
}

const [{ url, namespace }] = (await once(process, "message")) as [CachingBegin];
const redis = createRedisPool({ url });
let loads = 0;
let loadMs = 0;
const say = (news: Partial<CachingNews>): void => void process.send?.({ loads, answers: [], ...news });
const cache = createCache<string>({
  name: "caching",
  store: createRedisStore({ redis, namespace, codec: jsonCodec<string>() }),
  ttlMs: 60_000,
  storeTimeoutMs: 5000,
  metrics: createMetrics(),
  async load(key) {
    loads += 1;
    say({ said: "loading" });
    await new Promise((resolve) => setTimeout(resolve, loadMs));
    return `${key} by ${process.pid}`;
  },
});

process.on("message", (task: CachingTask) => {
  loadMs = task.loadMs;
  const asked = Array.from({ length: task.gets }, () => cache.get(task.key, new Call({ timeoutMs: 30_000 })));
  void Promise.all(asked).then((found) => say({ said: "answered", answers: [...new Set(found)].map(String) }));
});
process.once("disconnect", () => redis.close());
await redis.ready();
say({ said: "ready" });
