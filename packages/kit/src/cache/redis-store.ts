import type { Cluster, Redis } from "ioredis";
import { fault } from "../fault.ts";
import type { CacheCodec } from "./codec.ts";
import { cacheReasons } from "./reasons.ts";
import type { CacheEntry, CacheStore, EndLease } from "./store.ts";

/** A store in Redis or Valkey. */
export interface RedisStoreOptions<V> {
  /** From `connectRedis`, or ioredis' own. It is not closed by the store. */
  readonly redis: Redis | Cluster;
  /** Before every key: "feed:films:v1". What is kept under another one is not touched. */
  readonly namespace: string;
  readonly codec: CacheCodec<V>;
}

const flagAbsent = 1;
const headBytes = 17;
const keyLengthMax = 512;
/** Deletes the lease only while it is ours: another process may have it by now. */
const endLeaseScript = 'if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("del", KEYS[1]) else return 0 end';

/**
 * Keeps entries in Redis: a byte of flags, the two times, then the value as the codec writes it; Redis forgets them by itself. Whatever
 * Redis does (away, slow, full), its operations reject and the cache goes on. Bytes that cannot be read are as good as absent.
 */
export function createRedisStore<V>(options: RedisStoreOptions<V>): CacheStore<V> {
  const { redis, namespace, codec } = options;
  // The braces keep a key and its lease in one slot of a cluster.
  const nameOf = (key: string): string => {
    if (key === "" || key.length > keyLengthMax)
      throw fault(cacheReasons.CACHE_OPTION_INVALID, `Expected a key of 1 to ${keyLengthMax} characters, found ${key.length}.`);
    return `${namespace}:{${key}}`;
  };
  return {
    async get(key) {
      const bytes = await orAway(redis.getBuffer(nameOf(key)));
      const entry = bytes ? entryFromBytes(bytes, codec) : undefined;
      // Redis counts from when it was told: it may forget a moment late.
      return entry && entry.keptUntilMs > Date.now() ? entry : undefined;
    },
    async set(key, entry) {
      const leftMs = Math.ceil(entry.keptUntilMs - Date.now());
      if (leftMs <= 0) return;
      await orAway(redis.set(nameOf(key), Buffer.from(bytesFromEntry(entry, codec)), "PX", leftMs));
    },
    async drop(key) {
      await orAway(redis.del(nameOf(key)));
    },
    async lease(key, durationMs): Promise<EndLease | undefined> {
      const [name, owner] = [`${nameOf(key)}:lease`, crypto.randomUUID()];
      const taken = await orAway(redis.set(name, owner, "PX", Math.ceil(durationMs), "NX"));
      if (taken !== "OK") return undefined;
      return async () => void (await orAway(redis.eval(endLeaseScript, 1, name, owner)));
    },
  };
}

async function orAway<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (thrown) {
    throw fault(cacheReasons.CACHE_STORE_AWAY, `Redis did not answer: ${(thrown as Error).message.slice(0, 200)}`, { cause: thrown });
  }
}

function bytesFromEntry<V>(entry: CacheEntry<V>, codec: CacheCodec<V>): Uint8Array {
  const value = entry.value === undefined ? new Uint8Array() : codec.write(entry.value);
  const bytes = new Uint8Array(headBytes + value.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, entry.value === undefined ? flagAbsent : 0);
  view.setFloat64(1, entry.freshUntilMs);
  view.setFloat64(9, entry.keptUntilMs);
  bytes.set(value, headBytes);
  return bytes;
}

function entryFromBytes<V>(bytes: Uint8Array, codec: CacheCodec<V>): CacheEntry<V> | undefined {
  if (bytes.length < headBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [freshUntilMs, keptUntilMs] = [view.getFloat64(1), view.getFloat64(9)];
  if (!Number.isFinite(freshUntilMs) || !Number.isFinite(keptUntilMs)) return undefined;
  if (view.getUint8(0) === flagAbsent) return { value: undefined, freshUntilMs, keptUntilMs };
  try {
    // The driver reuses nothing of these bytes, but they lie in a larger buffer, which a kept view would keep too.
    return { value: codec.read(bytes.slice(headBytes)), freshUntilMs, keptUntilMs };
  } catch {
    return undefined;
  }
}
