import type { Generated } from "kysely";
import type { Migration } from "../store/migrate.ts";
import type { RecordRow } from "./record-row.ts";
import { withRecordColumns } from "./record-row.ts";

/** The tables of a service that consumes events, beside its own. Made by `consumerMigrations`. */
export interface ConsumerTables {
  /** Effects that happened, so that they do not happen again. */
  weir_inbox: { group_name: string; id: string; time_ms: number };
  /** Events that could not be handled, and the later ones of their keys. */
  weir_dead_letters: RecordRow & {
    sequence: Generated<number>;
    group_name: string;
    partition: number;
    position: number;
    /** Why; "" for one that only waits behind another of its key. */
    reason: string;
    problem: string;
    attempts: number;
    parked_ms: number;
    /** 1 when a person wants it to be tried again. */
    replay: number;
  };
}

/** What wakes consumers to replay, see `Database.watch`. */
export const deadLettersChannel = "weir_dead_letters";

/** Brings the tables of a consumer into a database: `migrate(database, consumerMigrations, { set: "consumer" })`. */
export const consumerMigrations: readonly Migration[] = [
  {
    name: "001_consumer",
    up: (query, kind) => [
      query.schema
        .createTable("weir_inbox")
        .addColumn("group_name", "text", (column) => column.notNull())
        .addColumn("id", "text", (column) => column.notNull())
        .addColumn("time_ms", "bigint", (column) => column.notNull())
        .addPrimaryKeyConstraint("weir_inbox_key", ["group_name", "id"]),
      query.schema.createIndex("weir_inbox_time").on("weir_inbox").column("time_ms"),
      withRecordColumns(
        query.schema
          .createTable("weir_dead_letters")
          .addColumn("sequence", kind === "sqlite" ? "integer" : "bigserial", (column) =>
            kind === "sqlite" ? column.primaryKey().autoIncrement() : column.primaryKey(),
          )
          .addColumn("group_name", "text", (column) => column.notNull())
          .addColumn("partition", "integer", (column) => column.notNull())
          .addColumn("position", "bigint", (column) => column.notNull())
          .addColumn("reason", "text", (column) => column.notNull())
          .addColumn("problem", "text", (column) => column.notNull())
          .addColumn("attempts", "integer", (column) => column.notNull())
          .addColumn("parked_ms", "bigint", (column) => column.notNull())
          .addColumn("replay", "integer", (column) => column.notNull()),
        kind,
      ),
      query.schema
        .createIndex("weir_dead_letters_key")
        .on("weir_dead_letters")
        .columns(["group_name", "topic", "partition", "event_key", "sequence"]),
      query.schema.createIndex("weir_dead_letters_id").on("weir_dead_letters").columns(["group_name", "topic", "id"]).unique(),
    ],
  },
];
