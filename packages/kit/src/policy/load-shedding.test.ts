import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "../call.ts";
import { systemClock } from "../clock.ts";
import type { Fault } from "../fault.ts";
import { layered } from "../service.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { VirtualClock } from "../testing/virtual-clock.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import type { Lane } from "./lane.ts";
import { createLoadShedding } from "./load-shedding.ts";
import type { LoopWatch } from "./loop-watch.ts";
import { createLoopWatch } from "./node-loop-watch.ts";
import { callOf, faultOf, passing } from "./testing/scripted-server.ts";

interface Shed {
  readonly clock: VirtualClock;
  readonly loop: { delay: number; share: number };
  readonly queue: { age: number };
  /** How many of 200 calls of a lane pass; "critical" is one of the lanes here. */
  pass(lane: Lane | "critical"): Promise<number>;
}

function startShedding(options: Parameters<typeof createLoadShedding>[0] = {}): Shed & { policy: ReturnType<typeof createLoadShedding> } {
  const clock = createVirtualClock({ seed: 11 });
  const loop = { delay: 0, share: 0 };
  const queue = { age: 0 };
  const watch: LoopWatch = { delayMs: () => loop.delay, utilisation: () => loop.share, close: () => undefined };
  const policy = createLoadShedding<unknown>(
    { loopDelayMs: 50, loopDelayMsMax: 400, ...options },
    {
      clock,
      loop: watch,
      queueAgeMs: () => queue.age,
      laneOf: (request) => request as Lane,
      isCritical: (request) => request === "critical",
    },
  );
  const serve = layered<string, string>(async (request) => request, [policy.layer]);
  return { clock, loop, queue, policy, pass: (lane) => passing(200, () => serve(lane, callOf(clock))) };
}

test("planted fault, a blocked loop: bulk is shed first, then normal, then urgent work, critical work last, and nothing afterwards", async () => {
  const { loop, pass } = startShedding({ hysteresis: 0 });
  const all = async (): Promise<number[]> => [await pass("bulk"), await pass("normal"), await pass("urgent"), await pass("critical")];
  assert.deepEqual(await all(), [200, 200, 200, 200]);
  loop.delay = 50 + 350 * 0.25;
  const [bulk, ...others] = await all();
  assert.ok(bulk! > 70 && bulk! < 130, `${bulk} of 200 bulk calls pass at half their ramp`);
  assert.deepEqual(others, [200, 200, 200]);
  loop.delay = 50 + 350 * 0.75;
  const [none, normal, ...rest] = await all();
  assert.ok(normal! > 70 && normal! < 130, `${normal} of 200 normal calls pass at half their ramp`);
  assert.deepEqual([none, ...rest], [0, 200, 200]);
  loop.delay = 50 + 350 * 1.5;
  assert.deepEqual(await all(), [0, 0, 0, 200]);
  loop.delay = 5000;
  assert.deepEqual(await all(), [0, 0, 0, 0]);
  loop.delay = 0;
  assert.deepEqual(await all(), [200, 200, 200, 200]);
});

test("each signal sheds by itself, and utilisation alone sheds bulk work only", async () => {
  const { clock, loop, queue, policy, pass } = startShedding();
  loop.share = 1;
  assert.deepEqual([await pass("bulk"), policy.state().signal], [0, "utilisation"]);
  assert.ok((await pass("normal")) > 120);
  assert.equal(await pass("urgent"), 200);
  loop.share = 0.5;
  queue.age = 1000;
  await clock.advance(10);
  assert.deepEqual([await pass("normal"), policy.state().signal], [0, "queue_age"]);
  queue.age = 0;
  await clock.advance(10);
  assert.equal(await pass("bulk"), 200);
  loop.delay = 400;
  assert.deepEqual([await pass("normal"), policy.state().signal], [0, "loop_delay"]);
});

