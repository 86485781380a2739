import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "../call.ts";
import { fault, isFault } from "../fault.ts";
import { createClient } from "../rpc/client.ts";
import { Greeter } from "../rpc/testdata/greeter.weir.ts";
import type { Transport } from "../rpc/transport.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { VirtualClock } from "../testing/virtual-clock.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import type { BreakerState } from "./breaker.ts";
import type { BulkheadState } from "./bulkhead.ts";
import type { ClientPolicies, ClientPoliciesOptions } from "./client-policies.ts";
import { createClientPolicies } from "./client-policies.ts";

const away = { reason: "AWAY", code: "UNAVAILABLE" } as const;
const hello = "/weir.greeter.v1.Greeter/Hello";

/** A destination that does as it is told, behind a client with policies. */
function house(options: Omit<ClientPoliciesOptions, "clock"> = {}) {
  const clock = createVirtualClock({ seed: 11 });
  const server = { mode: "works" as "works" | "fails" | "hangs", asked: 0, calls: [] as Call[] };
  const transport = (async (method, _message, call) => {
    server.asked += 1;
    server.calls.push(call);
    if (server.mode === "fails") throw fault(away, "away");
    if (server.mode === "hangs") await new Promise((_, reject) => call.onEnd(reject));
    if (method.kind !== "server_stream") return { stream: false, message: method.output.create() };
    return { stream: true, messages: numbers(clock) };
  }) as Transport;
  const policies = createClientPolicies({ clock, name: "greeter", ...options });
  const client = createClient(Greeter, transport as Transport, { policies });
  const callOf = (timeoutMs?: number): Call => new Call({ clock, ...(timeoutMs !== undefined && { timeoutMs }) });
  return { clock, server, policies, client, callOf };
}

async function* numbers(clock: VirtualClock): AsyncGenerator<object> {
  for (let number = 1; number <= 3; number++) {
    await clock.sleep(10);
    yield { number };
  }
}

/** "well", or the reason of the Fault, once it has settled. */
async function endOf(clock: VirtualClock, answer: Promise<unknown>, stepMs = 100): Promise<string> {
  let end = "";
  answer.then(
    () => (end = "well"),
    (thrown: unknown) => (end = isFault(thrown) ? thrown.reason : "no fault"),
  );
  for (let steps = 0; end === "" && steps < 2000; steps++) await clock.advance(stepMs);
  return end;
}

function stateOf(policies: ClientPolicies, method = hello) {
  const state = policies.state().find((one) => one.method === method);
  assert.ok(state);
  return { ...state, breaker: state.parts["breaker"] as BreakerState, bulkhead: state.parts["bulkhead"] as BulkheadState };
}

test("a method without a word has the default policies, in the one order", () => {
  const { policies } = house();
  assert.deepEqual(stateOf(policies).order, ["total timeout", "retry", "breaker", "bulkhead", "attempt timeout"]);
  assert.deepEqual(stateOf(policies, "/weir.greeter.v1.Greeter/Count").order, ["retry", "breaker", "bulkhead"]);
  assert.deepEqual(stateOf(policies, "/weir.greeter.v1.Greeter/Sum").order, ["total timeout", "breaker", "bulkhead"]);
  assert.deepEqual(stateOf(policies).values["client.timeoutMs"], { value: 30_000, from: "default" });
});

test("the total time bounds a call with its retries, and the shorter of both deadlines holds", async () => {
  const { clock, server, client, callOf } = house({
    policies: { "*": { client: { timeoutMs: 800, attemptTimeoutMs: 300, retry: { attemptsMax: 9, budgetPerSecondMin: 100 } } } },
  });
  server.mode = "hangs";
  const began = clock.monotonicMs();
  assert.equal(await endOf(clock, client.hello({}, { clock }), 10), "DEADLINE_EXCEEDED");
  assert.deepEqual([clock.monotonicMs() - began, server.asked > 1], [800, true]);
  const inherited = callOf(60_000);
  assert.equal(await endOf(clock, client.hello({}, inherited), 10), "DEADLINE_EXCEEDED");
  assert.equal(inherited.ended, undefined);
  assert.equal(server.calls.at(-1)?.deadlineMs, 1600);
});

test("one attempt's time ends it alone, and the next one may succeed", async () => {
  const { clock, server, client, callOf } = house({ policies: { "*": { client: { attemptTimeoutMs: 100 } } } });
  server.mode = "hangs";
  const call = callOf(10_000);
  const answer = client.hello({}, call);
  await clock.advance(100);
  server.mode = "works";
  assert.equal(await endOf(clock, answer), "well");
  assert.deepEqual([server.asked, server.calls[0]?.ended?.reason, call.ended], [2, "ATTEMPT_TIMEOUT", undefined]);
});

