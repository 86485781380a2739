import type { ColumnDefinitionBuilder, CreateTableBuilder } from "kysely";
import { sql } from "kysely";
import type { DatabaseKind } from "../store/database.ts";
import { columnTypes } from "../store/database.ts";
import type { EventRecord } from "./event-record.ts";

/** An event in a table. */
export interface RecordRow {
  id: string;
  topic: string;
  event_key: string;
  type: string;
  source: string;
  time_ms: number;
  traceparent: string;
  data: Uint8Array;
}

/** The columns that `recordRow` fills. */
export const recordColumns = ["id", "topic", "event_key", "type", "source", "time_ms", "traceparent", "data"] as const;

const required = (column: ColumnDefinitionBuilder): ColumnDefinitionBuilder => column.notNull();

/** Adds the columns of an event to a table. */
export function withRecordColumns<Name extends string, Columns extends string>(
  table: CreateTableBuilder<Name, Columns>,
  kind: DatabaseKind,
): CreateTableBuilder<Name, Columns | keyof RecordRow> {
  return table
    .addColumn("id", "text", required)
    .addColumn("topic", "text", required)
    .addColumn("event_key", "text", required)
    .addColumn("type", "text", required)
    .addColumn("source", "text", required)
    .addColumn("time_ms", "bigint", required)
    .addColumn("traceparent", "text", required)
    .addColumn("data", sql.raw(columnTypes[kind].bytes), required);
}

/** An event as a row. */
export function recordRow(record: EventRecord): RecordRow {
  const { id, topic, key, type, source, timeMs, traceparent, data } = record;
  return { id, topic, event_key: key, type, source, time_ms: timeMs, traceparent, data };
}

/** The event of a row. */
export function recordFromRow(row: RecordRow): EventRecord {
  const { id, topic, event_key: key, type, source, time_ms: timeMs, traceparent, data } = row;
  // PostgreSQL's driver gives a Buffer, SQLite a Uint8Array.
  return { id, topic, key, type, source, timeMs, traceparent, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}