test("calls in flight stay within their bound, and what is shed has its code, its reason and a jittered time to come again", async () => {
  const clock = createVirtualClock({ seed: 4 });
  const metrics = createMetrics();
  const policy = createLoadShedding({ inFlightMax: 100, retryAfterMs: 1000 }, { clock, metrics, name: "feed" });
  let begun = 0;
  const serve = layered<string, string>(
    async (request) => {
      begun += 1;
      await clock.sleep(1000);
      return request;
    },
    [policy.layer],
  );
  const answers = Array.from({ length: 1000 }, () => serve("x", callOf(clock)).catch((thrown: Fault) => thrown));
  await clock.advance(0);
  assert.ok(begun >= 85 && begun <= 100, `${begun} calls in flight at a capacity of 100`);
  const health = serve("x", new Call({ clock, method: "/grpc.health.v1.Health/Check" }));
  await clock.advance(1000);
  assert.equal(await health, "x", "a health check is not shed");
  const faults = (await Promise.all(answers)).filter((answer): answer is Fault => typeof answer !== "string");
  assert.equal(faults.length, 1000 - begun + 1);
  assert.ok(faults.every((found) => found.reason === "LOAD_SHED" && found.code === "UNAVAILABLE"));
  const waits = faults.map((found) => found.retryAfterMs ?? 0);
  assert.ok(Math.min(...waits) >= 500 && Math.max(...waits) <= 1500 && new Set(waits).size > 300, "chance spreads who comes again");
  assert.match(metrics.text(), new RegExp(`weir_shed_total\\{policy="feed",importance="normal",signal="in_flight"\\} ${faults.length}`));
  const after = serve("x", callOf(clock));
  await clock.advance(1000);
  assert.equal(await after, "x");
});

test("shedding ends lower than it begins, so that it does not flap", async () => {
  const { loop, pass, policy } = startShedding({ loopDelayMs: 100, loopDelayMsMax: 200, hysteresis: 0.2 });
  loop.delay = 95;
  assert.equal(await pass("bulk"), 200);
  loop.delay = 101;
  assert.ok((await pass("bulk")) < 200);
  loop.delay = 90;
  assert.ok((await pass("bulk")) < 200, "still shedding");
  assert.equal(policy.state().shedding, true);
  loop.delay = 79;
  assert.equal(await pass("bulk"), 200);
  assert.equal(policy.state().shedding, false);
});

test("other options hold at once, and bad ones change nothing", async () => {
  const { loop, pass, policy } = startShedding();
  loop.delay = 500;
  assert.equal(await pass("normal"), 0);
  assert.throws(() => policy.apply({ loopDelayMs: 0 }), faultOf("POLICY_OPTION_INVALID"));
  assert.equal(await pass("normal"), 0);
  policy.apply({ loopDelayMs: 1000 });
  assert.equal(await pass("normal"), 200);
});

test("by default a wait of some hundred milliseconds sheds bulk work alone, one of seconds all normal work", async () => {
  const { loop, pass, policy } = startShedding();
  policy.apply({});
  loop.delay = 240;
  assert.deepEqual([await pass("bulk"), await pass("normal")], [200, 200]);
  loop.delay = 700;
  assert.ok((await pass("bulk")) < 200);
  assert.equal(await pass("normal"), 200);
  loop.delay = 2000;
  assert.deepEqual([await pass("bulk"), await pass("normal")], [0, 0]);
});

test("a watch tells in the very turn that blocks, in the turn after it, and no longer", async () => {
  const watch = createLoopWatch();
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const timer = (): Promise<void> => systemClock.sleep(1);
  try {
    await timer();
    const endMs = performance.now() + 200;
    while (performance.now() < endMs);
    const inTurn = watch.delayMs();
    assert.ok(inTurn >= 180, `${inTurn.toFixed(0)} ms told by whoever asks within the turn`);
    await timer();
    assert.ok(watch.delayMs() >= 180, "what is read next had waited");
    await turn();
    await turn();
    assert.ok(watch.delayMs() < 180, `${watch.delayMs().toFixed(0)} ms told when it is over`);
  } finally {
    watch.close();
  }
  assert.deepEqual([watch.delayMs(), watch.utilisation()], [0, 0]);
});
