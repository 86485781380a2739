import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fault } from "../fault.ts";
import { layered } from "../service.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { VirtualClock } from "../testing/virtual-clock.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import type { GlobalRateLimitOptions, GlobalRateLimitParts } from "./global-rate-limit.ts";
import { createGlobalRateLimit } from "./global-rate-limit.ts";
import { createLocalTokens } from "./local-tokens.ts";
import { callOf, faultOf } from "./testing/scripted-server.ts";
import type { TokenSource } from "./token-source.ts";

/** An instance with its limit, and an open load on it. */
function startInstance(
  clock: VirtualClock,
  options: GlobalRateLimitOptions,
  parts: Partial<GlobalRateLimitParts<string>> & { tokens: TokenSource },
) {
  const policy = createGlobalRateLimit<string>(options, { clock, ...parts });
  const serve = layered<string, string>(async (request) => request, [policy.layer]);
  return { policy, ask: (key = "") => serve(key, callOf(clock)) };
}

/** So many calls each 10 ms to each instance; how many passed in all. */
async function load(
  clock: VirtualClock,
  instances: readonly { ask(): Promise<unknown> }[],
  { calls, durationMs }: { readonly calls: number; readonly durationMs: number },
): Promise<number> {
  let passed = 0;
  for (let atMs = 0; atMs < durationMs; atMs += 10) {
    // Nobody is always first.
    const order = instances.map((instance) => ({ instance, rank: clock.random() })).toSorted((one, two) => one.rank - two.rank);
    for (const { ask } of order.map(({ instance }) => instance))
      for (let call = 0; call < calls; call++)
        ask().then(
          () => passed++,
          () => undefined,
        );
    await clock.advance(10);
  }
  return passed;
}

test("all instances together keep one limit to within what they hold, at a fraction of a take for each call", async () => {
  const clock = createVirtualClock({ seed: 2 });
  const tokens = createLocalTokens(clock);
  const options = { perSecond: 1000, burst: 100, leaseMax: 20 };
  const instances = Array.from({ length: 5 }, () => startInstance(clock, options, { tokens }));
  const passed = await load(clock, instances, { calls: 10, durationMs: 10_000 });
  const most = 1000 * 10 + 100 + 5 * 20;
  assert.ok(passed <= most && passed >= 9800, `${passed} passed in 10 s of ${most} at most`);
  const takes = instances.reduce((sum, { policy }) => sum + policy.state().takes, 0);
  assert.ok(takes < 0.1 * 50_000, `${takes} takes for 50,000 calls`);
  const shares = instances.map(({ policy }) => policy.state().passed);
  assert.ok(Math.min(...shares) > 0.6 * Math.max(...shares), `instances take like shares: ${shares.join(", ")}`);
});

test("a first burst passes at once, each key has its own limit, and whoever is refused is told when to come again", async () => {
  const clock = createVirtualClock();
  const tokens = createLocalTokens(clock);
  const { ask, policy } = startInstance(clock, { perSecond: 100, burst: 50, leaseMax: 10 }, { tokens, keyOf: (key) => key });
  const outcomes = await Promise.allSettled(Array.from({ length: 80 }, (_, call) => ask(call < 70 ? "a" : "b")));
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 60);
  const refused = outcomes.find(({ status }) => status === "rejected") as { readonly reason: Fault };
  assert.equal(refused.reason.reason, "RATE_LIMITED");
  assert.ok((refused.reason.retryAfterMs ?? 0) >= 10 && (refused.reason.retryAfterMs ?? 0) <= 50);
  assert.equal(policy.state().keys, 2);
});

/** A source that can be taken away: it then rejects, or never answers. */
function faultySource(tokens: TokenSource): TokenSource & { mode: "works" | "rejects" | "hangs" } {
  const source = {
    mode: "works" as "works" | "rejects" | "hangs",
    async take(...args: Parameters<TokenSource["take"]>) {
      if (source.mode === "rejects") throw new Error("away");
      if (source.mode === "hangs") await new Promise(() => undefined);
      return tokens.take(...args);
    },
  };
  return source;
}

for (const mode of ["rejects", "hangs"] as const) {
  for (const [whenAway, expected] of [
    ["local", [200, 320]],
    ["open", [4900, 5000]],
    ["closed", [0, 21]],
  ] as const) {
    test(`planted fault, a source that ${mode}: limits that are ${whenAway} do as they say, and are global again at once`, async () => {
      const clock = createVirtualClock({ seed: 7 });
      const metrics = createMetrics();
      const tokens = faultySource(createLocalTokens(clock));
      const options = { perSecond: 100, burst: 10, leaseMax: 10, whenAway, localShare: 0.5, retryMs: 500, timeoutMs: 50 };
      const instance = startInstance(clock, options, { tokens, metrics });
      await load(clock, [instance], { calls: 10, durationMs: 1000 });
      tokens.mode = mode;
      const away = await load(clock, [instance], { calls: 10, durationMs: 5000 });
      assert.ok(away >= expected[0] && away <= expected[1], `${away} of 5,000 passed in 5 s`);
      assert.equal(instance.policy.state().mode, whenAway);
      assert.match(metrics.text(), /weir_global_limit_away\{policy="default"\} 1\n/);
      const { failedTakes } = instance.policy.state();
      assert.ok(failedTakes <= 12, `${failedTakes} takes while it was away`);
      if (whenAway === "closed") await assert.rejects(instance.ask(), faultOf("LIMIT_UNKNOWN"));
      tokens.mode = "works";
      await load(clock, [instance], { calls: 10, durationMs: 550 });
      assert.equal(instance.policy.state().mode, "global");
      const back = await load(clock, [instance], { calls: 10, durationMs: 1000 });
      assert.ok(back <= 120 && back >= 90, `${back} passed in the second after`);
    });
  }
}

test("a call that ends does not wait for a source, and keys beyond the bound are forgotten", async () => {
  const clock = createVirtualClock();
  const tokens = faultySource(createLocalTokens(clock));
  tokens.mode = "hangs";
  const policy = createGlobalRateLimit<string>({ perSecond: 10, timeoutMs: 1000, keysMax: 3 }, { clock, tokens, keyOf: (key) => key });
  const serve = layered<string, string>(async (request) => request, [policy.layer]);
  const call = callOf(clock, 20);
  const answer = assert.rejects(serve("a", call), faultOf("DEADLINE_EXCEEDED"));
  await clock.advance(20);
  await answer;
  tokens.mode = "works";
  await clock.advance(1000);
  for (let key = 0; key < 10; key++) await serve(`${key}`, callOf(clock)).catch(() => undefined);
  assert.equal(policy.state().keys, 3);
});

test("other options hold from the next take on", async () => {
  const clock = createVirtualClock({ seed: 3 });
  const instance = startInstance(clock, { perSecond: 100, burst: 10 }, { tokens: createLocalTokens(clock) });
  await load(clock, [instance], { calls: 10, durationMs: 1000 });
  instance.policy.apply({ perSecond: 500, burst: 10 });
  const passed = await load(clock, [instance], { calls: 10, durationMs: 1000 });
  assert.ok(passed > 400 && passed < 540, `${passed} passed`);
  assert.throws(() => instance.policy.apply({ perSecond: 0 }), faultOf("POLICY_OPTION_INVALID"));
});
