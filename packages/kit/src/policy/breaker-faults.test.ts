import assert from "node:assert/strict";
import { test } from "node:test";
import { coreReasons, fault } from "../fault.ts";
import type { Service } from "../service.ts";
import { layered } from "../service.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { VirtualClock } from "../testing/virtual-clock.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import type { Breaker } from "./breaker.ts";
import { createBreaker } from "./breaker.ts";
import { refusal } from "./refusal.ts";
import { policyReasons } from "./reasons.ts";
import type { ScriptedServer } from "./testing/scripted-server.ts";
import { callOf, faultOf, scriptedServer, settled } from "./testing/scripted-server.ts";

interface Guarded {
  readonly clock: VirtualClock;
  readonly target: ScriptedServer;
  readonly breaker: Breaker;
  /** Ten calls each 100 ms for so long; how many succeeded. */
  load(durationMs: number): Promise<number>;
}

function startGuarded(kind: "adaptive" | "classic", changes: string[] = []): Guarded {
  const clock = createVirtualClock({ seed: 6 });
  const target = scriptedServer(clock);
  const breaker = createBreaker({ kind }, { clock, onChange: ({ state, override }) => void changes.push(`${state} ${override}`) });
  const serve = layered(target.serve, [breaker.layer]);
  async function load(durationMs: number): Promise<number> {
    let succeeded = 0;
    for (let passed = 0; passed < durationMs; passed += 100) {
      for (let calls = 0; calls < 10; calls++)
        serve("x", callOf(clock)).then(
          () => succeeded++,
          () => undefined,
        );
      await clock.advance(100);
    }
    return succeeded;
  }
  return { clock, target, breaker, load };
}

test("planted fault, a flapping server: an adaptive breaker spares it a part, gives up no more than that of what works, and never shuts", async () => {
  const { target, load } = startGuarded("adaptive");
  await load(10_000);
  let [succeeded, asked] = [0, 0];
  for (let flaps = 0; flaps < 15; flaps++) {
    target.mode = "fails";
    const before = target.asked;
    succeeded += await load(2000);
    asked += target.asked - before;
    target.mode = "works";
    succeeded += await load(2000);
  }
  assert.ok(asked < 3000 * 0.85, `${asked} of 3,000 calls reached a server that was away`);
  assert.ok(succeeded > 3000 * 0.75, `${succeeded} of 3,000 calls that could succeed did`);
  await load(2000);
  assert.ok((await load(5000)) >= 495, "everything passes once the server stays");
});

test("planted fault, a flapping server: a classic breaker opens at most once in its time, and is closed again once the server stays", async () => {
  const changes: string[] = [];
  const { target, load, breaker } = startGuarded("classic", changes);
  await load(10_000);
  for (let flaps = 0; flaps < 300; flaps++) {
    target.mode = flaps % 2 === 0 ? "fails" : "works";
    await load(100);
  }
  const opened = changes.filter((change) => change.startsWith("open")).length;
  assert.ok(opened >= 1 && opened <= 30, `opened ${opened} times in 30 seconds of flapping`);
  target.mode = "works";
  await load(2000);
  assert.equal(breaker.state().state, "closed");
});

test("planted fault, an outage of a minute: an adaptive breaker is probed each second, and hears of the end by the next probe", async () => {
  const { target, load, clock } = startGuarded("adaptive");
  await load(10_000);
  target.mode = "fails";
  await load(20_000);
  for (let second = 0; second < 40; second++) {
    const before = target.asked;
    await load(1000);
    const probes = target.asked - before;
    assert.ok(probes >= 1 && probes <= 10, `${probes} calls reached it in second ${second}`);
  }
  target.mode = "works";
  const endMs = clock.monotonicMs();
  while ((await load(100)) < 9) assert.ok(clock.monotonicMs() - endMs < 2000, "still refusing 2 s after the outage");
});

