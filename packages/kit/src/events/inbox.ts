import type { Transaction } from "kysely";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import type { Database } from "../store/database.ts";
import type { ConsumerTables } from "./consumer-tables.ts";

/** What identifies an effect: who does it, and the event that it is of. */
export interface InboxEntry {
  readonly group: string;
  readonly id: string;
}

/** Remembers which effects have happened, in the transaction in which they happen. */
export interface Inbox<T extends ConsumerTables> {
  /** Runs `effect` in the transaction unless it has happened before. Answers whether it ran. */
  once(transaction: Transaction<T>, entry: InboxEntry, effect: () => Promise<unknown>): Promise<boolean>;
  /** Forgets what is older than so long; answers how much that was. An event that comes again later would have its effect again. */
  purge(olderMs: number): Promise<number>;
}

/** An inbox in the service's own database, with the tables of `consumerMigrations`. */
export function createInbox<T extends ConsumerTables>(database: Database<T>, clock: Clock = systemClock): Inbox<T> {
  const { query } = database as unknown as Database<ConsumerTables>;
  return {
    async once(transaction, { group, id }, effect) {
      const { numInsertedOrUpdatedRows } = await (transaction as unknown as Transaction<ConsumerTables>)
        .insertInto("weir_inbox")
        .values({ group_name: group, id, time_ms: clock.nowMs() })
        .onConflict((conflict) => conflict.columns(["group_name", "id"]).doNothing())
        .executeTakeFirst();
      if (numInsertedOrUpdatedRows !== 1n) return false;
      await effect();
      return true;
    },
    async purge(olderMs) {
      const { numDeletedRows } = await query
        .deleteFrom("weir_inbox")
        .where("time_ms", "<", clock.nowMs() - olderMs)
        .executeTakeFirst();
      return Number(numDeletedRows);
    },
  };
}
