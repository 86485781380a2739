import type { Cluster, Redis } from "ioredis";
import { fault } from "../fault.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { cacheReasons } from "./reasons.ts";
import type { RedisConnectionOptions } from "./redis-connection.ts";
import { connectRedis } from "./redis-connection.ts";
import { watchRedisMemory } from "./redis-memory.ts";
import { slotOfKey } from "./redis-slot.ts";

/** Several connections to one Redis or cluster. */
export interface RedisPoolOptions extends RedisConnectionOptions {
  /** 1 to 64. Default 2: one is enough for most rates, two leave one when the other is lost or carries something large. */
  readonly connections?: number;
  /** Where connections and the server's memory are shown, under this name. Default nowhere. */
  readonly telemetry?: { readonly name: string; readonly metrics: Metrics };
}

/** Connections that share the keys. Closed by whoever made it. */
export interface RedisPool {
  /** The connection for a key: always the same while that is up, so that what concerns one key stays in order; else another. */
  take(key: string): Redis | Cluster;
  /** Resolves when one connection is up; after `timeoutMs` (default 5,000) also without. */
  ready(timeoutMs?: number): Promise<boolean>;
  readonly state: RedisPoolState;
  close(): void;
}

/** How the connections are, for operators. */
export interface RedisPoolState {
  readonly connections: readonly RedisConnectionState[];
  /** Connections made anew since the beginning. */
  readonly reconnects: number;
  /** The last error of any of them, and when, in milliseconds since 1970. */
  readonly lastError: { readonly message: string; readonly atMs: number } | undefined;
}

/** One connection; of a cluster one for each of its nodes. */
export interface RedisConnectionState {
  /** "127.0.0.1:6379". */
  readonly address: string;
  /** The driver's word: "ready", "connecting", "reconnecting", "close", "end". */
  readonly status: string;
}

/** Opens the connections; they are made behind. Throws CACHE_OPTION_INVALID. */
export function createRedisPool(options: RedisPoolOptions): RedisPool {
  const { connections: count = 2 } = options;
  if (!Number.isInteger(count) || count < 1 || count > 64)
    throw fault(cacheReasons.CACHE_OPTION_INVALID, `Expected connections from 1 to 64, found ${count}.`);
  return new ConnectionPool(options, count);
}

class ConnectionPool implements RedisPool {
  readonly #connections: readonly (Redis | Cluster)[];
  readonly #unwatch: () => void;
  #reconnects = 0;
  #lastError: RedisPoolState["lastError"];

  constructor(options: RedisPoolOptions, count: number) {
    const onError = (error: Error): void => {
      this.#lastError = { message: error.message.slice(0, 200), atMs: Date.now() };
      options.onError?.(error);
    };
    this.#connections = Array.from({ length: count }, () => connectRedis({ ...options, onError }));
    for (const one of this.#connections) {
      one.on("reconnecting", () => {
        this.#reconnects += 1;
      });
    }
    this.#unwatch = options.telemetry ? this.#show(options.telemetry) : () => undefined;
  }

  take(key: string): Redis | Cluster {
    const { length } = this.#connections;
    const first = length === 1 ? 0 : slotOfKey(key) % length;
    for (let step = 0; step < length; step++) {
      const one = this.#connections[(first + step) % length] as Redis | Cluster;
      if (one.status === "ready") return one;
    }
    return this.#connections[first] as Redis | Cluster;
  }

  async ready(timeoutMs: number = 5000): Promise<boolean> {
    const isUp = (): boolean => this.#connections.some(({ status }) => status === "ready");
    if (isUp()) return true;
    const up = Promise.withResolvers<void>();
    const timer = setTimeout(up.resolve, timeoutMs);
    const onReady = (): void => up.resolve();
    for (const one of this.#connections) one.once("ready", onReady);
    await up.promise;
    clearTimeout(timer);
    for (const one of this.#connections) one.off("ready", onReady);
    return isUp();
  }

  get state(): RedisPoolState {
    const connections = this.#connections.flatMap((one) =>
      nodesOf(one).map(({ options, status }) => ({ address: `${options.host}:${options.port}`, status })),
    );
    return { connections, reconnects: this.#reconnects, lastError: this.#lastError };
  }

  close(): void {
    this.#unwatch();
    for (const one of this.#connections) one.disconnect();
  }

  #show({ name, metrics }: NonNullable<RedisPoolOptions["telemetry"]>): () => void {
    const open = metrics
      .gauge({ name: "weir_redis_connections", help: "Connections to Redis that are up.", labels: ["redis"] })
      .labels(name);
    const reconnects = metrics
      .counter({ name: "weir_redis_reconnects_total", help: "Connections to Redis that were made anew.", labels: ["redis"] })
      .labels(name);
    let counted = 0;
    metrics.beforeText(() => {
      open.set(this.state.connections.filter(({ status }) => status === "ready").length);
      reconnects.add(this.#reconnects - counted);
      counted = this.#reconnects;
    });
    return watchRedisMemory(() => nodesOf(this.take("")), { name, metrics });
  }
}

/** A cluster's masters; a single server is one. */
function nodesOf(redis: Redis | Cluster): readonly Redis[] {
  return redis.isCluster ? (redis as Cluster).nodes("master") : [redis as Redis];
}
