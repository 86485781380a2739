import type { Cluster, Redis } from "ioredis";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { fault } from "../fault.ts";
import type { CacheCodec } from "./codec.ts";
import { bytesFromEntry, entryFromBytes } from "./entry-bytes.ts";
import { cacheReasons } from "./reasons.ts";
import type { RedisPool } from "./redis-pool.ts";
import { slotOfKey } from "./redis-slot.ts";
import type { CacheEntry, CacheStore, Lease } from "./store.ts";

/** A store in Redis or Valkey. */
export interface RedisStoreOptions<V> {
  /** From `createRedisPool` or `connectRedis`, or ioredis' own. It is not closed by the store. */
  readonly redis: RedisPool | Redis | Cluster;
  /** Before every key: "feed:films:v1", 1 to 128 characters without braces. What is kept under another one is not touched. */
  readonly namespace: string;
  readonly codec: CacheCodec<V>;
  readonly clock?: Clock;
}

const keyLengthMax = 512;
const namespacePattern = /^[^{}]{1,128}$/;
/** A process that is gone without a word holds up the others for no longer; whoever is at it asks for more in time. */
const leaseMs = 1000;
const ifOurs = 'if redis.call("get", KEYS[1]) == ARGV[1] then';
const endLeaseScript = `${ifOurs} return redis.call("del", KEYS[1]) end return 0`;
const holdLeaseScript = `${ifOurs} return redis.call("pexpire", KEYS[1], ARGV[2]) end return 0`;
// Set before del: Redis refuses what it has no room for only before a script has written anything.
const keepScript = `${ifOurs} redis.call("set", KEYS[2], ARGV[2], "PX", ARGV[3]) redis.call("del", KEYS[1]) return 1 end return 0`;
const setScript = 'redis.call("set", KEYS[2], ARGV[1], "PX", ARGV[2]) return redis.call("del", KEYS[1])';

/**
 * Keeps entries in Redis, which forgets them by itself. Whatever Redis does (away, slow, full), its operations reject and the cache
 * goes on. Bytes that cannot be read are as good as absent. Throws CACHE_OPTION_INVALID.
 */
export function createRedisStore<V>(options: RedisStoreOptions<V>): CacheStore<V> {
  if (!namespacePattern.test(options.namespace))
    throw fault(
      cacheReasons.CACHE_OPTION_INVALID,
      `Expected a namespace of 1 to 128 characters without braces, found "${options.namespace}".`,
    );
  return new RedisStore(options);
}

class RedisStore<V> implements CacheStore<V> {
  readonly #namespace: string;
  readonly #codec: CacheCodec<V>;
  readonly #clock: Clock;
  readonly #redis: RedisPool | Redis | Cluster;

  constructor({ redis, namespace, codec, clock = systemClock }: RedisStoreOptions<V>) {
    this.#redis = redis;
    this.#namespace = namespace;
    this.#codec = codec;
    this.#clock = clock;
  }

  get state(): unknown {
    return "take" in this.#redis ? this.#redis.state : { status: this.#redis.status };
  }

