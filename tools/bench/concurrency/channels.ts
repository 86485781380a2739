import { createChannel } from "@weir/kit/flow/channel";
import type { Approach, PoolOptions, SlowConsumer, Work } from "./problems.ts";

/** Many tasks, a bounded number of workers that share one channel of them. */
async function pool(tasks: Iterable<number>, { work, atOnce }: PoolOptions): Promise<number> {
  const waiting = createChannel<number>({ capacity: atOnce });
  let sum = 0;
  const worker = async (): Promise<void> => {
    for await (const task of waiting) {
      const answer = await work(task);
      sum += answer;
    }
  };
  const workers = Array.from({ length: atOnce }, worker);
  for (const task of tasks) await waiting.send(task);
  waiting.close();
  await Promise.all(workers);
  return sum;
}

/** State that many change: one loop owns it, the others send it what to change. */
async function totals(amounts: readonly number[], work: Work): Promise<number> {
  const changes = createChannel<number>({ capacity: 100 });
  const owner = async (): Promise<number> => {
    let total = 0;
    for await (const amount of changes) total += await work(amount);
    return total;
  };
  const total = owner();
  await Promise.all(amounts.map((amount) => changes.send(amount)));
  changes.close();
  return total;
}

/** A producer that is faster than its consumer: it waits once the channel is full. */
async function stream(items: Iterable<number>, consumer: SlowConsumer): Promise<void> {
  const between = createChannel<number>({ capacity: 64 });
  const consume = async (): Promise<void> => {
    for await (const item of between) await consumer(item, between.size);
  };
  const consuming = consume();
  for (const item of items) await between.send(item);
  between.close();
  await consuming;
}

/** By channels: the bound is the channel's, and any number of parts may stand at either end. */
export const channels: Approach = { pool, totals, stream };
