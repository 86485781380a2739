import assert from "node:assert/strict";
import { test } from "node:test";
import type { Turn } from "./verdict.ts";
import { median, outcomeFrom, turnFault } from "./verdict.ts";

const quiet: Turn = {
  name: "weir",
  requests: 100_000,
  failures: 0,
  durationMs: 2000,
  cpuMs: 1950,
  othersMs: 10,
  othersMsAtLoad: 20,
  stealMs: 0,
  loadMs: 1200,
  latencyMsP99: 1,
};

/** Three turns each of ours at 19.5 µs and of a peer that needs twice that, with a fault planted in the peer's. */
function outcome(fault: Partial<Turn> = {}, atMost = 3): ReturnType<typeof outcomeFrom> {
  const peer = { ...quiet, name: "peer", requests: 50_000 };
  const peers = [0, 1, 2].map((index) => (index < atMost ? { ...peer, ...fault } : peer));
  return outcomeFrom([quiet, quiet, quiet, ...peers], "weir");
}

test("a quiet run is valid, and its ratio is the peer's CPU per request divided by ours", () => {
  const { valid, ratios, why, standings } = outcome();
  assert.deepEqual({ valid, ratios, why }, { valid: true, ratios: { peer: 2 }, why: [] });
  assert.deepEqual(
    standings.map((one) => one.cpuMicros),
    [19.5, 39],
  );
});

test("a turn with a planted fault says so", () => {
  const faults: [Partial<Turn>, RegExp][] = [
    [{ cpuMs: 1700 }, /not the bottleneck: its core was busy 85 %/],
    [{ othersMs: 200 }, /other processes took 10 % of its core/],
    [{ othersMsAtLoad: 500 }, /other processes took 25 % of the load's core/],
    [{ stealMs: 200 }, /host took 10 % of the core/],
    [{ failures: 1 }, /1 answers were not 200/],
    [{ requests: 0 }, /no request was answered/],
  ];
  assert.equal(turnFault(quiet), undefined);
  for (const [fault, message] of faults) {
    assert.match(turnFault({ ...quiet, ...fault }) ?? "", message);
    const { valid, why } = outcome(fault);
    assert.equal(valid, false);
    assert.match(why.join(), message);
  }
});

test("one wrong answer spoils a suite, one disturbed turn of four does not", () => {
  assert.equal(outcome({ failures: 1 }, 1).valid, false);
  const disturbed = { ...quiet, othersMs: 500 };
  assert.equal(outcomeFrom([quiet, quiet, quiet, disturbed], "weir").valid, true);
  assert.equal(outcomeFrom([quiet, quiet, disturbed, disturbed], "weir").valid, false);
});

test("turns that differ too much are no result", () => {
  const { valid, why } = outcome({ requests: 40_000 }, 1);
  assert.equal(valid, false);
  assert.match(why.join(), /peer: turns differ by 25 %/);
});

test("a run without us is no result", () => {
  assert.equal(outcomeFrom([{ ...quiet, name: "peer" }], "weir").valid, false);
});

test("the median of nothing is 0, of two their mean", () => {
  assert.deepEqual([median([]), median([3, 1]), median([9, 1, 5])], [0, 2, 5]);
});
