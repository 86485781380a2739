import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "../call.ts";
import type { Clock } from "../clock.ts";
import { isFault } from "../fault.ts";
import type { Service } from "../service.ts";
import { layered } from "../service.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { createAttemptTimeout } from "./attempt-timeout.ts";
import { createBreaker } from "./breaker.ts";
import { createBulkhead } from "./bulkhead.ts";
import { createGlobalRateLimit } from "./global-rate-limit.ts";
import { createHedging } from "./hedging.ts";
import { createLoadShedding } from "./load-shedding.ts";
import { createLocalTokens } from "./local-tokens.ts";
import { createRateLimit } from "./rate-limit.ts";
import { createRetry } from "./retry.ts";
import { createRetryBudget } from "./retry-budget.ts";
import { away } from "./testing/scripted-server.ts";
import { createTotalTimeout } from "./total-timeout.ts";
import { fault } from "../fault.ts";

const hourMs = 3_600_000;

type Layered = (clock: Clock, serve: Service<string, string>) => Service<string, string>;

/** Each policy by itself, with options that make it do something within the story below. */
const policies: Readonly<Record<string, Layered>> = {
  "a total time-out": (_, serve) => layered(serve, [createTotalTimeout({ timeoutMs: 70 }).layer]),
  "an attempt time-out": (_, serve) => layered(serve, [createAttemptTimeout({ timeoutMs: 70 }).layer]),
  "a retry": (clock, serve) => layered(serve, [createRetry({}, { clock, isIdempotent: () => true }).layer]),
  "an adaptive breaker": (clock, serve) => layered(serve, [createBreaker({}, { clock }).layer]),
  "a classic breaker": (clock, serve) => layered(serve, [createBreaker({ kind: "classic", callsMin: 5 }, { clock }).layer]),
  "a bulkhead": (clock, serve) => layered(serve, [createBulkhead({ concurrencyMax: 3, queueMax: 5, waitMsMax: 120 }, { clock }).layer]),
  "a rate limit": (clock, serve) => layered(serve, [createRateLimit({ perSecond: 20, burst: 5 }, { clock }).layer]),
  "a global rate limit": (clock, serve) =>
    layered(serve, [createGlobalRateLimit({ perSecond: 20, burst: 5 }, { clock, tokens: createLocalTokens(clock) }).layer]),
  hedging: (clock, serve) => {
    const budget = createRetryBudget({ perSecondMin: 5 }, { clock });
    return layered(serve, [createHedging({ delayMs: 60 }, { clock, budget, isIdempotent: () => true }).layer]);
  },
  "load shedding": (clock, serve) => layered(serve, [createLoadShedding({ inFlightMax: 4 }, { clock }).layer]),
};

/** What came of a hundred calls, and when: a server that works, then fails, then works, while wall time does what `jump` says. */
async function story(make: Layered, jump: (step: number) => number): Promise<string[]> {
  const virtual = createVirtualClock({ seed: 9 });
  let jumpedMs = 0;
  const clock: Clock = { ...virtual, nowMs: () => virtual.nowMs() + jumpedMs };
  const events: string[] = [];
  let calls = 0;
  const serve = make(clock, async (request, call) => {
    const number = calls++;
    await clock.sleep(number % 7 === 0 ? 90 : 40, call.signal);
    if (virtual.monotonicMs() > 1000 && virtual.monotonicMs() < 2000) throw fault(away, "");
    return request;
  });
  for (let step = 0; step < 100; step++) {
    jumpedMs = jump(step);
    const call = new Call({ clock, timeoutMs: 500 });
    const say = (what: string): void => void events.push(`${step} ${what} at ${virtual.monotonicMs()}`);
    serve("x", call).then(
      () => say("answered"),
      (thrown: unknown) => say(isFault(thrown) ? thrown.reason : String(thrown)),
    );
    await virtual.advance(30);
  }
  await virtual.advance(2000);
  return events;
}

for (const [name, make] of Object.entries(policies)) {
  test(`planted fault, a clock jump: ${name} does the same when wall time jumps an hour forwards and backwards`, async () => {
    const straight = await story(make, () => 0);
    assert.equal(straight.length, 100);
    assert.ok(new Set(straight.map((event) => event.split(" ")[1])).size > 1, "the policy had something to do");
    assert.deepEqual(await story(make, (step) => (step > 40 ? hourMs : 0)), straight);
    assert.deepEqual(await story(make, (step) => (step > 40 ? -hourMs : 0)), straight);
    assert.deepEqual(await story(make, (step) => (step % 2 === 0 ? hourMs : -hourMs)), straight);
  });
}

test("planted fault, a clock jump: after an hour in which the process stood still, nobody has saved up more than a burst", async () => {
  const clock = createVirtualClock();
  const limit = createRateLimit({ perSecond: 100, burst: 10 }, { clock });
  const serve = layered<string, string>(async (request) => request, [limit.layer]);
  const budget = createRetryBudget({ ratio: 0.1, perSecondMin: 1 }, { clock });
  for (let calls = 0; calls < 1000; calls++) {
    budget.deposit();
    await serve("x", new Call({ clock })).catch(() => undefined);
  }
  await clock.advance(hourMs);
  const before = limit.state().passed;
  for (let calls = 0; calls < 100; calls++) await serve("x", new Call({ clock })).catch(() => undefined);
  assert.deepEqual([limit.state().passed - before, budget.balance], [10, 1]);
});
