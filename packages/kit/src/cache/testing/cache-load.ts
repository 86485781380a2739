import assert from "node:assert/strict";
import { Call } from "../../call.ts";
import type { Cache } from "../cache.ts";
import type { SuiteValue } from "../store.suite.ts";

/** Asks a cache without pause, and what came of it. */
export interface CacheLoad {
  /** Goes on asking until it is so; fails after 15 seconds. */
  until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void>;
  /** The same for so long. */
  during(durationMs: number): Promise<void>;
  /** Since the last time: requests, those that were answered wrongly or not at all, and the slowest, in milliseconds. */
  take(): { readonly requests: number; readonly failed: number; readonly slowestMs: number; readonly p99Ms: number };
}

const atOnce = 20;

/** Twenty at a time, each for one of a hundred keys. A value must begin with its key. */
export function loadOn(cache: Cache<SuiteValue>): CacheLoad {
  let latencies: number[] = [];
  let failed = 0;
  let next = 0;

  async function one(key: string): Promise<void> {
    const startedMs = performance.now();
    try {
      const found = await cache.get(key, new Call({ timeoutMs: 5000 }));
      if (!found?.text.startsWith(key)) failed += 1;
    } catch {
      failed += 1;
    }
    latencies.push(performance.now() - startedMs);
  }

  async function round(): Promise<void> {
    await Promise.all(Array.from({ length: atOnce }, () => one(`key-${next++ % 100}`)));
    // Answers without a store come without a turn of the event loop, and the connection needs one.
    await new Promise((resolve) => setImmediate(resolve));
  }

  return {
    async until(what, isSo) {
      const endMs = performance.now() + 15_000;
      while (!(await isSo())) {
        assert.ok(performance.now() < endMs, `expected ${what} within 15 s`);
        await round();
      }
    },
    async during(durationMs) {
      const endMs = performance.now() + durationMs;
      while (performance.now() < endMs) await round();
    },
    take() {
      const sorted = latencies.toSorted((left, right) => left - right);
      const taken = {
        requests: sorted.length,
        failed,
        slowestMs: sorted.at(-1) ?? 0,
        p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
      };
      latencies = [];
      failed = 0;
      return taken;
    },
  };
}
