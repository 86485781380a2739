import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fault } from "../fault.ts";
import { layered } from "../service.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { createRateLimit } from "./rate-limit.ts";
import { callOf, passing } from "./testing/scripted-server.ts";

test("a rate limit lets a burst pass, then so many a second, each key for itself, and says when", async () => {
  const clock = createVirtualClock();
  const limit = createRateLimit<string>({ perSecond: 10, burst: 5, keysMax: 2 }, { keyOf: (request) => request, clock });
  const limited = layered<string, string>(async (request) => request, [limit.layer]);
  const passes = (key: string): Promise<number> => passing(20, () => limited(key, callOf(clock)));
  assert.deepEqual([await passes("a"), await passes("b"), await passes("a")], [5, 5, 0]);
  const found = (await limited("a", callOf(clock)).catch((thrown: unknown) => thrown)) as Fault;
  assert.deepEqual([found.reason, found.retryAfterMs], ["RATE_LIMITED", 100]);
  await clock.advance(300);
  assert.equal(await passes("a"), 3);
  await clock.advance(60_000);
  assert.equal(await passes("a"), 5, "no more than a burst is saved up");
});
