import { Call } from "@weir/kit/call";
import { createSupervisor } from "@weir/kit/flow/supervisor";
import type { Approach, PoolOptions, SlowConsumer, Work } from "./problems.ts";

/** Many tasks, a bounded number of actors that take turns at them. */
async function pool(tasks: Iterable<number>, { work, atOnce }: PoolOptions): Promise<number> {
  const root = createSupervisor({ name: "pool" });
  let sum = 0;
  const workers = Array.from({ length: atOnce }, (_, index) =>
    root.actor({
      name: `worker-${index}`,
      mailbox: { capacity: 1, overflow: "wait" },
      state: () => undefined,
      handlers: {
        async work(_state, task: number): Promise<void> {
          const answer = await work(task);
          sum += answer;
        },
      },
    }),
  );
  let turn = 0;
  for (const task of tasks) await workers[turn++ % workers.length]?.tell("work", task);
  await root.stop();
  return sum;
}

/** State that many change: it is an actor's own, and whoever asks hears when it is done. */
async function totals(amounts: readonly number[], work: Work): Promise<number> {
  const root = createSupervisor({ name: "totals" });
  const account = root.actor({
    name: "account",
    mailbox: { capacity: 100, overflow: "wait" },
    state: () => ({ total: 0 }),
    handlers: {
      async add(state, amount: number): Promise<void> {
        state.total += await work(amount);
      },
      read: (state): number => state.total,
    },
  });
  await Promise.all(amounts.map((amount) => account.tell("add", amount)));
  const total = await account.ask(new Call({ timeoutMs: 60_000 }), "read");
  await root.stop();
  return total;
}

/** A producer that is faster than its consumer: the mailbox is the bound, and says what happens when it is full. */
async function stream(items: Iterable<number>, consumer: SlowConsumer): Promise<void> {
  const root = createSupervisor({ name: "stream" });
  const actor = root.actor({
    name: "consumer",
    mailbox: { capacity: 64, overflow: "wait" },
    state: () => undefined,
    handlers: { consume: (_state, item: number): Promise<void> => consumer(item, actor.waiting) },
  });
  for (const item of items) await actor.tell("consume", item);
  await root.stop();
}

/** By actors: state is nobody else's, failures are somebody's task, and what waits survives them. */
export const actors: Approach = { pool, totals, stream };
