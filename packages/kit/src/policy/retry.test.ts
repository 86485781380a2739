import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "../call.ts";
import type { Fault } from "../fault.ts";
import { fault } from "../fault.ts";
import type { Message } from "../service.ts";
import { layered } from "../service.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { VirtualClock } from "../testing/virtual-clock.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import type { RetryBudget } from "./retry-budget.ts";
import { createRetryBudget } from "./retry-budget.ts";
import { createRetry } from "./retry.ts";
import { away, callOf, scriptedServer, settled } from "./testing/scripted-server.ts";

const plenty = (clock: VirtualClock): RetryBudget => createRetryBudget({ perSecondMin: 1000 }, { clock });

test("retry makes an idempotent call again by the server's fault only, and one that was not sent in any case", async () => {
  const clock = createVirtualClock();
  const target = scriptedServer(clock);
  const again = layered(target.serve, [
    createRetry<string>({}, { isIdempotent: (request) => request === "read", budget: plenty(clock) }).layer,
  ]);
  target.mode = "fails";
  assert.equal(((await settled(clock, again("read", callOf(clock)))) as Fault).reason, "AWAY");
  assert.equal(target.asked, 3);
  await settled(clock, again("write", callOf(clock)));
  assert.equal(target.asked, 4);
  target.mode = "refuses";
  await settled(clock, again("read", callOf(clock)));
  assert.equal(target.asked, 5);
  let sends = 0;
  const unsent = layered<string, string>(
    async (request) => (++sends < 3 ? Promise.reject(Object.assign(fault(away, ""), { sent: false })) : request),
    [createRetry({}, { budget: plenty(clock) }).layer],
  );
  assert.equal(await settled(clock, unsent("write", callOf(clock))), "write");
});

test("a request that streams is never made again, sent or not", async () => {
  const clock = createVirtualClock();
  let asked = 0;
  const serve = async (): Promise<string> => {
    asked += 1;
    throw Object.assign(fault(away, ""), { sent: false });
  };
  const again = layered<Message<string>, string>(serve, [createRetry({}, { isIdempotent: () => true, budget: plenty(clock) }).layer]);
  const messages = (async function* () {
    yield "once";
  })();
  await settled(clock, again({ stream: true, messages }, callOf(clock)));
  assert.equal(asked, 1);
  await settled(clock, again({ stream: false, message: "x" }, callOf(clock)));
  assert.equal(asked, 4);
});

test("retry waits as long as the other side asks, follows its rules, and ends with the call", async () => {
  const clock = createVirtualClock();
  const times: number[] = [];
  const serve = async (): Promise<string> => {
    times.push(clock.monotonicMs());
    if (times.length < 3) throw fault(away, "", { retryAfterMs: 700 });
    return "there";
  };
  const parts = { isIdempotent: () => true, budget: plenty(clock) };
  assert.equal(await settled(clock, layered(serve, [createRetry({}, parts).layer])("x", callOf(clock)), 10), "there");
  assert.deepEqual(times, [0, 700, 1400]);
  const target = scriptedServer(clock);
  target.mode = "fails";
  const never = layered(target.serve, [createRetry({ rules: { AWAY: { attemptsMax: 1 } } }, parts).layer]);
  await settled(clock, never("x", callOf(clock)));
  assert.equal(target.asked, 1);
  times.length = 0;
  const short = await settled(clock, layered(serve, [createRetry({}, parts).layer])("x", callOf(clock, 500)), 1);
  assert.deepEqual([(short as Fault).reason, times.length], ["AWAY", 1], "nobody waits longer than the call has");
});

test("retries are a tenth of all calls when everything fails", async () => {
  const clock = createVirtualClock();
  const target = scriptedServer(clock);
  target.mode = "fails";
  const again = layered(target.serve, [createRetry({}, { isIdempotent: () => true, clock }).layer]);
  for (let calls = 0; calls < 1000; calls++) await settled(clock, again("x", callOf(clock)), 10);
  assert.ok(target.asked >= 1090 && target.asked <= 1120, `${target.asked} for 1,000 calls`);
  const budget = createRetryBudget({ ratio: 0.1, perSecondMin: 0 }, { clock });
  for (let calls = 0; calls < 100; calls++) budget.deposit();
  assert.equal(budget.balance, 10);
  await clock.advance(60_000);
  assert.equal(budget.balance, 0, "what was not used is lost");
  assert.equal(budget.withdraw(), false);
});

test("what was sent again is counted by method and reason, and what the budget refused by method", async () => {
  const clock = createVirtualClock();
  const metrics = createMetrics();
  const target = scriptedServer(clock);
  target.mode = "fails";
  const budget = createRetryBudget({ ratio: 0, perSecondMin: 1 }, { clock, metrics, name: "feed" });
  const policy = createRetry({ attemptsMax: 3 }, { isIdempotent: () => true, budget, metrics });
  const again = layered(target.serve, [policy.layer]);
  await settled(clock, again("x", new Call({ clock, method: "/Feed/Page" })), 1);
  const text = metrics.text();
  assert.match(text, /^weir_retries_total\{method="\/Feed\/Page",reason="AWAY"\} 1$/m);
  assert.match(text, /^weir_retries_refused_total\{method="\/Feed\/Page"\} 1$/m);
  assert.match(text, /^weir_retry_budget_left\{policy="feed"\} 0$/m);
  assert.deepEqual(policy.state(), { attemptsMax: 3, retried: 1, budget: { balance: 0, refused: 1 } });
  await clock.advance(1000);
  policy.apply({ attemptsMax: 1 });
  await settled(clock, again("x", callOf(clock)));
  assert.equal(target.asked, 3, "with one attempt there is no second");
});

test("a server that makes up reasons makes no more than a few series", async () => {
  const clock = createVirtualClock();
  const metrics = createMetrics();
  let asked = 0;
  const policy = createRetry({ attemptsMax: 100, backoffMsMax: 100 }, { isIdempotent: () => true, budget: plenty(clock), metrics });
  const serve = layered<string, string>(() => Promise.reject(fault({ reason: `R${asked++}`, code: "UNAVAILABLE" }, "")), [policy.layer]);
  await settled(clock, serve("x", callOf(clock)));
  const series = metrics.text().match(/^weir_retries_total\{.*/gm) ?? [];
  assert.equal(series.length, 33);
  assert.match(metrics.text(), /^weir_retries_total\{method="",reason="other"\} 67$/m);
});
