import { sql, type Transaction } from "kysely";
import type { Logger } from "../call.ts";
import { Call } from "../call.ts";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { fault } from "../fault.ts";
import type { Database } from "../store/database.ts";
import type { Carrier } from "./carrier.ts";
import type { EventRecord } from "./event-record.ts";
import { expectName } from "./event.ts";
import { partitionOf } from "./partition-of.ts";
import { eventReasons } from "./reasons.ts";
import { recordRow } from "./record-row.ts";
import { SqlLogMember } from "./sql-log-member.ts";
import { logChannel, partitionLease, type SqlLogTables } from "./sql-log-tables.ts";

/** How a log in SQL is made. */
export interface SqlLogOptions<T extends SqlLogTables> {
  /** Its own or one shared with a service; brought up to date by `sqlLogMigrations`. Closed by its owner. */
  readonly database: Database<T>;
  /** Partitions of a topic that is new: as many members of a group can share it. 1 to 256, default 8. */
  readonly partitions?: number;
  /** Events are kept for so long after they happened. Default 7 days. */
  readonly retentionMs?: number;
  /** A member that has said nothing for so long is taken for dead. Default 5000. */
  readonly leaseMs?: number;
  /** Without news the log is looked at so often. Default 500. */
  readonly lookMs?: number;
  readonly log?: Logger;
  readonly clock?: Clock;
}

/** A log in SQL, and what can be done with one beside carrying. */
export interface SqlLog extends Carrier {
  /**
   * A group reads a topic again from the first event that happened at or after `toMs`, in all its members. Effects that an inbox has
   * remembered do not happen again. Answers how many events come again.
   */
  rewind(options: { readonly group: string; readonly topic: string; readonly toMs: number }): Promise<number>;
  /** Takes out events that are older than `retentionMs`, at most 1,000 in a transaction; answers how many. */
  purge(): Promise<number>;
}

const purgedAtOnce = 1000;

/**
 * Events in a table: what a small house needs, with no broker. The numbers of a partition are given under a lock that lasts until the
 * commit, so that who reads by the next number passes over nothing. An event that is published again is kept once.
 */
export function createSqlLog<T extends SqlLogTables>(options: SqlLogOptions<T>): SqlLog {
  // What else is in the database is none of a log's business.
  const database = options.database as unknown as Database<SqlLogTables>;
  const { partitions = 8, retentionMs = 7 * 86_400_000, clock = systemClock } = options;
  const { leaseMs = 5000, lookMs = 500, log = new Call().log } = options;
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > 256)
    throw fault(eventReasons.EVENT_OPTION_INVALID, `Expected 1 to 256 partitions, found ${partitions}.`);
  const topics = new TopicSizes(database, partitions);
  return {
    publish: (records) => publish(database, topics, records),
    async read(read) {
      expectName("group", read.group);
      await topics.expect(read.topics);
      await new SqlLogMember({ database, leaseMs, lookMs, log, clock }, read).run();
    },
    async lag(group, names) {
      await topics.expect(names);
      return await Promise.all(names.map((topic) => lagOf(database, { group, topic, nowMs: clock.nowMs() })));
    },
    rewind: (to) => rewind(database, to),
    async purge() {
      const old = database.query
        .selectFrom("weir_log")
        .select(["topic", "partition", "position"])
        .where("time_ms", "<", clock.nowMs() - retentionMs)
        .limit(purgedAtOnce);
      const rows = await old.execute();
      await database.transaction(async (transaction) => {
        for (const { topic, partition, position } of rows)
          await inPartition(transaction.deleteFrom("weir_log"), topic, partition).where("position", "=", position).execute();
      });
      return rows.length;
    },
    async close() {},
  };
}

function inPartition<Q extends { where(column: "topic" | "partition", operator: "=", value: string | number): Q }>(
  query: Q,
  topic: string,
  partition: number,
): Q {
  return query.where("topic", "=", topic).where("partition", "=", partition);
}

/** How many partitions topics have. A class because it holds what it has seen. */
class TopicSizes {
  readonly #database: Database<SqlLogTables>;
  readonly #partitions: number;
  readonly #sizes = new Map<string, number>();

  constructor(database: Database<SqlLogTables>, partitions: number) {
    this.#database = database;
    this.#partitions = partitions;
  }

  /** Makes those that are not there; whoever was first has said how many partitions there are. */
  async expect(topics: readonly string[]): Promise<void> {
    for (const topic of topics) await this.of(topic);
  }

