import type { BinaryWriter } from "./binary-writer.ts";
import type { JsonValue } from "./contract.ts";
import type { JsonObject } from "./json.ts";
import { messageInvalid } from "./json.ts";
import type { Any, FieldMask, Timestamp } from "./well-known.ts";

/** Writes google.protobuf.Timestamp or Duration, which have the same fields. */
export function writeSpan({ seconds, nanos }: Timestamp, writer: BinaryWriter): void {
  writer.room(22);
  if (seconds !== 0n) writer.int64(8, seconds);
  if (nanos !== 0) writer.int32(16, nanos);
}

/** Writes google.protobuf.FieldMask. */
export function writeFieldMask({ paths }: FieldMask, writer: BinaryWriter): void {
  for (const path of paths) writer.string(10, path);
}

/** Writes google.protobuf.Any. Only what holds its content in binary can be written: a type that nobody knows has no other form. */
export function writeAny({ typeUrl, json, value }: Any, writer: BinaryWriter): void {
  if (value === undefined && json !== undefined && typeUrl !== "") throw messageInvalid("an Any made by anyFrom", typeUrl);
  if (typeUrl !== "") writer.string(10, typeUrl);
  if (value !== undefined && value.length > 0) writer.bytes(18, value);
}

/** Writes google.protobuf.Value: any JSON whose numbers are finite. */
export function writeValue(value: JsonValue, writer: BinaryWriter): void {
  writer.room(11);
  if (value === null) return writer.int32(8, 0);
  if (typeof value === "string") return writer.string(26, value);
  if (typeof value === "boolean") return writer.bool(32, value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw messageInvalid("JSON, whose numbers are finite", value);
    return writer.double(17, value);
  }
  if (typeof value !== "object") throw messageInvalid("JSON", value);
  const mark = writer.open(Array.isArray(value) ? 50 : 42);
  if (Array.isArray(value)) writeList(value, writer);
  else writeStruct(value, writer);
  writer.close(mark);
}

/** Writes google.protobuf.Struct. */
export function writeStruct(value: JsonObject, writer: BinaryWriter): void {
  for (const key of Object.keys(value)) {
    const entry = writer.span(10);
    writer.string(10, key);
    const mark = writer.open(18);
    writeValue(value[key] as JsonValue, writer);
    writer.close(mark);
    writer.done(entry);
  }
}

/** Writes google.protobuf.ListValue. */
export function writeList(value: readonly JsonValue[], writer: BinaryWriter): void {
  for (const item of value) {
    const mark = writer.open(10);
    writeValue(item, writer);
    writer.close(mark);
  }
}
