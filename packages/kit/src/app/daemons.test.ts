import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "../fault.ts";
import type { Daemon } from "../service.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { runDaemons } from "./daemons.ts";

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** A daemon that tells when it starts and stops. */
function told(name: string, story: string[]): Daemon {
  return async (signal) => {
    story.push(`${name} starts`);
    await untilAborted(signal);
    await Promise.resolve();
    story.push(`${name} stops`);
  };
}

const hasReason = (reason: string) => (error: unknown) => isFault(error) && error.reason === reason;

test("daemons start in order and stop in reverse, one after the other", async () => {
  const story: string[] = [];
  const stop = new AbortController();
  const all = runDaemons(
    ["a", "b", "c"].map((name) => ({ name, daemon: told(name, story) })),
    { signal: stop.signal },
  );
  stop.abort();
  await all;
  assert.deepEqual(story, ["a starts", "b starts", "c starts", "c stops", "b stops", "a stops"]);
});

test("daemons all stop when one breaks, and the Fault names it with its cause", async () => {
  const story: string[] = [];
  const gate = Promise.withResolvers<void>();
  const failing = runDaemons(
    [
      { name: "a", daemon: told("a", story) },
      { name: "broken", daemon: () => gate.promise },
      { name: "c", daemon: told("c", story) },
    ],
    { signal: new AbortController().signal },
  );
  gate.reject(new Error("no more"));
  await assert.rejects(
    failing,
    (error: Error) => hasReason("DAEMON_FAILED")(error) && /broken/.test(error.message) && (error.cause as Error).message === "no more",
  );
  assert.deepEqual(story, ["a starts", "c starts", "c stops", "a stops"]);
});

test("daemon marked restart is started again after a pause that grows, up to its cap, and shrinks after a long run", async () => {
  const clock = createVirtualClock();
  const stop = new AbortController();
  const startsMs: number[] = [];
  const daemon: Daemon = async (signal) => {
    startsMs.push(clock.monotonicMs());
    if (startsMs.length === 8) await clock.sleep(5000, signal);
    throw new Error("broke");
  };
  const all = runDaemons([{ name: "flaky", daemon, restart: true }], { signal: stop.signal, clock, restartMsMin: 100, restartMsMax: 1000 });
  await clock.advance(60_000);
  const pauses = startsMs.map((ms, index) => ms - (startsMs[index - 1] ?? 0)).slice(1);
  for (const [index, cap] of [100, 200, 400, 800, 1000, 1000, 1000].entries()) {
    const pause = pauses[index] ?? 0;
    assert.ok(pause >= cap / 2 && pause <= cap, `pause ${index} is ${pause}, expected ${cap / 2} to ${cap}`);
  }
  assert.ok(new Set(pauses.slice(4, 7)).size > 1, "pauses are jittered");
  const afterLongRun = (pauses[7] ?? 0) - 5000;
  assert.ok(afterLongRun >= 50 && afterLongRun <= 100, `after a long run the pause is ${afterLongRun}`);
  stop.abort();
  await all;
  const count = startsMs.length;
  await clock.advance(10_000);
  assert.equal(startsMs.length, count);
});

test("daemon that does not stop is left behind after its bound, and named", async () => {
  const clock = createVirtualClock();
  const story: string[] = [];
  const stop = new AbortController();
  const all = runDaemons(
    [
      { name: "good", daemon: told("good", story) },
      { name: "deaf", daemon: () => new Promise<void>(() => undefined) },
    ],
    { signal: stop.signal, clock, stopMsMax: 300 },
  );
  const rejected = assert.rejects(all, (error: Error) => hasReason("DAEMON_STUCK")(error) && /deaf/.test(error.message));
  stop.abort();
  await clock.advance(299);
  assert.deepEqual(story, ["good starts"]);
  await clock.advance(1);
  await rejected;
  assert.deepEqual(story, ["good starts", "good stops"]);
});

test("daemons that end by themselves end the whole", async () => {
  await runDaemons([{ name: "short", daemon: async () => undefined }], { signal: new AbortController().signal });
  await runDaemons([], { signal: AbortSignal.abort() });
});