  async of(topic: string): Promise<number> {
    const known = this.#sizes.get(topic);
    if (known !== undefined) return known;
    expectName("topic", topic);
    const size = await this.#database.transaction(async (transaction) => {
      const count = async (): Promise<number> => {
        const rows = transaction.selectFrom("weir_log_heads").select((field) => field.fn.countAll<number>().as("count"));
        return (await rows.where("topic", "=", topic).executeTakeFirstOrThrow()).count;
      };
      const found = await count();
      if (found > 0) return found;
      const heads = Array.from({ length: this.#partitions }, (_, partition) => ({ topic, partition, head: 0 }));
      await transaction
        .insertInto("weir_log_heads")
        .values(heads)
        .onConflict((conflict) => conflict.columns(["topic", "partition"]).doNothing())
        .execute();
      return await count();
    });
    this.#sizes.set(topic, size);
    return size;
  }
}

async function publish(database: Database<SqlLogTables>, topics: TopicSizes, records: readonly EventRecord[]): Promise<void> {
  const byPartition = new Map<string, { topic: string; partition: number; records: EventRecord[] }>();
  for (const record of records) {
    const partition = partitionOf(record.key, await topics.of(record.topic));
    const name = `${record.topic}/${String(partition).padStart(3, "0")}`;
    const group = byPartition.get(name) ?? { topic: record.topic, partition, records: [] };
    group.records.push(record);
    byPartition.set(name, group);
  }
  // Everybody locks partitions in the same order, so that nobody waits in a ring.
  const groups = [...byPartition].toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([, group]) => group);
  await database.transaction(
    async (transaction) => {
      for (const group of groups) await append(transaction, group);
      await database.announce(transaction, logChannel);
    },
    { isolation: "read committed" },
  );
}

const rowsAtOnce = 500;

async function append(
  transaction: Transaction<SqlLogTables>,
  { topic, partition, records }: { readonly topic: string; readonly partition: number; readonly records: readonly EventRecord[] },
): Promise<void> {
  const { head } = await inPartition(
    transaction.updateTable("weir_log_heads").set((field) => ({ head: field("head", "+", records.length) })),
    topic,
    partition,
  )
    .returning("head")
    .executeTakeFirstOrThrow();
  const rows = records.map((record, index) => ({ ...recordRow(record), partition, position: head - records.length + 1 + index }));
  for (let at = 0; at < rows.length; at += rowsAtOnce) {
    await transaction
      .insertInto("weir_log")
      .values(rows.slice(at, at + rowsAtOnce))
      .onConflict((conflict) => conflict.columns(["topic", "id"]).doNothing())
      .execute();
  }
}

async function lagOf(
  database: Database<SqlLogTables>,
  { group, topic, nowMs }: { readonly group: string; readonly topic: string; readonly nowMs: number },
): Promise<{ topic: string; events: number; oldestMs: number }> {
  const found = await database.query
    .selectFrom("weir_log")
    .leftJoin("weir_log_groups", (join) =>
      join
        .onRef("weir_log_groups.topic", "=", "weir_log.topic")
        .onRef("weir_log_groups.partition", "=", "weir_log.partition")
        .on("weir_log_groups.group_name", "=", group),
    )
    .select((field) => [field.fn.countAll<number>().as("events"), field.fn.min<number | null>("weir_log.time_ms").as("oldest")])
    .where("weir_log.topic", "=", topic)
    .where(sql<boolean>`weir_log.position > coalesce(weir_log_groups.committed, 0)`)
    .executeTakeFirstOrThrow();
  return { topic, events: found.events, oldestMs: found.oldest === null ? 0 : Math.max(0, nowMs - found.oldest) };
}

async function rewind(
  database: Database<SqlLogTables>,
  { group, topic, toMs }: { readonly group: string; readonly topic: string; readonly toMs: number },
): Promise<number> {
  return await database.transaction(async (transaction) => {
    const partitions = await transaction.selectFrom("weir_log_heads").select("partition").where("topic", "=", topic).execute();
    let again = 0;
    for (const { partition } of partitions) {
      const before = inPartition(transaction.selectFrom("weir_log"), topic, partition)
        .select((field) => field.fn.max<number | null>("position").as("position"))
        .where("time_ms", "<", toMs);
      const committed = (await before.executeTakeFirst())?.position ?? 0;
      const after = inPartition(transaction.selectFrom("weir_log"), topic, partition)
        .select((field) => field.fn.countAll<number>().as("count"))
        .where("position", ">", committed);
      again += (await after.executeTakeFirstOrThrow()).count;
      // Whoever reads the partition now loses it, and begins anew.
      await transaction
        .updateTable("weir_leases")
        .set((field) => ({ owner: "", beat: field("beat", "+", 1) }))
        .where("name", "=", partitionLease(group, { topic, index: partition }))
        .execute();
      await transaction
        .insertInto("weir_log_groups")
        .values({ group_name: group, topic, partition, committed })
        .onConflict((conflict) => conflict.columns(["group_name", "topic", "partition"]).doUpdateSet({ committed }))
        .execute();
    }
    await database.announce(transaction, logChannel);
    return again;
  });
}
