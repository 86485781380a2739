import type { Generated, Transaction } from "kysely";
import type { Call } from "../call.ts";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import type { Database } from "../store/database.ts";
import type { Migration } from "../store/migrate.ts";
import type { EventType } from "./event.ts";
import { expectName } from "./event.ts";
import { eventRecord } from "./event-record.ts";
import type { LeaseTables } from "./leases.ts";
import { partitionOf } from "./partition-of.ts";
import type { RecordRow } from "./record-row.ts";
import { recordRow, withRecordColumns } from "./record-row.ts";

/** The tables of an outbox, beside those of the service. Made by `outboxMigrations`. */
export interface OutboxTables extends LeaseTables {
  weir_outbox: RecordRow & {
    position: Generated<number>;
    shard: number;
    /** Why the carrier refuses it for good; "" when it does not. Later events of its key wait behind it. */
    problem: Generated<string>;
  };
}

/** The share of keys that one relay works on at a time. */
export const outboxShards = 8;

/** What wakes relays, see `Database.watch`. */
export const outboxChannel = "weir_outbox";

/** Brings the tables of an outbox into a database: `migrate(database, outboxMigrations, { set: "outbox" })`. */
export const outboxMigrations: readonly Migration[] = [
  {
    name: "001_outbox",
    up: (query, kind) => [
      withRecordColumns(
        query.schema
          .createTable("weir_outbox")
          .addColumn("position", kind === "sqlite" ? "integer" : "bigserial", (column) =>
            kind === "sqlite" ? column.primaryKey().autoIncrement() : column.primaryKey(),
          )
          .addColumn("shard", "integer", (column) => column.notNull())
          .addColumn("problem", "text", (column) => column.notNull().defaultTo("")),
        kind,
      ),
      query.schema.createIndex("weir_outbox_shard").on("weir_outbox").columns(["shard", "position"]),
      query.schema
        .createTable("weir_leases")
        .ifNotExists()
        .addColumn("name", "text", (column) => column.primaryKey())
        .addColumn("owner", "text", (column) => column.notNull())
        .addColumn("beat", "bigint", (column) => column.notNull()),
    ],
  },
];

/** How an outbox is made. */
export interface OutboxOptions<T extends OutboxTables> {
  readonly database: Database<T>;
  /** The name of the service: what events say they come from. */
  readonly source: string;
  /** Of one message. Default 1 MiB. */
  readonly bytesMax?: number;
  readonly clock?: Clock;
}

/** Where a service leaves its events. */
export interface Outbox<T extends OutboxTables> {
  /**
   * Leaves an event in the transaction that makes it true: it will be published if and only if that commits. Its trace is the call's.
   * Answers its id. Rejects with EVENT_INVALID and MESSAGE_INVALID, and what the database says.
   */
  emit<M>(transaction: Transaction<T>, event: EventType<M>, message: M, call?: Call): Promise<string>;
}

/** An outbox in the service's own database. Throws EVENT_OPTION_INVALID. */
export function createOutbox<T extends OutboxTables>(options: OutboxOptions<T>): Outbox<T> {
  const { database, source, bytesMax, clock = systemClock } = options;
  expectName("source", source);
  return {
    async emit(transaction, event, message, call) {
      const record = eventRecord(event, message, { source, clock, trace: call?.trace, ...(bytesMax !== undefined && { bytesMax }) });
      const row = { ...recordRow(record), shard: partitionOf(record.key, outboxShards) };
      await (transaction as unknown as Transaction<OutboxTables>).insertInto("weir_outbox").values(row).execute();
      await database.announce(transaction, outboxChannel);
      return record.id;
    },
  };
}
