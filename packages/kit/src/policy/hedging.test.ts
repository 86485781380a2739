import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "../call.ts";
import { fault } from "../fault.ts";
import type { Message, Service } from "../service.ts";
import { layered } from "../service.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { VirtualClock } from "../testing/virtual-clock.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import type { HedgingOptions } from "./hedging.ts";
import { createHedging } from "./hedging.ts";
import { createRetryBudget } from "./retry-budget.ts";
import { away, callOf, faultOf, settled } from "./testing/scripted-server.ts";

interface Server {
  readonly serve: Service<string, string>;
  /** When each attempt began, and why it was aborted. */
  readonly began: number[];
  readonly aborted: string[];
}

/** Answers the nth attempt after so many milliseconds; fails it when that is negative. */
function serverOf(clock: VirtualClock, durations: readonly number[], retryAfterMs?: number): Server {
  const server: Server = { began: [], aborted: [], serve };
  function serve(request: string, call: Call): Promise<string> {
    const index = server.began.push(clock.monotonicMs()) - 1;
    const durationMs = durations[index % durations.length]!;
    call.replyMetadata.push("x-attempt", `${index}`);
    return new Promise((resolve, reject) => {
      call.onEnd((reason) => {
        server.aborted.push(`${index} ${reason.reason}`);
        reject(reason);
      });
      clock.after(Math.abs(durationMs), () =>
        durationMs < 0 ? reject(fault(away, "", { retryAfterMs })) : resolve(`${request} ${index}`),
      );
    });
  }
  return server;
}

function hedged(
  clock: VirtualClock,
  server: Server,
  options: HedgingOptions,
): Service<string, string> & { policy: ReturnType<typeof createHedging> } {
  const budget = createRetryBudget({ perSecondMin: 1000 }, { clock });
  const policy = createHedging<unknown>(options, { clock, budget, isIdempotent: (request) => request !== "write" });
  return Object.assign(layered<string, string>(server.serve, [policy.layer]), { policy });
}

test("planted fault, an abort: a slow call is sent once more, the loser alone is aborted, and its neighbours go on", async () => {
  const clock = createVirtualClock();
  const server = serverOf(clock, [1000, 300, 20]);
  const serve = hedged(clock, server, { delayMs: 100 });
  const slow = new Call({ clock, timeoutMs: 5000, metadata: ["x-tenant", "a"] });
  const first = serve("read", slow);
  await clock.advance(50);
  const neighbour = serve("write", slow);
  await clock.advance(50);
  assert.equal(await settled(clock, first, 10), "read 2");
  assert.deepEqual([server.began, server.aborted], [[0, 50, 100], ["0 HEDGE_LOST"]]);
  assert.equal(await settled(clock, neighbour, 10), "write 1");
  assert.deepEqual([slow.ended, slow.replyMetadata], [undefined, ["x-attempt", "1", "x-attempt", "2"]]);
  const { sent, won, lost } = serve.policy.state();
  assert.deepEqual([sent, won, lost], [1, 1, 0]);
});

test("an answer in time is not hedged, nor is what must not be sent twice or streams, and nothing is left waiting", async () => {
  const clock = createVirtualClock();
  const server = serverOf(clock, [50, 1000]);
  const serve = hedged(clock, server, { delayMs: 100 });
  assert.equal(await settled(clock, serve("read", callOf(clock)), 10), "read 0");
  assert.equal(await settled(clock, serve("write", callOf(clock)), 10), "write 1");
  let streams = 0;
  const budget = createRetryBudget({ perSecondMin: 1000 }, { clock });
  const streaming = layered<Message<string>, string>(async () => {
    streams += 1;
    await clock.sleep(1000);
    return "done";
  }, [createHedging({ delayMs: 10 }, { clock, budget, isIdempotent: () => true }).layer]);
  await settled(clock, streaming({ stream: true, messages: (async function* (): AsyncGenerator<string> {})() }, callOf(clock)));
  assert.deepEqual([server.began.length, streams, clock.pending], [2, 1, 0]);
});

