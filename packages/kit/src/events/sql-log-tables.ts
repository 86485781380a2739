import type { Partition } from "./carrier.ts";
import type { Migration } from "../store/migrate.ts";
import type { LeaseTables } from "./leases.ts";
import type { RecordRow } from "./record-row.ts";
import { withRecordColumns } from "./record-row.ts";

/** The tables of a log in SQL. Made by `sqlLogMigrations`. */
export interface SqlLogTables extends LeaseTables {
  weir_log_heads: { topic: string; partition: number; head: number };
  weir_log: RecordRow & { partition: number; position: number };
  weir_log_groups: { group_name: string; topic: string; partition: number; committed: number };
}

/** What wakes readers, see `Database.watch`. */
export const logChannel = "weir_log";

/** What the lease of a partition is called. */
export function partitionLease(group: string, { topic, index }: Pick<Partition, "topic" | "index">): string {
  return `log/${group}/partition/${topic}/${index}`;
}

/** Brings the tables of a log into a database: `migrate(database, sqlLogMigrations, { set: "log" })`. */
export const sqlLogMigrations: readonly Migration[] = [
  {
    name: "001_log",
    up: (query, kind) => [
      query.schema
        .createTable("weir_log_heads")
        .addColumn("topic", "text", (column) => column.notNull())
        .addColumn("partition", "integer", (column) => column.notNull())
        .addColumn("head", "bigint", (column) => column.notNull())
        .addPrimaryKeyConstraint("weir_log_heads_key", ["topic", "partition"]),
      withRecordColumns(
        query.schema
          .createTable("weir_log")
          .addColumn("partition", "integer", (column) => column.notNull())
          .addColumn("position", "bigint", (column) => column.notNull()),
        kind,
      ).addPrimaryKeyConstraint("weir_log_key", ["topic", "partition", "position"]),
      query.schema.createIndex("weir_log_id").on("weir_log").columns(["topic", "id"]).unique(),
      query.schema.createIndex("weir_log_time").on("weir_log").columns(["topic", "partition", "time_ms"]),
      query.schema
        .createTable("weir_log_groups")
        .addColumn("group_name", "text", (column) => column.notNull())
        .addColumn("topic", "text", (column) => column.notNull())
        .addColumn("partition", "integer", (column) => column.notNull())
        .addColumn("committed", "bigint", (column) => column.notNull())
        .addPrimaryKeyConstraint("weir_log_groups_key", ["group_name", "topic", "partition"]),
      query.schema
        .createTable("weir_leases")
        .ifNotExists()
        .addColumn("name", "text", (column) => column.primaryKey())
        .addColumn("owner", "text", (column) => column.notNull())
        .addColumn("beat", "bigint", (column) => column.notNull()),
    ],
  },
];
