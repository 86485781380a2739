import assert from "node:assert/strict";
import { test } from "node:test";
import type { EjectionCause, OutlierDetector, OutlierOptions, OutlierRecord } from "./outlier.ts";
import { countOutcome, createOutlierDetector, createOutlierRecord, failurePercentageDefaults, outlierDefaults } from "./outlier.ts";
import { seedOf, seededClock } from "./testdata/seeded.ts";

interface Court {
  readonly detector: OutlierDetector;
  readonly records: OutlierRecord[];
  readonly causes: EjectionCause[];
  /** Requests of one endpoint; answers whether it was put out by one in a row too many. */
  ask(index: number, successes: number, failures: number): boolean;
  out(): number[];
}

function courtOf(count: number, options: Partial<OutlierOptions> = {}, random: () => number = () => 0): Court {
  const causes: EjectionCause[] = [];
  const records = Array.from({ length: count }, createOutlierRecord);
  const detector = createOutlierDetector({
    options: { ...outlierDefaults, ...options },
    random,
    onEjected: (cause) => void causes.push(cause),
  });
  return {
    detector,
    records,
    causes,
    ask(index, successes, failures) {
      const record = records[index] as OutlierRecord;
      let ejected = false;
      for (let made = 0; made < failures; made++) {
        countOutcome(record, false);
        ejected = detector.failed(record, records, 0) || ejected;
      }
      for (let made = 0; made < successes; made++) countOutcome(record, true);
      return ejected;
    },
    out: () => records.flatMap(({ ejectedAtMs }, index) => (ejectedAtMs === undefined ? [] : [index])),
  };
}

test("an outlier detector puts an endpoint out at the fifth failure in a row, and a success begins the count anew", () => {
  const court = courtOf(3);
  assert.equal(court.ask(0, 1, 4), false);
  assert.equal(court.ask(0, 0, 4), false);
  assert.equal(court.ask(0, 0, 1), true);
  assert.deepEqual([court.out(), court.causes], [[0], ["consecutive"]]);
  const never = courtOf(3, { consecutiveFailures: 0 });
  assert.equal(never.ask(0, 0, 100), false);
});

test("an outlier detector puts no further one out once as many are out as may be", () => {
  const court = courtOf(10, { ejectedPercentMax: 20 });
  assert.deepEqual(
    [0, 1, 2].map((index) => court.ask(index, 0, 5)),
    [true, true, false],
  );
  assert.deepEqual(courtOf(2, { ejectedPercentMax: 1 }).ask(0, 0, 5), true, "the first always may be");
});

test("an outlier detector lets an endpoint in again after a time that grows with each ejection and shrinks with good intervals", () => {
  const { detector, records, ask, out } = courtOf(3, { ejectionMs: 30_000, ejectionMsMax: 70_000 });
  const outMs: number[] = [];
  let nowMs = 0;
  for (let round = 0; round < 4; round++) {
    (records[0] as OutlierRecord).failuresInRow = 5;
    assert.equal(detector.failed(records[0] as OutlierRecord, records, nowMs), true);
    const sinceMs = nowMs;
    while (out().length > 0) detector.sweep(records, (nowMs += 1000));
    outMs.push(nowMs - sinceMs);
  }
  // One second late: what A50 compares with "greater than".
  assert.deepEqual(outMs, [31_000, 61_000, 71_000, 71_000]);
  for (let good = 0; good < 3; good++) detector.sweep(records, (nowMs += 10_000));
  assert.equal(records[0]?.ejections, 1);
  ask(0, 0, 5);
  assert.equal(records[0]?.ejections, 2);
});

test("an outlier detector compares success rates and puts out who lies 1.9 deviations below the mean", () => {
  const court = courtOf(10, { consecutiveFailures: 0 });
  for (let index = 0; index < 10; index++) court.ask(index, index === 4 ? 60 : 99, index === 4 ? 40 : 1);
  assert.equal(court.detector.sweep(court.records, 10_000), true);
  assert.deepEqual([court.out(), court.causes], [[4], ["success_rate"]]);
  assert.deepEqual(
    court.records.map(({ successes, failures }) => successes + failures),
    Array.from({ length: 10 }, () => 0),
  );
});

test("an outlier detector judges nobody by rates with too few requests or too few endpoints", () => {
  const fewRequests = courtOf(10, { consecutiveFailures: 0 });
  for (let index = 0; index < 10; index++) fewRequests.ask(index, index === 4 ? 0 : 99, index === 4 ? 99 : 0);
  assert.equal(fewRequests.detector.sweep(fewRequests.records, 10_000), false);
  const fewHosts = courtOf(4, { consecutiveFailures: 0 });
  for (let index = 0; index < 4; index++) fewHosts.ask(index, index === 0 ? 0 : 200, index === 0 ? 200 : 0);
  assert.equal(fewHosts.detector.sweep(fewHosts.records, 10_000), false);
});

test("an outlier detector puts out by failure percentage only where that is switched on, and only above the threshold", () => {
  for (const failurePercentage of [undefined, failurePercentageDefaults]) {
    const court = courtOf(6, { consecutiveFailures: 0, successRate: undefined, failurePercentage, ejectedPercentMax: 100 });
    for (let index = 0; index < 6; index++)
      court.ask(index, [0, 14, 15, 50, 100, 100][index] as number, 100 - [0, 14, 15, 50, 100, 100][index]!);
    court.detector.sweep(court.records, 10_000);
    assert.deepEqual(court.out(), failurePercentage === undefined ? [] : [0, 1]);
  }
});

test("an outlier detector carries out as many judgements as it is told to enforce", (t) => {
  const seed = seedOf();
  t.diagnostic(`seed ${seed}`);
  const clock = seededClock(seed);
  const options = {
    consecutiveFailures: 0,
    successRate: undefined,
    failurePercentage: { ...failurePercentageDefaults, enforcedPercent: 30 },
  };
  let ejected = 0;
  for (let round = 0; round < 1000; round++) {
    const court = courtOf(5, options, clock.random);
    court.ask(0, 0, 50);
    for (let index = 1; index < 5; index++) court.ask(index, 50, 0);
    court.detector.sweep(court.records, 10_000);
    ejected += court.out().length;
  }
  assert.ok(ejected > 220 && ejected < 380, `${ejected} of 1000`);
});
