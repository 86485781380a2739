import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { LanePlace } from "./lane-queue.ts";
import { LaneQueue } from "./lane-queue.ts";

type Step =
  | { readonly kind: "push"; readonly caller: number }
  | { readonly kind: "shift" }
  | { readonly kind: "remove"; readonly at: number }
  | { readonly kind: "displace" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("push" as const), caller: fc.integer({ min: 0, max: 4 }) }) },
  { weight: 3, arbitrary: fc.constant({ kind: "shift" } as const) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove" as const), at: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "displace" } as const) },
);

interface Entry {
  readonly caller: string;
  readonly number: number;
}

test("a lane serves callers in turn, the eldest of each first, and knows who has most, whatever happens in between", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new LaneQueue<Entry>();
      const places = new Map<number, LanePlace<Entry>>();
      /** What should be: callers in the order of their turns, each with its entries by age. */
      const model: { caller: string; entries: number[] }[] = [];
      const forget = (caller: string, number: number): void => {
        const index = model.findIndex((line) => line.caller === caller);
        const line = model[index]!;
        line.entries.splice(line.entries.indexOf(number), 1);
        if (line.entries.length === 0) model.splice(index, 1);
        places.delete(number);
      };
      let numbers = 0;
      for (const each of steps) {
        if (each.kind === "push") {
          const caller = `c${each.caller}`;
          const number = numbers++;
          places.set(number, queue.push(caller, { caller, number }));
          const line = model.find((one) => one.caller === caller);
          if (line) line.entries.push(number);
          else model.push({ caller, entries: [number] });
        } else if (each.kind === "shift") {
          const expected = model[0];
          const found = queue.shift();
          assert.deepEqual(found, expected && { caller: expected.caller, number: expected.entries[0] });
          if (!found || !expected) continue;
          model.push(model.shift()!);
          forget(found.caller, found.number);
        } else if (each.kind === "remove") {
          const number = [...places.keys()][each.at % Math.max(1, places.size)];
          const place = number === undefined ? undefined : places.get(number);
          if (!place || number === undefined) continue;
          queue.remove(place);
          queue.remove(place);
          forget(place.node.value.caller, number);
        } else {
          const most = Math.max(0, ...model.map(({ entries }) => entries.length));
          const found = queue.youngestOfLongest();
          const line = model.find(({ caller }) => caller === found?.caller);
          assert.deepEqual([line?.entries.length ?? 0, found?.number], [most, line?.entries.at(-1)]);
        }
        const sizes = model.map(({ entries }) => entries.length);
        assert.equal(
          queue.size,
          sizes.reduce((sum, size) => sum + size, 0),
        );
        assert.equal(queue.longest, Math.max(0, ...sizes));
        assert.deepEqual(new Set([...queue.eldest()].map(({ number }) => number)), new Set(model.map(({ entries }) => entries[0])));
      }
    }),
    { numRuns: 500 },
  );
});

test("to make room costs the same in a lane of a thousand and of a hundred thousand", () => {
  const costOf = (length: number): number => {
    const queue = new LaneQueue<number>();
    const places: LanePlace<number>[] = [];
    for (let number = 0; number < length; number++) places.push(queue.push(`c${number % 10}`, number));
    const before = process.cpuUsage();
    for (let number = 0; number < 50_000; number++) {
      queue.youngestOfLongest();
      queue.remove(places.pop()!);
      places.push(queue.push(`c${number % 10}`, number));
    }
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  costOf(1000);
  const [short, long] = [costOf(1000), costOf(100_000)];
  assert.ok(long < 20 * Math.max(short, 2000), `${short} µs against ${long} µs for 50,000 displacements`);
});