  async get(key: string): Promise<CacheEntry<V> | undefined> {
    const name = this.#nameOf(key);
    const bytes = await this.#run(name, (redis) => redis.getBuffer(name));
    const entry = bytes ? entryFromBytes(bytes, this.#codec) : undefined;
    // Redis counts from when it was told: it may forget a moment late.
    return entry && entry.keptUntilMs > this.#clock.nowMs() ? entry : undefined;
  }

  async set(key: string, entry: CacheEntry<V>): Promise<void> {
    const leftMs = this.#leftMs(entry);
    if (leftMs === 0) return this.drop(key);
    const name = this.#nameOf(key);
    const bytes = bytesFromEntry(entry, this.#codec);
    await this.#run(name, (redis) => redis.eval(setScript, 2, leaseOf(name), name, bytes, leftMs));
  }

  async drop(key: string): Promise<void> {
    const name = this.#nameOf(key);
    await this.#run(name, (redis) => redis.del(name, leaseOf(name)));
  }

  async lease(key: string, durationMs: number): Promise<Lease<V> | undefined> {
    const name = this.#nameOf(key);
    const [lease, owner] = [leaseOf(name), crypto.randomUUID()];
    const end = async (): Promise<void> => void (await this.#run(name, (redis) => redis.eval(endLeaseScript, 1, lease, owner)));
    try {
      const taken = await once(this.#take(name), (redis) => redis.set(lease, owner, "PX", Math.ceil(Math.min(leaseMs, durationMs)), "NX"));
      if (taken !== "OK") return undefined;
    } catch (thrown) {
      // It may have been taken all the same, by nobody.
      end().catch(() => undefined);
      throw thrown;
    }
    const letGo = this.#hold(name, { owner, untilMs: this.#clock.monotonicMs() + durationMs });
    return {
      end: () => (letGo(), end()),
      keep: async (entry) => {
        letGo();
        const leftMs = this.#leftMs(entry);
        if (leftMs === 0) return end();
        const bytes = bytesFromEntry(entry, this.#codec);
        try {
          await this.#run(name, (redis) => redis.eval(keepScript, 2, lease, name, owner, bytes, leftMs));
        } catch (thrown) {
          end().catch(() => undefined);
          throw thrown;
        }
      },
    };
  }

  /** In a cluster, the node that has the key. */
  partOf(key: string): string {
    const name = this.#nameOf(key);
    const redis = this.#take(name);
    return (redis.isCluster && (redis as Cluster).slots[slotOfKey(name)]?.[0]) || "";
  }

  /** Asks for more time until the answer is called, or the time is over. */
  #hold(name: string, { owner, untilMs }: { readonly owner: string; readonly untilMs: number }): () => void {
    let cancel = (): void => undefined;
    const again = (): void => {
      if (this.#clock.monotonicMs() + leaseMs / 3 > untilMs) return;
      cancel = this.#clock.after(leaseMs / 3, () => {
        this.#run(name, (redis) => redis.eval(holdLeaseScript, 1, leaseOf(name), owner, leaseMs)).catch(() => undefined);
        again();
      });
    };
    again();
    return () => cancel();
  }

  #leftMs(entry: CacheEntry<V>): number {
    return Math.max(0, Math.ceil(entry.keptUntilMs - this.#clock.nowMs()));
  }

  // The braces keep a key and its lease in one slot of a cluster.
  #nameOf(key: string): string {
    if (key === "" || key.length > keyLengthMax)
      throw fault(cacheReasons.CACHE_OPTION_INVALID, `Expected a key of 1 to ${keyLengthMax} characters, found ${key.length}.`);
    return `${this.#namespace}:{${key}}`;
  }

  #take(name: string): Redis | Cluster {
    return "take" in this.#redis ? this.#redis.take(name) : this.#redis;
  }

  /** Does what may be done twice: when its connection was lost and there is another one that is up, there once more. */
  async #run<T>(name: string, command: (redis: Redis | Cluster) => Promise<T>): Promise<T> {
    const first = this.#take(name);
    try {
      return await once(first, command);
    } catch (thrown) {
      const other = this.#take(name);
      if (other === first || other.status !== "ready" || !wasLost((thrown as Error).cause)) throw thrown;
      return await once(other, command);
    }
  }
}

const leaseOf = (name: string): string => `${name}:lease`;

async function once<T>(redis: Redis | Cluster, command: (redis: Redis | Cluster) => Promise<T>): Promise<T> {
  try {
    return await command(redis);
  } catch (thrown) {
    const { message } = thrown as Error;
    const reason = /^(OOM|READONLY|MISCONF|NOREPLICAS)\b|\bOOM command not allowed/.test(message)
      ? "CACHE_STORE_READ_ONLY"
      : "CACHE_STORE_AWAY";
    throw fault(cacheReasons[reason], `Redis did not do it: ${message.slice(0, 200)}`, { cause: thrown });
  }
}

/** Whether the connection broke. A command whose time was over has had its time; what Redis refused it would refuse again. */
function wasLost(cause: unknown): boolean {
  const { name, message } = cause as Error;
  return name !== "ReplyError" && !message.includes("timed out");
}
