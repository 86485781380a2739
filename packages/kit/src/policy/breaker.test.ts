import assert from "node:assert/strict";
import { test } from "node:test";
import { layered } from "../service.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { createAdaptiveJudge } from "./adaptive-judge.ts";
import { createBreaker } from "./breaker.ts";
import { createClassicJudge } from "./classic-judge.ts";
import { callOf, faultOf, scriptedServer, settled } from "./testing/scripted-server.ts";

test("adaptive breaker: only the probe's own answer counts as a probe", () => {
  const clock = createVirtualClock({ seed: 5 });
  const judge = createAdaptiveJudge({}, clock);
  const early = judge.admit();
  for (let calls = 0; calls < 200; calls++) judge.admit()?.("failure");
  const { refusing } = judge.state;
  assert.ok(refusing > 0.9);
  early?.("success");
  assert.ok(judge.state.refusing > 0.9, "what was sent long ago clears nothing");
});

test("classic breaker: what was sent before it opened is no trial", async () => {
  const clock = createVirtualClock();
  const judge = createClassicJudge({}, clock);
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

for (const kind of ["adaptive", "classic"] as const) {
  test(`planted fault, an outage of a minute: ${kind} breaker: a minute's outage is over within 2 seconds of its end, and spares the server meanwhile`, async () => {
    const clock = createVirtualClock({ seed: 3 });
    const target = scriptedServer(clock);
    const breaker = createBreaker({ kind }, { clock });
    const guarded = layered(target.serve, [breaker.layer]);
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
    assert.notEqual(breaker.state().state, "closed");
    assert.match(breaker.state().why, /UNAVAILABLE AWAY/);
    target.mode = "works";
    await load(2000);
    assert.ok((await load(5000)) >= 495, "everything passes again");
    assert.equal(breaker.state().state, "closed");
  });

  test(`planted fault, time-outs of the caller: ${kind} breaker: failures of the caller never open it`, async () => {
    const clock = createVirtualClock();
    const target = scriptedServer(clock);
    const breaker = createBreaker({ kind }, { clock });
    const guarded = layered(target.serve, [breaker.layer]);
    target.mode = "refuses";
    for (let calls = 0; calls < 200; calls++) await settled(clock, guarded("x", callOf(clock)), 1);
    target.mode = "hangs";
    for (let calls = 0; calls < 200; calls++) {
      const call = callOf(clock, 10);
      const answer = guarded("x", call);
      if (calls % 2 === 0) call.cancel();
      await settled(clock, answer, 10);
    }
    assert.deepEqual([breaker.state().state, target.asked], ["closed", 400]);
  });

  test(`${kind} breaker: an operator's word holds, and it is said why`, async () => {
    const clock = createVirtualClock();
    const target = scriptedServer(clock);
    const changes: string[] = [];
    const breaker = createBreaker({ kind }, { clock, onChange: ({ state, override }) => changes.push(`${state} ${override}`) });
    const guarded = layered(target.serve, [breaker.layer]);
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
    assert.equal(breaker.state().why, "by an operator");
  });
}
