import type { BinaryReader } from "./binary-reader.ts";
import { emptyBytes } from "./binary-reader.ts";
import type { JsonValue } from "./contract.ts";
import type { JsonObject } from "./json.ts";
import type { Any, Empty, FieldMask, Timestamp } from "./well-known.ts";

/** Reads google.protobuf.Timestamp or Duration, which have the same fields. */
export function readSpan(reader: BinaryReader, end: number, into?: Timestamp): Timestamp {
  let seconds = into?.seconds ?? 0n;
  let nanos = into?.nanos ?? 0;
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === 8) seconds = reader.int64();
    else if (tag === 16) nanos = reader.int32();
    else reader.skip(tag);
  }
  reader.close(end);
  return { seconds, nanos };
}

/** Reads google.protobuf.FieldMask. */
export function readFieldMask(reader: BinaryReader, end: number, into: FieldMask = { paths: [] }): FieldMask {
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === 10) into.paths.push(reader.string());
    else reader.skip(tag);
  }
  reader.close(end);
  return into;
}

/** Reads google.protobuf.Empty. */
export function readEmpty(reader: BinaryReader, end: number): Empty {
  while (reader.at < end) reader.skip(reader.tag());
  reader.close(end);
  return {};
}

/** Reads google.protobuf.Any; what it holds stays in binary. */
export function readAny(reader: BinaryReader, end: number, into?: Any): Any {
  let typeUrl = into?.typeUrl ?? "";
  let value = into?.value ?? emptyBytes;
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === 10) typeUrl = reader.string();
    else if (tag === 18) value = reader.bytes();
    else reader.skip(tag);
  }
  reader.close(end);
  return { typeUrl, json: undefined, value: typeUrl === "" && value.length === 0 ? undefined : value };
}

/** Reads google.protobuf.Value; null when no kind is set. Refuses NaN and the infinities, which JSON has not. */
export function readValue(reader: BinaryReader, end: number, into: JsonValue = null): JsonValue {
  let value = into;
  while (reader.at < end) {
    const tag = reader.tag();
    switch (tag) {
      case 8:
        reader.int32();
        value = null;
        break;
      case 17:
        value = reader.double();
        if (!Number.isFinite(value)) throw reader.invalid("a finite number", `${value}`, reader.at - 8);
        break;
      case 26:
        value = reader.string();
        break;
      case 32:
        value = reader.bool();
        break;
      case 42:
        value = readStruct(reader, reader.open(), typeof value !== "object" || value === null || Array.isArray(value) ? undefined : value);
        break;
      case 50:
        value = readList(reader, reader.open(), Array.isArray(value) ? value : undefined);
        break;
      default:
        reader.skip(tag);
    }
  }
  reader.close(end);
  return value;
}

/** Reads google.protobuf.Struct. */
export function readStruct(reader: BinaryReader, end: number, into: JsonObject = {}): JsonObject {
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === 10) readEntry(reader, into);
    else reader.skip(tag);
  }
  reader.close(end);
  return into;
}

function readEntry(reader: BinaryReader, into: JsonObject): void {
  const stop = reader.span();
  let key = "";
  let value: JsonValue = null;
  while (reader.at < stop) {
    const tag = reader.tag();
    if (tag === 10) key = reader.key();
    else if (tag === 18) value = readValue(reader, reader.open(), value);
    else reader.skip(tag);
  }
  reader.done(stop);
  if (key === "__proto__") Object.defineProperty(into, key, { value, enumerable: true, configurable: true, writable: true });
  else into[key] = value;
}

/** Reads google.protobuf.ListValue. */
export function readList(reader: BinaryReader, end: number, into: JsonValue[] = []): JsonValue[] {
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === 10) into.push(readValue(reader, reader.open()));
    else reader.skip(tag);
  }
  reader.close(end);
  return into;
}
