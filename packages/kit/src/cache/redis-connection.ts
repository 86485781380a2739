import type { Cluster, ClusterOptions, Redis, RedisOptions } from "ioredis";
import { Cluster as IoCluster, Redis as IoRedis } from "ioredis";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";

/** Where Redis is, and how long one waits for it. */
export interface RedisConnectionOptions {
  /** "redis://:password@host:6379/0", "rediss://…" for TLS. Of a cluster, any of its nodes. */
  readonly url: string;
  /** Asks the node for the others and follows keys to them. Default false. */
  readonly cluster?: boolean;
  /** Time for one command, connecting included. Default 100: a cache that takes longer is no help. */
  readonly commandTimeoutMs?: number;
  /** Hears of lost connections; each command tells by itself. Default nobody. */
  readonly onError?: (error: Error) => void;
  /** Its chance jitters the pauses. Default the system's. */
  readonly clock?: Clock;
}

const reconnectMsMax = 2000;

/**
 * A connection that fails fast and comes back by itself: commands are pipelined, reject when they take too long and when there is no
 * connection, and it is made anew after a jittered pause of at most two seconds, for ever.
 */
export function connectRedis(options: RedisConnectionOptions): Redis | Cluster {
  const { url, cluster = false, commandTimeoutMs = 100, onError, clock = systemClock } = options;
  const common: RedisOptions = {
    commandTimeout: commandTimeoutMs,
    connectTimeout: 2000,
    enableAutoPipelining: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempts) => Math.min(reconnectMsMax, 50 * 2 ** Math.min(attempts, 10)) * (0.5 + clock.random() / 2),
  };
  const redis = cluster ? new IoCluster([url], clusterOptions(common)) : new IoRedis(url, common);
  // Without a listener the driver would print them.
  redis.on("error", (error: Error) => onError?.(error));
  return redis;
}

function clusterOptions(common: RedisOptions): ClusterOptions {
  const { enableAutoPipelining, enableOfflineQueue, retryStrategy, ...redisOptions } = common;
  return {
    enableAutoPipelining,
    enableOfflineQueue,
    redisOptions,
    clusterRetryStrategy: (attempts) => retryStrategy?.(attempts) ?? reconnectMsMax,
  };
}
