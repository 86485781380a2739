import { createHash } from "node:crypto";
import type { Cluster, Redis } from "ioredis";
import type { TokenSource } from "./token-source.ts";

/** Where buckets are kept. */
export interface RedisTokensOptions {
  /** From `connectRedis`, or ioredis' own. It is not closed here. */
  readonly redis: Redis | Cluster;
  /** Before every key: "limits:feed". What is kept under another one is not touched. */
  readonly namespace: string;
}

/**
 * One script, so that no two instances read the same bucket at a time. Redis' clock is the only one: those of instances differ. When it
 * jumps back the bucket goes on from there, when it jumps forward the bucket is full, and never more. A bucket that would be full is
 * forgotten.
 */
const script = `
local time = redis.call("TIME")
local now = time[1] * 1000 + time[2] / 1000
local wanted, rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2]) / 1000, tonumber(ARGV[3])
local kept = redis.call("HMGET", KEYS[1], "tokens", "at")
local tokens, at = tonumber(kept[1]) or burst, tonumber(kept[2]) or now
tokens = math.min(burst, tokens + math.max(0, now - at) * rate)
local granted = math.min(wanted, math.floor(tokens))
tokens = tokens - granted
redis.call("HSET", KEYS[1], "tokens", string.format("%.6f", tokens), "at", string.format("%.3f", now))
redis.call("PEXPIRE", KEYS[1], math.ceil(burst / rate) + 1000)
local wait = 0
if granted < wanted then wait = math.ceil((1 - tokens) / rate) end
return { granted, wait }
`;
const digest = createHash("sha1").update(script).digest("hex");

/** Buckets in Redis or Valkey 5 and later, also in a cluster: each is one hash, taken from by one script. */
export function createRedisTokens({ redis, namespace }: RedisTokensOptions): TokenSource {
  return {
    async take(key, { wanted, perSecond, burst }) {
      const parts = [`${namespace}:{${key}}`, wanted, perSecond, burst] as const;
      const answer = await redis.evalsha(digest, 1, ...parts).catch((thrown: Error) => {
        // A Redis that was started anew does not know the script yet.
        if (!thrown.message.startsWith("NOSCRIPT")) throw thrown;
        return redis.eval(script, 1, ...parts);
      });
      const [granted, retryAfterMs] = answer as [number, number];
      return { granted, retryAfterMs };
    },
  };
}
