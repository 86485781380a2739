import type { Cluster, ClusterOptions, Redis, RedisOptions } from "ioredis";
import { Cluster as IoCluster, Redis as IoRedis } from "ioredis";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";

/** Where Redis is, and how long one waits for it. */
export interface RedisConnectionOptions {
  /** "redis://user:password@host:6379/0", "rediss://…" for TLS. Of a cluster, any of its nodes; all have the same password. */
  readonly url: string;
  /** Asks the node for the others and follows keys to them. Default false. */
  readonly cluster?: boolean;
  /** Time for one command, connecting included. Default 1,000: whoever has less patience, as a cache has, gives up by itself. */
  readonly commandTimeoutMs?: number;
  /** Hears of lost connections; each command tells by itself. Default nobody. */
  readonly onError?: (error: Error) => void;
  /** Its chance jitters the pauses. Default the system's. */
  readonly clock?: Clock;
}

const reconnectMsMax = 2000;

/**
 * A connection that fails fast and comes back by itself: commands are pipelined, reject when they take too long and when there is no
 * connection, and it is made anew after a jittered pause of at most two seconds, for ever. A connection on which something was asked
 * and for twice `commandTimeoutMs` nothing came is given up: a path that has died without a word would hold it for minutes.
 */
export function connectRedis(options: RedisConnectionOptions): Redis | Cluster {
  const { url, cluster = false, commandTimeoutMs = 1000, onError, clock = systemClock } = options;
  const common: RedisOptions = {
    commandTimeout: commandTimeoutMs,
    socketTimeout: 2 * commandTimeoutMs,
    connectTimeout: 2000,
    enableAutoPipelining: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    // A master that has become a replica: whoever it was made for is to be found anew.
    reconnectOnError: (error) => error.message.startsWith("READONLY"),
    retryStrategy: (attempts) => Math.min(reconnectMsMax, 50 * 2 ** Math.min(attempts, 10)) * (0.5 + clock.random() / 2),
  };
  const redis = cluster ? new IoCluster([url], clusterOptions(url, common)) : new IoRedis(url, common);
  // Without a listener the driver would print them.
  redis.on("error", (error: Error) => onError?.(error));
  return redis;
}

function clusterOptions(url: string, common: RedisOptions): ClusterOptions {
  const { enableAutoPipelining: _, enableOfflineQueue, retryStrategy, ...redisOptions } = common;
  const { protocol, username, password, hostname } = new URL(url);
  return {
    enableOfflineQueue,
    // Of a pipeline the driver follows moved slots only when all its commands were moved, and else never learns of them.
    enableAutoPipelining: false,
    // The driver takes these from the URL for the first node only.
    redisOptions: {
      ...redisOptions,
      ...(username && { username: decodeURIComponent(username) }),
      ...(password && { password: decodeURIComponent(password) }),
      ...(protocol === "rediss:" && { tls: { servername: hostname } }),
    },
    // How often a command is sent on or again while a slot moves or a node is away, and after what pause.
    maxRedirections: 8,
    retryDelayOnTryAgain: 10,
    retryDelayOnFailover: 20,
    retryDelayOnClusterDown: 20,
    clusterRetryStrategy: (attempts) => retryStrategy?.(attempts) ?? reconnectMsMax,
  };
}