test("retries stay a tenth of the calls, and the budget is one for all methods", async () => {
  const { clock, server, client } = house({
    policies: { "*": { client: { breaker: { kind: "off" }, retry: { budgetPerSecondMin: 0 } } } },
  });
  server.mode = "fails";
  const calls = 200;
  for (let made = 0; made < calls; made++)
    await endOf(clock, made % 2 === 0 ? client.hello({}, { clock }) : drain(client.count({}, { clock })), 0);
  await clock.advance(5000);
  assert.ok(server.asked > calls && server.asked <= calls * 1.11, `${server.asked}`);
});

test("a breaker stops calls to a side that fails and lets them pass as soon as it is back", async () => {
  const { clock, server, client, policies } = house();
  server.mode = "fails";
  for (let made = 0; made < 100; made++) await endOf(clock, client.hello({}, { clock }), 20);
  const { asked } = server;
  assert.equal(stateOf(policies).breaker.state, "throttling");
  assert.match(stateOf(policies).breaker.why, /last failure UNAVAILABLE AWAY/);
  for (let made = 0; made < 100; made++) await endOf(clock, client.hello({}, { clock }), 0);
  assert.ok(server.asked - asked < 40, `${server.asked - asked} of 100 were sent`);
  server.mode = "works";
  await clock.advance(1000);
  for (let made = 0; made < 30; made++) await endOf(clock, client.hello({}, { clock }), 50);
  assert.equal(await endOf(clock, client.hello({}, { clock })), "well");
  assert.equal(stateOf(policies).breaker.refusing, 0);
});

test("a stream holds its place until it is over, and others are told at once that there is none", async () => {
  const { clock, client, policies } = house({ policies: { "*": { client: { bulkhead: { concurrencyMax: 1, queueMax: 0 } } } } });
  const count = "/weir.greeter.v1.Greeter/Count";
  const read = client.count({}, { clock })[Symbol.asyncIterator]();
  const first = read.next();
  await clock.advance(10);
  assert.equal((await first).done, false);
  assert.equal(stateOf(policies, count).bulkhead.underWay, 1);
  assert.equal(await endOf(clock, drain(client.count({}, { clock })), 0), "BULKHEAD_FULL");
  await read.return?.();
  assert.equal(stateOf(policies, count).bulkhead.underWay, 0);
  assert.equal(await endOf(clock, drain(client.count({}, { clock }))), "well");
});

test("hedging stands in the place of retries, for what may be repeated alone", async () => {
  const { clock, server, client, policies } = house({ policies: { "*": { client: { hedge: { delayMs: 50 } } } } });
  assert.deepEqual(stateOf(policies).order, ["total timeout", "hedging", "breaker", "bulkhead", "attempt timeout"]);
  assert.deepEqual(stateOf(policies, "/weir.greeter.v1.Greeter/Sum").order, ["total timeout", "breaker", "bulkhead"]);
  server.mode = "hangs";
  const answer = client.hello({}, { clock });
  await clock.advance(49);
  assert.equal(server.asked, 1);
  server.mode = "works";
  assert.equal(await endOf(clock, answer, 1), "well");
  assert.deepEqual([server.asked, clock.monotonicMs(), server.calls[0]?.ended?.code], [2, 50, "CANCELLED"]);
});

test("a configuration is taken whole or not at all, from the next call on, and what a breaker saw stays", async () => {
  const { clock, server, client, policies } = house();
  server.mode = "fails";
  for (let made = 0; made < 60; made++) await endOf(clock, client.hello({}, { clock }), 20);
  const { refusing } = stateOf(policies).breaker;
  assert.ok(refusing > 0.5);
  const bad = { "*": { client: { timeoutMs: 5, breaker: { factor: 1000 } } } };
  assert.throws(() => policies.apply(bad), {
    reason: "POLICY_INVALID",
    message: /client\.breaker\.factor: expected a number from 1 to 100, found 1000/,
  });
  assert.throws(() => policies.apply({ [hello]: { client: { timeoutMs: 7, retry: { backoffMsMin: 5000 } } } }), {
    reason: "POLICY_INVALID",
  });
  assert.deepEqual(stateOf(policies).values["client.timeoutMs"], { value: 30_000, from: "default" });
  policies.apply({
    "*": { client: { breaker: { factor: 2 }, bulkhead: { concurrencyMax: 0 } } },
    [hello]: { client: { timeoutMs: 700, rate: { perSecond: 5 } } },
  });
  const now = stateOf(policies);
  assert.deepEqual(now.order, ["total timeout", "retry", "breaker", "rate", "attempt timeout"]);
  assert.deepEqual(now.values["client.timeoutMs"], { value: 700, from: `configuration "${hello}"` });
  assert.ok(now.breaker.refusing > 0.5 && now.breaker.refusing <= refusing, `${now.breaker.refusing}`);
  policies.apply({});
  assert.deepEqual(stateOf(policies).order, ["total timeout", "retry", "breaker", "bulkhead", "attempt timeout"]);
});