test("a failure that is not fatal brings the next attempt at once, a fatal one ends the call, pushback holds back", async () => {
  const clock = createVirtualClock();
  const quick = serverOf(clock, [-10, 20]);
  assert.equal(await settled(clock, hedged(clock, quick, { delayMs: 1000 })("read", callOf(clock)), 5), "read 1");
  assert.deepEqual(quick.began, [0, 10]);
  const fatal = serverOf(clock, [-10, 20]);
  const found = await settled(clock, hedged(clock, fatal, { delayMs: 1000, nonFatalCodes: [] })("read", callOf(clock)), 5);
  assert.ok(faultOf("AWAY")(found));
  assert.equal(fatal.began.length, 1);
  const beganMs = clock.monotonicMs();
  const pushed = serverOf(clock, [-10, 20], 500);
  assert.equal(await settled(clock, hedged(clock, pushed, { delayMs: 1000 })("read", callOf(clock)), 10), "read 1");
  assert.deepEqual(
    pushed.began.map((atMs) => atMs - beganMs),
    [0, 510],
  );
  const all = serverOf(clock, [-10]);
  assert.ok(faultOf("AWAY")(await settled(clock, hedged(clock, all, { delayMs: 1000, attemptsMax: 3 })("read", callOf(clock)), 5)));
  assert.equal(all.began.length, 3);
});

test("hedges share a budget with retries, and a call whose budget is empty still settles", async () => {
  const clock = createVirtualClock();
  const metrics = createMetrics();
  const budget = createRetryBudget({ ratio: 0.1, perSecondMin: 0 }, { clock });
  const server = serverOf(clock, [200]);
  const policy = createHedging({ delayMs: 100 }, { clock, budget, metrics, isIdempotent: () => true });
  const serve = layered<string, string>(server.serve, [policy.layer]);
  for (let calls = 0; calls < 100; calls++) void serve("read", new Call({ clock, method: "/Feed/Page" })).catch(() => undefined);
  await clock.advance(1000);
  assert.equal(server.began.length, 109, "a tenth of a hundred calls, less what a tenth of a second takes");
  assert.match(metrics.text(), /weir_hedges_total\{method="\/Feed\/Page",outcome="lost"\} 9\n/);
  assert.match(metrics.text(), /weir_hedges_refused_total\{method="\/Feed\/Page"\} 91\n/);
  const pushed = layered<string, string>(serverOf(clock, [-10], 50).serve, [policy.layer]);
  assert.ok(faultOf("AWAY")(await settled(clock, pushed("read", callOf(clock)), 10)));
});

test("a caller that gives up aborts every attempt", async () => {
  const clock = createVirtualClock();
  const server = serverOf(clock, [1000]);
  const call = callOf(clock);
  const answer = hedged(clock, server, { delayMs: 100, attemptsMax: 3 })("read", call);
  await clock.advance(250);
  call.cancel();
  await assert.rejects(answer, faultOf("CALL_CANCELLED"));
  assert.deepEqual([server.began.length, server.aborted.length, clock.pending], [3, 3, 3]);
  await clock.runUntilIdle();
});

test("the wait follows the percentile of what attempts take, also when the slow ones are cut off", async () => {
  const clock = createVirtualClock();
  const durations = Array.from({ length: 100 }, (_, index) => (index % 10 === 9 ? 500 : 10));
  const server = serverOf(clock, durations);
  const serve = hedged(clock, server, { percentile: 0.8, delayMsMax: 400 });
  assert.equal(serve.policy.state().delayMs, 400);
  for (let calls = 0; calls < 300; calls++) await settled(clock, serve("read", callOf(clock)), 5);
  const { delayMs, sent, won } = serve.policy.state();
  assert.ok(delayMs >= 10 && delayMs < 50, `${delayMs} ms`);
  assert.ok(sent >= 20 && sent <= 60 && won >= sent * 0.8, `${sent} hedges for 300 calls, ${won} won`);
  serve.policy.apply({ delayMs: 7 });
  assert.equal(serve.policy.state().delayMs, 7);
  assert.throws(() => serve.policy.apply({ attemptsMax: 6 }), faultOf("POLICY_OPTION_INVALID"));
});
