import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "../../call.ts";
import { fault, isFault } from "../../fault.ts";
import type { VirtualClock } from "../../testing/virtual-clock.ts";
import { createVirtualClock } from "../../testing/virtual-clock.ts";
import { turnedBad } from "./error-trial.ts";
import type { HotSwapOptions } from "./hot-swap.ts";
import { HotSwap } from "./hot-swap.ts";

interface Made {
  readonly clock: VirtualClock;
  readonly swap: HotSwap<string>;
  /** Calls that end at once, so many of them failing. */
  ask(calls: number, failures?: number): void;
}

function create(options: Partial<HotSwapOptions<string>> = {}): Made {
  const clock = createVirtualClock();
  const swap = new HotSwap<string>({ name: "rules", clock, ...options });
  return {
    clock,
    swap,
    ask(calls, failures = 0) {
      for (let turn = 0; turn < calls; turn++) swap.use(new Call({ clock })).end(turn < failures ? broken : undefined);
    },
  };
}

const broken = fault({ reason: "BROKEN", code: "INTERNAL" }, "Broken.");
const refused = (why: RegExp) => (error: unknown) => isFault(error) && error.reason === "HOT_SWAP_REFUSED" && why.test(error.message);
const phases = (swap: HotSwap<string>): string[] => swap.state().generations.map(({ generation, phase }) => `${generation} ${phase}`);

test("hot swap that throws, hangs or fails its self-test is refused with the phase and the reason, and changes nothing", async () => {
  const { clock, swap, ask } = create({
    warmUp: async (value) => (value === "cold" ? new Promise(() => undefined) : undefined),
    async selfTest(value) {
      if (value === "wrong") throw new Error("expected 4, found 5");
    },
  });
  await swap.swap(async () => "one");
  await assert.rejects(
    swap.swap(() => Promise.reject(new Error("no file")), { label: "a.ts" }),
    refused(/^Expected generation 2 of rules \(a\.ts\) to load, found: no file$/),
  );
  await assert.rejects(
    swap.swap(async () => "wrong"),
    refused(/generation 3 of rules to pass its self-test, found: expected 4, found 5$/),
  );
  let heard = false;
  const hanging = assert.rejects(
    swap.swap((signal) => {
      signal.addEventListener("abort", () => (heard = true));
      return new Promise(() => undefined);
    }),
    refused(/to load, found: it took longer than 10000 ms/),
  );
  await clock.advance(10_000);
  await hanging;
  assert.ok(heard);
  const cold = assert.rejects(
    swap.swap(async () => "cold"),
    refused(/to warm up, found: it took longer/),
  );
  await assert.rejects(
    swap.swap(async () => "meanwhile"),
    (error) => isFault(error) && error.reason === "HOT_SWAP_BUSY",
  );
  await clock.advance(10_000);
  await cold;
  ask(1);
  const { current, past, refused: count } = swap.state();
  assert.equal(current, 1);
  assert.equal(count, 4);
  assert.deepEqual(
    past.map(({ phase, reason }) => `${phase}: ${reason}`),
    ["refused: no file", "refused: expected 4, found 5", "refused: it took longer than 10000 ms", "refused: it took longer than 10000 ms"],
  );
});

test("call keeps the generation that it began with, and the generation goes when its last call has ended", async () => {
  const { clock, swap } = create();
  await swap.swap(async () => "one");
  const first = swap.use(new Call({ clock }));
  await swap.swap(async () => "two");
  assert.deepEqual([first.value, swap.use(new Call({ clock })).value], ["one", "two"]);
  assert.deepEqual(phases(swap), ["1 standby", "2 trial"]);
  await swap.swap(async () => "three");
  assert.deepEqual(phases(swap), ["1 draining", "2 standby", "3 trial"]);
  assert.equal(first.value, "one");
  first.end();
  assert.deepEqual(phases(swap), ["2 standby", "3 trial"]);
  await clock.advance(61_000);
  assert.deepEqual(phases(swap), ["2 draining", "3 serving"], "generation 2 still has a call");
});

