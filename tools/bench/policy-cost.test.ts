import assert from "node:assert/strict";
import { test } from "node:test";
import { bareCall, guardedCalls } from "./guarded-calls.ts";
import { costsFrom, costTable, measureCosts } from "./policy-cost.ts";

const named = ["bare", "weir", "peer"].map((name) => ({ name, guards: "all" }));

test("what a policy adds is the median of the rounds' differences, however slow the machine is in a round", () => {
  const speeds = [1, 1, 3, 1, 2, 1, 1];
  const taken = new Map([
    ["bare", speeds.map((speed) => speed)],
    ["weir", speeds.map((speed) => speed * 2.5)],
    ["peer", speeds.map((speed) => speed * 11)],
  ]);
  const { added, valid, bareMicros } = costsFrom(named, taken);
  assert.deepEqual(
    added.map(({ addedMicros }) => addedMicros),
    [1.5, 10],
  );
  assert.deepEqual([bareMicros, valid], [1, false]);
});

test("a run whose rounds differ says INVALID, and one that does not says what it found", () => {
  const steady = new Map(named.map(({ name }, at) => [name, Array.from({ length: 9 }, (_, round) => at * 2 + 1 + round / 1000)]));
  assert.match(
    costTable(costsFrom(named, steady)),
    /^policies: valid\nbare call +1\.00 µs\nweir +\+ +2\.00 µs \(2\.00–2\.00\) +all ✓ ≤ 3\.0\n/,
  );
  const wild = new Map(steady).set("weir", [3, 9, 3, 9, 3, 9, 3, 9, 3]);
  assert.match(costTable(costsFrom(named, wild)), /^policies: INVALID\n {2}weir: rounds differ/);
  assert.match(costTable(costsFrom(named, new Map(steady).set("weir", Array<number>(9).fill(5)))), /weir .* ✗ ≤ 3\.0/);
});

test("all contestants answer as the bare call does, and one that does not is found out", async () => {
  const contestants = guardedCalls.map((make) => make());
  const { added } = await measureCosts(contestants, { rounds: 1, calls: 64, say: () => undefined });
  for (const one of contestants) one.close();
  assert.deepEqual(
    added.map(({ name }) => name),
    ["weir", "opossum", "cockatiel"],
  );
  const lying = { ...bareCall(), name: "lying", call: () => bareCall().call("bob") };
  await assert.rejects(measureCosts([lying], { rounds: 1, calls: 32, say: () => undefined }), /expected lying to answer as the bare call/);
});
