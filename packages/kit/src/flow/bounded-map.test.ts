import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isFault } from "../fault.ts";
import { mapBounded } from "./bounded-map.ts";
import { createChannel } from "./channel.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function all<T>(answers: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const answer of answers) found.push(answer);
  return found;
}

test("every item is answered once, in order or as ready, and never more at a time than allowed", async () => {
  const given = fc.record({
    turns: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 30 }),
    concurrencyMax: fc.integer({ min: 1, max: 6 }),
    ordered: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(given, async ({ turns, concurrencyMax, ordered }) => {
      let underWay = 0;
      const work = async (index: number): Promise<number> => {
        underWay += 1;
        assert.ok(underWay <= concurrencyMax);
        for (let left = turns[index] ?? 0; left > 0; left--) await turn();
        underWay -= 1;
        return index;
      };
      const found = await all(mapBounded(turns.keys(), work, { concurrencyMax, ordered }));
      if (!ordered) found.sort((left, right) => left - right);
      assert.deepEqual(found, [...turns.keys()]);
    }),
    { numRuns: 100 },
  );
});

test("a slow reader slows the source", async () => {
  let taken = 0;
  function* source(): Generator<number> {
    for (;;) yield taken++;
  }
  const answers = mapBounded(source(), async (item) => item, { concurrencyMax: 4 });
  await answers.next();
  for (let left = 50; left > 0; left--) await turn();
  assert.ok(taken <= 6, `${taken} items were taken`);
  await answers.return();
});

test("answers come while the source is waited for", async () => {
  const source = createChannel<number>({ capacity: 1 });
  const answers = mapBounded(source, async (item) => item * 2, { concurrencyMax: 4 });
  await source.send(21);
  assert.deepEqual(await answers.next(), { done: false, value: 42 });
  source.close();
  assert.equal((await answers.next()).done, true);
});

test("the first failure ends it: the others are told and waited for, the source is given back", async () => {
  let returned = false;
  let told = 0;
  let finished = 0;
  async function* source(): AsyncGenerator<number> {
    try {
      for (let item = 0; ; item++) yield item;
    } finally {
      returned = true;
    }
  }
  const work = async (item: number, signal: AbortSignal): Promise<number> => {
    if (item === 2) throw new Error("two");
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    told += 1;
    await turn();
    finished += 1;
    return item;
  };
  await assert.rejects(all(mapBounded(source(), work, { concurrencyMax: 3 })), /two/);
  assert.deepEqual({ returned, told, finished }, { returned: true, told: 2, finished: 2 });
});

test("a source that fails, an abort and a loop that is left end it too", async () => {
  async function* failing(): AsyncGenerator<number> {
    yield 1;
    throw new Error("source");
  }
  await assert.rejects(all(mapBounded(failing(), async (item) => item, { concurrencyMax: 1 })), /source/);
  const silent = createChannel<number>({ capacity: 0 });
  const controller = new AbortController();
  const answers = all(mapBounded(silent, async (item) => item, { concurrencyMax: 2, signal: controller.signal }));
  await turn();
  controller.abort();
  await assert.rejects(answers, (thrown) => isFault(thrown) && thrown.reason === "CALL_CANCELLED");
  for await (const item of mapBounded([1, 2, 3], async (value) => value, { concurrencyMax: 2 })) {
    assert.equal(item, 1);
    break;
  }
  assert.throws(
    () => mapBounded([], async () => 1, { concurrencyMax: 0 }),
    (thrown) => isFault(thrown) && thrown.reason === "FLOW_OPTION_INVALID",
  );
});
