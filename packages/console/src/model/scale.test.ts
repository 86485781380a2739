import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { countScale, evenScale, factorScale, stepCount, stepOf } from "./scale.ts";

const scales = { evenScale, factorScale, countScale };

test("scales have rising bounds, put 0 in step 0 and the largest value in a coloured one", () => {
  const values = fc.array(fc.oneof(fc.double({ min: 0.001, max: 1e6, noNaN: true }), fc.integer({ min: 0, max: 100 })), { maxLength: 50 });
  fc.assert(
    fc.property(values, fc.constantFrom(...Object.values(scales)), (given, scaleFrom) => {
      const whole = scaleFrom === countScale ? given.map(Math.round) : given;
      const scale = scaleFrom(whole);
      assert.ok(scale.bounds.length <= stepCount);
      scale.bounds.forEach((bound, index) => assert.ok(index === 0 || bound > (scale.bounds[index - 1] ?? 0), String(scale.bounds)));
      assert.equal(stepOf(scale, 0), 0);
      const max = Math.max(0, ...whole);
      if (max > 0) assert.ok(stepOf(scale, max) >= 1 && stepOf(scale, max) <= stepCount);
    }),
  );
});

test("even scale uses all its colours up to a round number", () => {
  assert.deepEqual(evenScale([23]).bounds.slice(1), [5, 10, 15, 20]);
  assert.deepEqual(
    evenScale([0.9])
      .bounds.slice(1)
      .map((bound) => Number(bound.toFixed(6))),
    [0.2, 0.4, 0.6000000000000001, 0.8].map((bound) => Number(bound.toFixed(6))),
  );
});

test("factor scale ends at the round number below the largest value", () => {
  assert.deepEqual(factorScale([87]).bounds.slice(1), [5, 10, 20, 50]);
  assert.deepEqual(factorScale([]).bounds, [1, 2, 5, 10, 20]);
});

test("count scale shows a single error in a colour of its own", () => {
  assert.equal(stepOf(countScale([1]), 1), 1);
  assert.equal(stepOf(countScale([40_000]), 1), 1);
  assert.deepEqual(countScale([40_000]).bounds, [1, 20, 200, 2000, 20_000]);
});