test("generation whose calls fail more than those of the one before is rolled back by itself with the reason", async () => {
  const { swap, ask } = create();
  await swap.swap(async () => "one");
  ask(1000, 10);
  await swap.swap(async () => "two");
  ask(20, 0);
  ask(100, 100);
  const { generations, past, rolledBack, current } = swap.state();
  assert.deepEqual([current, rolledBack, swap.use(new Call()).value], [1, 1, "one"]);
  assert.equal(generations[0]?.phase, "serving");
  const [bad] = past;
  assert.equal(bad?.phase, "rolled_back");
  assert.match(bad?.reason ?? "", /^\d+ of \d+ calls \(\d+\.\d %\) failed, before it 10 of 1000 calls \(1\.0 %\)$/);
  assert.ok(bad!.calls < 30, `${bad!.calls} calls met it`);
});

test("generation is not rolled back for failures of its callers, of the one before, or of as many as before", async () => {
  const { clock, swap, ask } = create();
  await swap.swap(async () => "one");
  ask(400, 100);
  const old = Array.from({ length: 50 }, () => swap.use(new Call({ clock })));
  await swap.swap(async () => "two");
  for (const use of old) use.end(broken);
  for (let turn = 0; turn < 200; turn++) swap.use(new Call({ clock })).end(fault({ reason: "ABSENT", code: "NOT_FOUND" }, "Absent."));
  for (let turn = 0; turn < 100; turn++) ask(4, 1);
  assert.deepEqual([swap.state().current, swap.state().rolledBack], [2, 0]);
});

test("generation that turns bad late in its trial, or hangs, is rolled back; after the trial nobody compares", async () => {
  const { clock, swap, ask } = create();
  await swap.swap(async () => "one");
  ask(500);
  await swap.swap(async () => "two");
  ask(5000);
  await clock.advance(50_000);
  const waiting = Array.from({ length: 30 }, () => new Call({ clock }));
  for (const call of waiting) swap.use(call);
  // Nobody under them hears: the handlers go on for ever.
  for (const call of waiting) call.cancel(fault({ reason: "DEADLINE_EXCEEDED", code: "DEADLINE_EXCEEDED" }, "Over."));
  await clock.advance(2000);
  assert.equal(swap.state().current, 1);
  await swap.swap(async () => "three");
  ask(100);
  await clock.advance(61_000);
  ask(100, 100);
  assert.equal(swap.state().current, 3);
  assert.throws(
    () => swap.rollBack("too late"),
    (error) => isFault(error) && error.reason === "HOT_SWAP_EMPTY",
  );
});

test("generations stay within their bound: a swap waits for room, and is refused when there is none in time", async () => {
  const { clock, swap } = create({ generationsMax: 3, prepareMsMax: 1000 });
  const uses = [];
  for (const value of ["one", "two", "three"]) {
    await swap.swap(async () => value);
    uses.push(swap.use(new Call({ clock })));
  }
  const late = assert.rejects(
    swap.swap(async () => "four"),
    (error) => isFault(error) && error.reason === "HOT_SWAP_BUSY" && error.message.includes("1 (1), 2 (1), 3 (1)"),
  );
  await clock.advance(1100);
  await late;
  const waits = swap.swap(async () => "four");
  uses[0]?.end();
  await clock.advance(100);
  assert.equal((await waits).generation, 4);
  assert.equal(swap.state().generations.length, 3);
});

test("call that outlasts its generation is ended with GENERATION_RETIRED", async () => {
  const { clock, swap } = create({ trialMs: 0, drainMsMax: 5000 });
  await swap.swap(async () => "one");
  const call = new Call({ clock });
  swap.use(call);
  await swap.swap(async () => "two");
  await clock.advance(4000);
  assert.equal(call.ended?.reason, undefined);
  await clock.advance(2000);
  assert.equal(call.ended?.reason, "GENERATION_RETIRED");
  assert.deepEqual(phases(swap), ["2 serving"]);
  assert.equal(clock.pending, 0);
});

test("judge of a trial needs enough calls, and more failures than chance gives", () => {
  const options = { callsMin: 20 };
  assert.equal(turnedBad({ calls: 19, failures: 19 }, { calls: 1000, failures: 0 }, options), undefined);
  assert.equal(turnedBad({ calls: 100, failures: 2 }, { calls: 1000, failures: 10 }, options), undefined);
  assert.equal(turnedBad({ calls: 20, failures: 9 }, { calls: 0, failures: 0 }, options), undefined);
  assert.match(turnedBad({ calls: 20, failures: 20 }, { calls: 0, failures: 0 }, options) ?? "", /before it 0 of 0 calls$/);
  assert.match(turnedBad({ calls: 40, failures: 10 }, { calls: 1000, failures: 1 }, options) ?? "", /^10 of 40 calls \(25\.0 %\)/);
});