for (const kind of ["adaptive", "classic"] as const) {
  test(`planted fault, time-outs of the caller: callers that leave too little time, and nobody else, open no ${kind} breaker`, async () => {
    const { clock, target, breaker } = startGuarded(kind);
    const serve = layered(target.serve, [breaker.layer]);
    target.mode = "hangs";
    for (let calls = 0; calls < 200; calls++) {
      // Half hear of it from this side, half were told by the server in the same moment.
      const call = callOf(clock, 10);
      const asked = calls % 2 === 0 ? serve("x", call) : layered<string, string>(tooLate(clock), [breaker.layer])("x", call);
      assert.ok(faultOf("DEADLINE_EXCEEDED")(await settled(clock, asked, 10)));
    }
    assert.deepEqual([breaker.state().state, breaker.state().refused], ["closed", 0]);
  });
}

/** A server that says by itself that the caller's time is over. */
function tooLate(clock: VirtualClock): Service<string, string> {
  return async (_, call) => {
    await clock.sleep(call.remainingMs());
    throw fault(coreReasons.DEADLINE_EXCEEDED, "");
  };
}

test("refusals of this side and overload of the other open nothing", async () => {
  const clock = createVirtualClock();
  const breaker = createBreaker({}, { clock });
  for (const reason of [policyReasons.BULKHEAD_FULL, policyReasons.RATE_LIMITED, policyReasons.LOAD_SHED]) {
    const serve = layered<string, string>(() => Promise.reject(refusal(reason, "")), [breaker.layer]);
    for (let calls = 0; calls < 100; calls++) await settled(clock, serve("x", callOf(clock)), 1);
  }
  assert.equal(breaker.state().state, "closed");
});

test("an operator's word ends when it said, says why, and is counted with the changes", async () => {
  const clock = createVirtualClock();
  const metrics = createMetrics();
  const target = scriptedServer(clock);
  const breaker = createBreaker({}, { clock, metrics, name: "orders" });
  const serve = layered(target.serve, [breaker.layer]);
  breaker.override("open", { reason: "orders are being moved", forMs: 60_000 });
  await clock.advance(59_000);
  assert.ok(faultOf("BREAKER_OPEN")(await settled(clock, serve("x", callOf(clock)), 1)));
  const { state, why, overrideLeftMs, refused } = breaker.state();
  assert.deepEqual([state, why, refused], ["open", "by an operator: orders are being moved", 1]);
  assert.ok(overrideLeftMs! > 0 && overrideLeftMs! <= 1000);
  assert.match(metrics.text(), /weir_breaker_state\{policy="orders",state="open",override="open"\} 1\n/);
  await clock.advance(1000);
  assert.equal(await settled(clock, serve("x", callOf(clock)), 1), "x");
  const text = metrics.text();
  assert.match(text, /weir_breaker_state\{policy="orders",state="open",override="open"\} 0\n/);
  assert.match(text, /weir_breaker_state\{policy="orders",state="closed",override="auto"\} 1\n/);
  assert.match(text, /weir_breaker_refused_total\{policy="orders"\} 1\n/);
  assert.match(text, /weir_breaker_changes_total\{policy="orders",to="open",reason="operator"\} 1\n/);
  assert.throws(() => breaker.override("open", { forMs: 0 }), faultOf("POLICY_OPTION_INVALID"));
});

test("a breaker goes on by other options with what it counted, and may become one of the other kind", async () => {
  const { target, load, breaker } = startGuarded("adaptive");
  target.mode = "fails";
  await load(2000);
  assert.equal(breaker.state().state, "throttling");
  breaker.apply({ callsMin: 1_000_000 });
  assert.equal(breaker.state().state, "closed", "too few calls for that");
  breaker.apply({});
  assert.equal(breaker.state().state, "throttling", "what was counted is still there");
  assert.throws(() => breaker.apply({ factor: 0 }), faultOf("POLICY_OPTION_INVALID"));
  breaker.apply({ kind: "classic" });
  assert.equal(breaker.state().state, "closed");
  await load(2000);
  assert.notEqual(breaker.state().state, "closed");
});
