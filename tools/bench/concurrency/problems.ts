/** One piece of work: answers what it was given, a turn of the event loop later or at once. */
export type Work = (task: number) => Promise<number>;

/** What `pool` is told beside the tasks. */
export type PoolOptions = Parameters<Approach["pool"]>[1];

/** Takes an item; `waiting` is how many wait behind it. */
export type SlowConsumer = (item: number, waiting: number) => Promise<void>;

/** The same three problems, solved in one way. */
export interface Approach {
  /** Works on all tasks, so many at a time, and answers the sum of what came out. */
  pool(tasks: Iterable<number>, options: { readonly work: Work; readonly atOnce: number }): Promise<number>;
  /** Adds up all amounts, one change at a time, asked for by all at once. */
  totals(amounts: readonly number[], work: Work): Promise<number>;
  /** Hands all items to a consumer that is slower than whoever makes them. */
  stream(items: Iterable<number>, consumer: SlowConsumer): Promise<void>;
}

/** The numbers from 1 to `count`, made one by one. */
export function* upTo(count: number): Generator<number, void, undefined> {
  for (let number = 1; number <= count; number++) yield number;
}
