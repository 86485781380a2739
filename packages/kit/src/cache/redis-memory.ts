import type { Redis } from "ioredis";
import { systemClock } from "../clock.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/** What a Redis says of its memory; of a cluster the sum of its masters. */
export interface RedisMemory {
  readonly usedBytes: number;
  /** 0 when it has no limit. */
  readonly bytesMax: number;
  /** Keys given up for want of room, since the server started. */
  readonly evictedKeys: number;
}

const everyMs = 10_000;

/** Reads the text that INFO answers. */
export function memoryFromInfo(text: string): RedisMemory {
  const field = (name: string): number => Number(new RegExp(`^${name}:(\\d+)\\s*$`, "m").exec(text)?.[1] ?? 0);
  return { usedBytes: field("used_memory"), bytesMax: field("maxmemory"), evictedKeys: field("evicted_keys") };
}

/** Asks every ten seconds and shows it, as a server that evicts or is full tells nobody by itself. The answer ends it. */
export function watchRedisMemory(
  nodes: () => readonly Redis[],
  { name, metrics }: { readonly name: string; readonly metrics: Metrics },
): () => void {
  const gauge = (metric: string, help: string) => metrics.gauge({ name: metric, help, labels: ["redis"] }).labels(name);
  const used = gauge("weir_redis_memory_bytes", "Memory that Redis uses.");
  const max = gauge("weir_redis_memory_bytes_max", "Memory that Redis may use, 0 for no limit.");
  const evictions = metrics
    .counter({ name: "weir_redis_evictions_total", help: "Keys that Redis gave up for want of room.", labels: ["redis"] })
    .labels(name);
  let counted: number | undefined;

  async function look(): Promise<void> {
    const texts = await Promise.all(nodes().map((node) => node.info("memory", "stats")));
    const found = texts.map(memoryFromInfo);
    const sum = (field: keyof RedisMemory): number => found.reduce((total, one) => total + one[field], 0);
    used.set(sum("usedBytes"));
    max.set(sum("bytesMax"));
    const evicted = sum("evictedKeys");
    // Less than before: it was started anew.
    evictions.add(counted === undefined ? 0 : evicted >= counted ? evicted - counted : evicted);
    counted = evicted;
  }

  let cancel = (): void => undefined;
  const again = (): void => {
    cancel = systemClock.after(everyMs, () => {
      look()
        .catch(() => undefined)
        .finally(again);
    });
  };
  again();
  return () => cancel();
}
