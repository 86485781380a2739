import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "../call.ts";
import type { Fault } from "../fault.ts";
import { coreReasons, fault, isFault } from "../fault.ts";
import type { Message, Service } from "../service.ts";
import { layered } from "../service.ts";
import type { VirtualClock } from "../testing/virtual-clock.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { createAdaptiveJudge } from "./adaptive-judge.ts";
import { attemptTimeout } from "./attempt-timeout.ts";
import { createBreaker } from "./breaker.ts";
import { createBulkhead } from "./bulkhead.ts";
import { createClassicJudge } from "./classic-judge.ts";
import { failureKind } from "./failure-kind.ts";
import { rateLimit } from "./rate-limit.ts";
import { createRetryBudget } from "./retry-budget.ts";
import { retry } from "./retry.ts";

const faultOf = (reason: string) => (thrown: unknown) => isFault(thrown) && thrown.reason === reason;
const away = { reason: "AWAY", code: "UNAVAILABLE" } as const;
const refused = { reason: "REFUSED", code: "INVALID_ARGUMENT" } as const;

/** A server that does as it is told, and counts. */
function server(clock: VirtualClock): { serve: Service<string, string>; asked: number; mode: "works" | "fails" | "refuses" | "hangs" } {
  const state = { asked: 0, mode: "works" as "works" | "fails" | "refuses" | "hangs", serve };
  async function serve(request: string, call: Call): Promise<string> {
    state.asked += 1;
    if (state.mode === "fails") throw fault(away, "away");
    if (state.mode === "refuses") throw fault(refused, "no");
    if (state.mode === "hangs") await new Promise((_, reject) => call.onEnd(reject));
    await clock.sleep(1);
    return request;
  }
  return state;
}

const callOf = (clock: VirtualClock, timeoutMs?: number): Call => new Call({ clock, ...(timeoutMs !== undefined && { timeoutMs }) });

async function settled<T>(clock: VirtualClock, answer: Promise<T>, stepMs = 100): Promise<T | Fault> {
  let found: { readonly value: T | Fault } | undefined;
  answer.then(
    (value) => (found = { value }),
    (thrown: Fault) => (found = { value: thrown }),
  );
  for (let steps = 0; found === undefined && steps < 1000; steps++) await clock.advance(stepMs);
  assert.ok(found, "the answer never settled");
  return found.value;
}

test("a failure is the caller's, the server's, an overload or this side's own", () => {
  const clock = createVirtualClock();
  const kinds = (
    ["UNAVAILABLE", "INTERNAL", "UNKNOWN", "DATA_LOSS", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "NOT_FOUND", "CANCELLED"] as const
  ).map((code) => failureKind(fault({ reason: "X", code }, ""), callOf(clock)));
  assert.deepEqual(kinds, ["server", "server", "server", "server", "server", "overload", "caller", "caller"]);
  const ended = callOf(clock);
  ended.cancel();
  assert.equal(failureKind(fault(away, ""), ended), "caller");
  assert.equal(failureKind(fault(coreReasons.DEADLINE_EXCEEDED, ""), callOf(clock, 0)), "caller");
  assert.equal(failureKind(fault({ reason: "BREAKER_OPEN", code: "UNAVAILABLE" }, ""), callOf(clock)), "local");
});

test("an attempt that takes too long is told alone: neither its neighbour nor its caller hears of it", async () => {
  const clock = createVirtualClock();
  const ends: string[] = [];
  const serve = layered<string, string>(
    (request, call) =>
      new Promise((resolve, reject) => {
        call.onEnd((reason) => {
          ends.push(`${request} ${reason.reason}`);
          reject(reason);
        });
        clock.after(request === "slow" ? 1000 : 80, () => resolve(request));
      }),
    [attemptTimeout({ timeoutMs: 100 })],
  );
  const call = callOf(clock, 5000);
  const [slow, quick] = [serve("slow", call), serve("quick", call)];
  const late = assert.rejects(slow, faultOf("ATTEMPT_TIMEOUT"));
  await clock.advance(100);
  await late;
  assert.equal(await quick, "quick");
  assert.deepEqual([ends, call.ended], [["slow ATTEMPT_TIMEOUT"], undefined]);
  const short = callOf(clock, 50);
  const own = assert.rejects(serve("slow", short), faultOf("DEADLINE_EXCEEDED"));
  await clock.advance(50);
  await own;
});

