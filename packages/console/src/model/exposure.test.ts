import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { TrafficColumn } from "@weir/api/traffic";
import { versionOf } from "@weir/api/bucket";
import { exposureOf, rateOf } from "./exposure.ts";

function columnsOf(requests: readonly number[]): TrafficColumn[] {
  return requests.map((count, index) => ({
    fromMs: BigInt(index * 5000),
    cells: [{ version: "v1", instance: "a", requests: count, errors: 0, p99Ms: 1 }],
  }));
}

test("exposure names exactly the users that a move gives to the new version", () => {
  const weights = fc.integer({ min: 0, max: 100 }).map((percent) => percent * 100);
  const shares = (weight: number) => [
    { version: "v2", weight },
    { version: "v1", weight: 10000 - weight },
  ];
  fc.assert(
    fc.property(weights, weights, (from, to) => {
      const { usersGained, usersLost } = exposureOf({ from, to, rate: undefined, instances: 2 });
      let gained = 0;
      let lost = 0;
      for (let bucket = 0; bucket < 10000; bucket++) {
        const [before, after] = [versionOf(bucket, shares(from)), versionOf(bucket, shares(to))];
        if (before !== after && after === "v2") gained++;
        if (before !== after && after === "v1") lost++;
      }
      assert.deepEqual([usersGained, usersLost], [gained, lost]);
    }),
    { numRuns: 20 },
  );
});

test("exposure reckons requests from the traffic and says nothing without it", () => {
  const exposure = exposureOf({ from: 500, to: 2000, rate: 40, instances: 2 });
  assert.deepEqual(exposure, { usersGained: 1500, usersLost: 0, rateMoved: 6, ratePerInstance: 4 });
  assert.equal(exposureOf({ from: 500, to: 2000, rate: undefined, instances: 2 }).rateMoved, undefined);
  assert.equal(exposureOf({ from: 500, to: 2000, rate: 40, instances: 0 }).ratePerInstance, undefined);
});

test("rate is the mean of the last whole columns and leaves out the one that still grows", () => {
  assert.equal(rateOf(columnsOf([1000, 50, 50, 50, 50, 50, 50, 1]), 5), 10);
  assert.equal(rateOf(columnsOf([100, 3]), 5), 20);
  assert.equal(rateOf(columnsOf([7]), 5), undefined);
  assert.equal(rateOf([], 5), undefined);
});
