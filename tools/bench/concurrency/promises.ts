import { mapBounded } from "@weir/kit/flow/bounded-map";
import type { Approach, PoolOptions, SlowConsumer, Work } from "./problems.ts";

/** Many tasks, a bounded number at a time. */
async function pool(tasks: Iterable<number>, { work, atOnce }: PoolOptions): Promise<number> {
  let sum = 0;
  for await (const answer of mapBounded(tasks, work, { concurrencyMax: atOnce, ordered: false })) sum += answer;
  return sum;
}

/** State that many change, where a change takes time: each waits for the one before. */
async function totals(amounts: readonly number[], work: Work): Promise<number> {
  let total = 0;
  let last: Promise<void> = Promise.resolve();
  const add = (amount: number): Promise<void> => {
    last = last.then(async () => {
      total += await work(amount);
    });
    return last;
  };
  await Promise.all(amounts.map(add));
  return total;
}

/** A producer that is faster than its consumer: whoever does not wait for the consumer fills the memory. */
async function stream(items: Iterable<number>, consumer: SlowConsumer): Promise<void> {
  for (const item of items) await consumer(item, 1);
}

/** By promises alone: the least to learn; bounds are kept by waiting at the right place, and by nobody else. */
export const promises: Approach = { pool, totals, stream };