test("retry makes an idempotent call again by the server's fault only, and one that was not sent in any case", async () => {
  const clock = createVirtualClock();
  const target = server(clock);
  const again = layered(target.serve, [
    retry<string, string>({ isIdempotent: (request) => request === "read", budget: { perSecondMin: 1000 }, clock }),
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
    [retry({ budget: { perSecondMin: 1000 }, clock })],
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
  const again = layered<Message<string>, string>(serve, [retry({ isIdempotent: () => true, budget: { perSecondMin: 1000 }, clock })]);
  const messages = (async function* () {
    yield "once";
  })();
  await settled(clock, again({ stream: true, messages }, callOf(clock)));
  assert.equal(asked, 1);
  await settled(clock, again({ stream: false, message: "x" }, callOf(clock)));
  assert.equal(asked, 4);
});

test("an attempt that is over holds neither a timer nor its caller, and a stream is ended by its caller", async () => {
  const clock = createVirtualClock();
  const attempts: Call[] = [];
  const serve = layered<string, Message<string>>(
    async (request, call) => {
      attempts.push(call);
      call.onEnd(() => undefined);
      if (request === "fails") throw fault(away, "");
      if (request === "one") return { stream: false, message: "one" };
      return { stream: true, messages: (async function* (): AsyncGenerator<string> {})() };
    },
    [attemptTimeout({ timeoutMs: 100 })],
  );
  const caller = callOf(clock, 60_000);
  for (let calls = 0; calls < 100; calls++) {
    await serve("one", caller);
    await assert.rejects(serve("fails", caller), faultOf("AWAY"));
  }
  assert.ok(clock.pending <= 1, `${clock.pending} timers`);
  await serve("stream", caller);
  await clock.advance(1000);
  caller.cancel();
  assert.deepEqual([attempts.at(-1)?.ended?.reason, attempts[0]?.ended], ["CALL_CANCELLED", undefined]);
});

test("adaptive breaker: only the probe's own answer counts as a probe", () => {
  const clock = createVirtualClock({ seed: 5 });
  const judge = createAdaptiveJudge({ clock });
  const early = judge.admit();
  for (let calls = 0; calls < 200; calls++) judge.admit()?.("failure");
  const { refusing } = judge.state;
  assert.ok(refusing > 0.9);
  early?.("success");
  assert.ok(judge.state.refusing > 0.9, "what was sent long ago clears nothing");
});

test("classic breaker: what was sent before it opened is no trial", async () => {
  const clock = createVirtualClock();
  const judge = createClassicJudge({ clock });
  const early = Array.from({ length: 3 }, () => judge.admit());
  for (let calls = 0; calls < 20; calls++) judge.admit()?.("failure");
  assert.equal(judge.state.state, "open");
  await clock.advance(1000);
  const trial = judge.admit();
  assert.equal(judge.state.state, "half_open");
  for (const end of early) end?.("success");
  assert.equal(judge.state.state, "half_open");
  trial?.("failure");
  assert.equal(judge.state.state, "open");
  await clock.advance(1000);
  for (let trials = 0; trials < 3; trials++) judge.admit()?.("success");
  assert.equal(judge.state.state, "closed");
});

test("retry waits as long as the other side asks, follows its rules, and ends with the call", async () => {
  const clock = createVirtualClock();
  const times: number[] = [];
  const serve = async (): Promise<string> => {
    times.push(clock.monotonicMs());
    if (times.length < 3) throw fault(away, "", { retryAfterMs: 700 });
    return "there";
  };
  const options = { isIdempotent: () => true, budget: { perSecondMin: 1000 }, clock };
  assert.equal(await settled(clock, layered(serve, [retry<string, string>(options)])("x", callOf(clock)), 10), "there");
  assert.deepEqual(times, [0, 700, 1400]);
  const target = server(clock);
  target.mode = "fails";
  const never = layered(target.serve, [retry<string, string>({ ...options, rules: { AWAY: { attemptsMax: 1 } } })]);
  await settled(clock, never("x", callOf(clock)));
  assert.equal(target.asked, 1);
  times.length = 0;
  const short = await settled(clock, layered(serve, [retry<string, string>(options)])("x", callOf(clock, 500)), 1);
  assert.deepEqual([(short as Fault).reason, times.length], ["AWAY", 1], "nobody waits longer than the call has");
});

test("retries are a tenth of all calls when everything fails", async () => {
  const clock = createVirtualClock();
  const target = server(clock);
  target.mode = "fails";
  const again = layered(target.serve, [retry<string, string>({ isIdempotent: () => true, clock })]);
  for (let calls = 0; calls < 1000; calls++) await settled(clock, again("x", callOf(clock)), 10);
  assert.ok(target.asked >= 1090 && target.asked <= 1120, `${target.asked} for 1,000 calls`);
  const budget = createRetryBudget(clock, { ratio: 0.1, perSecondMin: 0 });
  for (let calls = 0; calls < 100; calls++) budget.deposit();
  assert.equal(budget.balance, 10);
  await clock.advance(60_000);
  assert.equal(budget.balance, 0, "what was not used is lost");
  assert.equal(budget.withdraw(), false);
});

for (const [name, make] of [
  ["adaptive", (clock: VirtualClock) => createAdaptiveJudge({ clock })],
  ["classic", (clock: VirtualClock) => createClassicJudge({ clock })],
] as const) {
  test(`${name} breaker: a minute's outage is over within 2 seconds of its end, and spares the server meanwhile`, async () => {
    const clock = createVirtualClock({ seed: 3 });
    const target = server(clock);
    const breaker = createBreaker({ judge: make(clock) });
    const guarded = layered(target.serve, [breaker.layer<string, string>()]);
    /** Ten calls each 100 ms for so long; how many succeeded. */
    const load = async (durationMs: number): Promise<number> => {
      let succeeded = 0;
      for (let passed = 0; passed < durationMs; passed += 100) {
        for (let calls = 0; calls < 10; calls++)
          guarded("x", callOf(clock)).then(
            () => succeeded++,
            () => undefined,
          );
        await clock.advance(100);
      }
      return succeeded;
    };
    assert.equal(await load(10_000), 1000);
    target.mode = "fails";
    await load(10_000);
    const before = target.asked;
    await load(50_000);
    assert.ok(target.asked - before < 500, `${target.asked - before} of 5,000 calls reached a server that is away`);
    assert.notEqual(breaker.state.state, "closed");
    assert.match(breaker.state.why, /UNAVAILABLE AWAY/);
    target.mode = "works";
    await load(2000);
    assert.ok((await load(5000)) >= 495, "everything passes again");
    assert.equal(breaker.state.state, "closed");
  });

  test(`${name} breaker: failures of the caller never open it`, async () => {
    const clock = createVirtualClock();
    const target = server(clock);
    const breaker = createBreaker({ judge: make(clock) });
    const guarded = layered(target.serve, [breaker.layer<string, string>()]);
    target.mode = "refuses";
    for (let calls = 0; calls < 200; calls++) await settled(clock, guarded("x", callOf(clock)), 1);
    target.mode = "hangs";
    for (let calls = 0; calls < 200; calls++) {
      const call = callOf(clock, 10);
      const answer = guarded("x", call);
      if (calls % 2 === 0) call.cancel();
      await settled(clock, answer, 10);
    }
    assert.deepEqual([breaker.state.state, target.asked], ["closed", 400]);
  });

  test(`${name} breaker: an operator's word holds, and it is said why`, async () => {
    const clock = createVirtualClock();
    const target = server(clock);
    const changes: string[] = [];
    const breaker = createBreaker({ judge: make(clock), onChange: ({ state, override }) => changes.push(`${state} ${override}`) });
    const guarded = layered(target.serve, [breaker.layer<string, string>()]);
    breaker.override("open");
    await assert.rejects(guarded("x", callOf(clock)), faultOf("BREAKER_OPEN"));
    breaker.override("closed");
    target.mode = "fails";
    for (let calls = 0; calls < 100; calls++) await settled(clock, guarded("x", callOf(clock)), 1);
    assert.equal(target.asked, 100);
    assert.deepEqual(
      changes.slice(0, 2),
      ["open auto", "closed auto"].map((text) => text.replace("auto", text.startsWith("open") ? "open" : "closed")),
    );
    assert.equal(breaker.state.why, "by an operator");
  });
}

test("a bulkhead keeps its bounds, lets the urgent go first, and whoever gives up leaves its place", async () => {
  const clock = createVirtualClock();
  const begun: string[] = [];
  const bulkhead = createBulkhead<string>({
    concurrencyMax: 2,
    queueMax: 3,
    laneOf: (request) => request.split(" ")[0] as "urgent" | "bulk",
  });
  const guarded = layered<string, string>(
    async (request) => {
      begun.push(request);
      await clock.sleep(100);
      return request;
    },
    [bulkhead.layer<string>()],
  );
  const answers = ["bulk 1", "bulk 2", "bulk 3", "bulk 4", "bulk 5"].map((request) => guarded(request, callOf(clock)));
  await clock.advance(0);
  assert.deepEqual(bulkhead.state, { underWay: 2, waiting: { urgent: 0, normal: 0, bulk: 3 } });
  await assert.rejects(guarded("bulk 6", callOf(clock)), faultOf("BULKHEAD_FULL"));
  const displaced = assert.rejects(answers[4]!, faultOf("BULKHEAD_FULL"));
  const urgent = guarded("urgent 1", callOf(clock));
  await displaced;
  const impatient = callOf(clock, 50);
  const leaving = assert.rejects(guarded("urgent 2", impatient), faultOf("DEADLINE_EXCEEDED"));
  await assert.rejects(answers[3]!, faultOf("BULKHEAD_FULL"));
  await clock.advance(50);
  await leaving;
  await clock.advance(300);
  assert.equal(await urgent, "urgent 1");
  assert.deepEqual(begun, ["bulk 1", "bulk 2", "urgent 1", "bulk 3"]);
  assert.deepEqual(bulkhead.state, { underWay: 0, waiting: { urgent: 0, normal: 0, bulk: 0 } });
});

test("a rate limit lets a burst pass, then so many a second, each key for itself, and says when", async () => {
  const clock = createVirtualClock();
  const limited = layered<string, string>(
    async (request) => request,
    [rateLimit({ perSecond: 10, burst: 5, keyOf: (request) => request, keysMax: 2, clock })],
  );
  const passes = async (key: string): Promise<number> => {
    let count = 0;
    for (let calls = 0; calls < 20; calls++)
      await limited(key, callOf(clock)).then(
        () => count++,
        () => undefined,
      );
    return count;
  };
  assert.deepEqual([await passes("a"), await passes("b"), await passes("a")], [5, 5, 0]);
  const found = (await limited("a", callOf(clock)).catch((thrown: unknown) => thrown)) as Fault;
  assert.deepEqual([found.reason, found.retryAfterMs], ["RATE_LIMITED", 100]);
  await clock.advance(300);
  assert.equal(await passes("a"), 3);
  await clock.advance(60_000);
  assert.equal(await passes("a"), 5, "no more than a burst is saved up");
});

test("a policy refuses options that are none", () => {
  const clock = createVirtualClock();
  for (const make of [
    () => attemptTimeout({ timeoutMs: 0 }),
    () => retry({ attemptsMax: 0 }),
    () => createBulkhead({ concurrencyMax: NaN }),
    () => rateLimit({ perSecond: 0, clock }),
    () => createAdaptiveJudge({ factor: 0.5 }),
    () => createClassicJudge({ failureRatioMax: 2 }),
  ])
    assert.throws(make, faultOf("POLICY_OPTION_INVALID"));
});
