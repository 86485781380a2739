import assert from "node:assert/strict";
import { test } from "node:test";
import type { RoundTurn, Turn } from "./verdict.ts";
import { intervalOfMedian, isKnown, median, outcomeFrom, turnFault } from "./verdict.ts";

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

/** Rounds of ours at 19.5 µs and of a peer that needs twice that; `peers` says how the peer's turn of a round differs. */
function rounds(peers: readonly Partial<Turn>[]): RoundTurn[] {
  return peers.flatMap((fault, round) => [
    { ...quiet, round },
    { ...quiet, name: "peer", requests: 50_000, ...fault, round },
  ]);
}

/** Five rounds, a fault planted in the first `atMost`. */
function outcome(fault: Partial<Turn> = {}, atMost = 5): ReturnType<typeof outcomeFrom> {
  return outcomeFrom(rounds([0, 1, 2, 3, 4].map((index) => (index < atMost ? fault : {}))), "weir");
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

test("one wrong answer spoils a suite, one disturbed turn of six does not", () => {
  assert.equal(outcome({ failures: 1 }, 1).valid, false);
  const disturbed = { othersMs: 500 };
  assert.equal(outcomeFrom(rounds([disturbed, {}, {}, {}, {}, {}]), "weir").valid, true);
  assert.equal(outcomeFrom(rounds([disturbed, {}, {}, {}, {}]), "weir").valid, false);
});

test("rounds that differ too much are no result, one that differs among nine is", () => {
  const { valid, why } = outcome({ requests: 40_000 }, 1);
  assert.equal(valid, false);
  assert.match(why.join(), /peer: rounds differ: its ratio is known to ±13 % only/);
  const calm = Array.from({ length: 8 }, () => ({}));
  assert.deepEqual(outcomeFrom(rounds([{ requests: 20_000 }, ...calm]), "weir").intervals, { peer: [2, 2] });
});

test("a machine that is slower for a while slows both turns of a round, and the ratio stays", () => {
  const turns = rounds([{}, {}, {}, {}, {}]).map((turn) =>
    turn.round < 3 ? { ...turn, requests: turn.requests / (1 + turn.round) } : turn,
  );
  const { valid, ratios, intervals } = outcomeFrom(turns, "weir");
  assert.deepEqual({ valid, ratios, intervals }, { valid: true, ratios: { peer: 2 }, intervals: { peer: [2, 2] } });
});

test("more rounds make known what few leave open", () => {
  const uneven = (count: number): RoundTurn[] =>
    rounds(Array.from({ length: count }, (_, index) => ({ requests: index % 8 === 0 ? 35_000 : 50_000 })));
  assert.equal(isKnown(uneven(5), "weir"), false);
  assert.equal(isKnown(uneven(17), "weir"), true);
});

test("the interval of a median leaves out as many values as the binomial distribution allows", () => {
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
  assert.equal(intervalOfMedian(upTo(4)), undefined);
  assert.deepEqual(intervalOfMedian(upTo(5)), [1, 5]);
  assert.deepEqual(intervalOfMedian(upTo(8)), [1, 8]);
  assert.deepEqual(intervalOfMedian(upTo(9)), [2, 8]);
  assert.deepEqual(intervalOfMedian(upTo(20)), [6, 15]);
});

test("a run without us is no result", () => {
  assert.equal(outcomeFrom([{ ...quiet, name: "peer", round: 0 }], "weir").valid, false);
});

test("the median of nothing is 0, of two their mean", () => {
  assert.deepEqual([median([]), median([3, 1]), median([9, 1, 5])], [0, 2, 5]);
});