test("a policy that a configuration adds guards the next call, and one that it takes away no more", async () => {
  const { clock, client, policies } = house();
  const ends = async (): Promise<string[]> => [
    await endOf(clock, client.hello({}, { clock }), 0),
    await endOf(clock, client.hello({}, { clock }), 0),
  ];
  assert.deepEqual(await ends(), ["well", "well"]);
  policies.apply({ "*": { client: { rate: { perSecond: 0.1, burst: 1 }, retry: { attemptsMax: 1 } } } });
  assert.deepEqual(await ends(), ["well", "RATE_LIMITED"]);
  policies.apply({});
  assert.deepEqual(await ends(), ["well", "well"]);
});

test("calls under way end by the policies that they began with", async () => {
  const { clock, server, client, policies } = house({
    policies: { "*": { client: { attemptTimeoutMs: 500, retry: { attemptsMax: 1 } } } },
  });
  server.mode = "hangs";
  const before = client.hello({}, { clock });
  await clock.advance(0);
  policies.apply({ "*": { client: { attemptTimeoutMs: 5000 } } });
  const began = clock.monotonicMs();
  assert.equal(await endOf(clock, before), "ATTEMPT_TIMEOUT");
  assert.equal(clock.monotonicMs() - began, 500);
  const since = clock.monotonicMs();
  assert.equal(await endOf(clock, client.hello({}, { clock })), "ATTEMPT_TIMEOUT");
  assert.equal(clock.monotonicMs() - since, 5000);
});

test("an operator's word over a breaker holds until the next, and is shown with its reason", async () => {
  const { clock, client, policies } = house();
  policies.overrideBreaker(hello, "open", { reason: "storage is moved" });
  assert.equal(await endOf(clock, client.hello({}, { clock })), "BREAKER_OPEN");
  assert.match(stateOf(policies).breaker.why, /storage is moved/);
  policies.overrideBreaker(hello, "auto");
  assert.equal(await endOf(clock, client.hello({}, { clock })), "well");
  assert.throws(() => policies.overrideBreaker("/weir.greeter.v1.Greeter/Nope", "open"), { reason: "POLICY_INVALID" });
  policies.apply({ "*": { client: { breaker: { kind: "off" } } } });
  assert.throws(() => policies.overrideBreaker(hello, "open"), { reason: "POLICY_INVALID" });
});

test("two clients of one destination share its state, and metrics tell targets and methods apart", async () => {
  const metrics = createMetrics();
  const { clock, client, policies } = house({ metrics });
  const other = createClient(Greeter, (async (method) => ({ stream: false, message: method.output.create() })) as Transport, { policies });
  policies.overrideBreaker(hello, "open");
  assert.equal(await endOf(clock, other.hello({}, { clock })), "BREAKER_OPEN");
  assert.equal(await endOf(clock, client.hello({}, { clock })), "BREAKER_OPEN");
  assert.match(metrics.text(), /weir_breaker_refused_total\{policy="greeter \/weir\.greeter\.v1\.Greeter\/Hello"\} 2/);
});

test("limits that the table allows are allowed by every policy", () => {
  const { policies } = house();
  const extremes = (breaker: "adaptive" | "classic", end: 0 | 1) => ({
    timeoutMs: [1, 3_600_000][end]!,
    attemptTimeoutMs: [1, 3_600_000][end]!,
    retry: {
      attemptsMax: [2, 11][end]!,
      backoffMsMin: [0, 60_000][end]!,
      backoffMsMax: [0, 600_000][end]!,
      budgetRatio: end,
      budgetPerSecondMin: [0, 1000][end]!,
    },
    hedge: { delayMs: [0, 60_000][end]!, attemptsMax: [2, 5][end]! },
    breaker: {
      kind: breaker,
      windowMs: [100, 3_600_000][end]!,
      callsMin: [1, 1e6][end]!,
      factor: [1, 100][end]!,
      probeMs: [10, 60_000][end]!,
      failureRatioMax: end,
      openMs: [1, 3_600_000][end]!,
      trialsMin: [1, 1000][end]!,
    },
    rate: { perSecond: [0.001, 1e9][end]!, burst: [1, 1e9][end]! },
    bulkhead: { concurrencyMax: [1, 1e6][end]!, queueMax: [0, 1e6][end]!, waitMsMax: [1, 3_600_000][end]! },
  });
  for (const kind of ["adaptive", "classic"] as const)
    for (const end of [0, 1] as const) policies.apply({ "*": { client: extremes(kind, end) } });
});

async function drain(messages: AsyncIterable<unknown>): Promise<void> {
  for await (const message of messages) void message;
}
