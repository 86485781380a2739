import { messageFromBytes } from "./binary-reader.ts";
import { bytesFromMessage } from "./binary-writer.ts";
import type { JsonPlace, JsonValue, MessageType } from "./contract.ts";
import type { EnumJson, JsonObject } from "./json.ts";
import { fieldTwice, foundIn, jsonDepthMax, jsonInvalid, messageInvalid, objectFrom, placeBelow, stringFrom } from "./json.ts";
import { readAny, readEmpty, readFieldMask, readList, readSpan, readStruct, readValue } from "./well-known-reader.ts";
import { writeAny, writeFieldMask, writeList, writeSpan, writeStruct, writeValue } from "./well-known-writer.ts";

/** A point in time: seconds since 1970 and 0 to 999,999,999 nanoseconds. In JSON RFC 3339 text, years 1 to 9999. */
export interface Timestamp {
  seconds: bigint;
  nanos: number;
}

/** A span of time; both parts have the same sign. In JSON "1.5s". At most ±315,576,000,000 seconds. */
export interface Duration {
  seconds: bigint;
  nanos: number;
}

/** Names of fields, as in the contract ("user.display_name"). In JSON one text, "user.displayName,id". */
export interface FieldMask {
  paths: string[];
}

/** A message without fields. */
export type Empty = Record<never, never>;

/**
 * A message of any type. It is kept in the form in which it was read, `json` (what stands beside "@type") or `value` (its
 * wire format), because turning one into the other needs the type. Use `anyFrom`, which gives both, and `messageFromAny`.
 */
export interface Any {
  /** "type.googleapis.com/weir.feed.v1.Film". */
  typeUrl: string;
  json?: JsonObject | undefined;
  value?: Uint8Array | undefined;
}

const timePattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;
const durationPattern = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/;
const timeMsMin = Date.parse("0001-01-01T00:00:00Z");
const timeMsMax = Date.parse("9999-12-31T23:59:59.999Z");
const durationSecondsMax = 315_576_000_000n;

/** google.protobuf.Timestamp. */
export const Timestamp: MessageType<Timestamp> = {
  typeName: "google.protobuf.Timestamp",
  create: (init) => ({ seconds: init?.seconds ?? 0n, nanos: init?.nanos ?? 0 }),
  toJson: (message) => JSON.stringify(Timestamp.jsonDraft(message)),
  jsonDraft({ seconds, nanos }) {
    const ms = Number(seconds) * 1000;
    if (!(ms >= timeMsMin && ms <= timeMsMax)) throw messageInvalid("a time in the years 1 to 9999", seconds);
    return `${new Date(ms).toISOString().slice(0, 19)}${fraction(nanos)}Z`;
  },
  fromJson(json, above) {
    const match = typeof json === "string" ? timePattern.exec(json) : null;
    const utcMs = match ? Date.parse(`${match[1]}Z`) : NaN;
    // Date.parse takes the 30th of February for the 1st of March.
    if (!match || Number.isNaN(utcMs) || new Date(utcMs).toISOString().slice(0, 19) !== match[1]) {
      throw jsonInvalid(above, { expected: "a time like 2026-01-31T23:59:59.5Z", found: foundIn(json) });
    }
    const ms = Date.parse(`${match[1]}${match[3]}`);
    if (!(ms >= timeMsMin && ms <= timeMsMax))
      throw jsonInvalid(above, { expected: "a time in the years 1 to 9999", found: foundIn(json) });
    return { seconds: BigInt(ms / 1000), nanos: Number((match[2] ?? "").padEnd(9, "0")) };
  },
  toBinary: (message) => bytesFromMessage(Timestamp, message),
  fromBinary: (bytes) => messageFromBytes(Timestamp, bytes),
  write: writeSpan,
  read: readSpan,
};

/** google.protobuf.Duration. */
export const Duration: MessageType<Duration> = {
  typeName: "google.protobuf.Duration",
  create: (init) => ({ seconds: init?.seconds ?? 0n, nanos: init?.nanos ?? 0 }),
  toJson: (message) => JSON.stringify(Duration.jsonDraft(message)),
  jsonDraft({ seconds, nanos }) {
    if (seconds > durationSecondsMax || seconds < -durationSecondsMax) throw messageInvalid("at most ±315576000000 seconds", seconds);
    if ((seconds > 0n && nanos < 0) || (seconds < 0n && nanos > 0)) throw messageInvalid("seconds and nanos of one sign", nanos);
    const negative = seconds < 0n || nanos < 0;
    return `${negative ? "-" : ""}${negative ? -seconds : seconds}${fraction(negative ? -nanos : nanos)}s`;
  },
  fromJson(json, above) {
    const match = typeof json === "string" ? durationPattern.exec(json) : null;
    const seconds = BigInt(match?.[2] ?? 0);
    const nanos = Number((match?.[3] ?? "").padEnd(9, "0"));
    if (!match || seconds > durationSecondsMax) {
      throw jsonInvalid(above, { expected: "a duration like 1.5s, at most 315576000000s", found: foundIn(json) });
    }
    return match[1] === "-" ? { seconds: -seconds, nanos: nanos === 0 ? 0 : -nanos } : { seconds, nanos };
  },
  toBinary: (message) => bytesFromMessage(Duration, message),
  fromBinary: (bytes) => messageFromBytes(Duration, bytes),
  write: writeSpan,
  read: readSpan,
};

/** google.protobuf.FieldMask. */
export const FieldMask: MessageType<FieldMask> = {
  typeName: "google.protobuf.FieldMask",
  create: (init) => ({ paths: init?.paths ?? [] }),
  toJson: (message) => JSON.stringify(FieldMask.jsonDraft(message)),
  jsonDraft({ paths }) {
    const names = paths.map((path) => {
      const name = path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
      if (name.includes("_") || snakeFromCamel(name) !== path) throw messageInvalid("a path that survives camel case", path);
      return name;
    });
    return names.join(",");
  },
  fromJson(json, above) {
    if (typeof json !== "string" || json.includes("_"))
      throw jsonInvalid(above, { expected: "field names in camel case, joined by commas", found: foundIn(json) });
    return { paths: json === "" ? [] : json.split(",").map(snakeFromCamel) };
  },
  toBinary: (message) => bytesFromMessage(FieldMask, message),
  fromBinary: (bytes) => messageFromBytes(FieldMask, bytes),
  write: writeFieldMask,
  read: readFieldMask,
};

/** google.protobuf.Empty. */
export const Empty: MessageType<Empty> = {
  typeName: "google.protobuf.Empty",
  create: () => ({}),
  toJson: (message) => JSON.stringify(Empty.jsonDraft(message)),
  jsonDraft: () => ({}),
  fromJson(json, above) {
    const at = placeBelow(above);
    for (const key in objectFrom(json, above)) {
      at.field = key;
      throw jsonInvalid(at, { expected: "no field in google.protobuf.Empty", found: "one" });
    }
    return {};
  },
  toBinary: (message) => bytesFromMessage(Empty, message),
  fromBinary: (bytes) => messageFromBytes(Empty, bytes),
  write: () => undefined,
  read: readEmpty,
};

/** Any JSON without NaN and Infinity. */
export type Value = JsonValue;

/** google.protobuf.Value. */
export const Value: MessageType<Value> = {
  typeName: "google.protobuf.Value",
  create: (init) => (init ?? null) as JsonValue,
  toJson: (message) => JSON.stringify(Value.jsonDraft(message)),
  jsonDraft: (value) => checkedValue(value, 0),
  fromJson: valueFrom,
  toBinary: (message) => bytesFromMessage(Value, message),
  fromBinary: (bytes) => messageFromBytes(Value, bytes),
  write: writeValue,
  read: readValue,
};

/** google.protobuf.NullValue: in JSON null. */
export const NullValue = { NULL_VALUE: 0 } as const;
export type NullValue = (typeof NullValue)[keyof typeof NullValue];

/** Reads and writes google.protobuf.NullValue. */
export const nullValueJson: EnumJson = {
  json: () => null,
  has: (value) => value === 0,
  from(value, at) {
    if (value === null || value === "NULL_VALUE" || value === 0) return 0;
    throw jsonInvalid(at, { expected: "null", found: foundIn(value) });
  },
};

/** A JSON object. */
export type Struct = JsonObject;

/** google.protobuf.Struct. */
export const Struct: MessageType<Struct> = {
  typeName: "google.protobuf.Struct",
  create: (init) => ({ ...init }) as JsonObject,
  toJson: (message) => JSON.stringify(Struct.jsonDraft(message)),
  jsonDraft: (value) => checkedValue(value, 0),
  fromJson: (json, above) => valueFrom(objectFrom(json, above), above) as JsonObject,
  toBinary: (message) => bytesFromMessage(Struct, message),
  fromBinary: (bytes) => messageFromBytes(Struct, bytes),
  write: writeStruct,
  read: readStruct,
};

/** A JSON array. */
export type ListValue = JsonValue[];

/** google.protobuf.ListValue. */
export const ListValue: MessageType<ListValue> = {
  typeName: "google.protobuf.ListValue",
  create: (init) => [...((init ?? []) as JsonValue[])],
  toJson: (message) => JSON.stringify(ListValue.jsonDraft(message)),
  jsonDraft: (value) => checkedValue(value, 0),
  fromJson(json, above) {
    if (!Array.isArray(json)) throw jsonInvalid(above, { expected: "a list", found: foundIn(json) });
    return valueFrom(json, above) as JsonValue[];
  },
  toBinary: (message) => bytesFromMessage(ListValue, message),
  fromBinary: (bytes) => messageFromBytes(ListValue, bytes),
  write: writeList,
  read: readList,
};

/** google.protobuf.Any. What it holds is checked only when `messageFromAny` reads it. */
export const Any: MessageType<Any> = {
  typeName: "google.protobuf.Any",
  create: (init) => ({ typeUrl: init?.typeUrl ?? "", json: init?.json, value: init?.value }),
  toJson: (message) => JSON.stringify(Any.jsonDraft(message)),
  jsonDraft({ typeUrl, json, value }) {
    if (typeUrl === "") return {};
    if (json === undefined && value !== undefined) throw messageInvalid("an Any made by anyFrom", typeUrl);
    return { "@type": typeUrl, ...(checkedValue(json ?? {}, 0) as JsonObject) };
  },
  fromJson(json, above) {
    const { "@type": type, ...rest } = objectFrom(valueFrom(json, above), above);
    if (type === undefined && Object.keys(rest).length === 0) return Any.create();
    const at = placeBelow(above);
    at.field = "@type";
    const typeUrl = stringFrom(type, at);
    if (typeUrl === "" || typeUrl.endsWith("/")) throw jsonInvalid(at, { expected: "the URL of a type", found: foundIn(typeUrl) });
    return { typeUrl, json: rest, value: undefined };
  },
  toBinary: (message) => bytesFromMessage(Any, message),
  fromBinary: (bytes) => messageFromBytes(Any, bytes),
  write: writeAny,
  read: readAny,
};

/** Types whose JSON is not an object of their fields: inside an Any it stands under "value". */
const specialTypes = new Set(
  ["Any", "Duration", "FieldMask", "ListValue", "Struct", "Timestamp", "Value"].map((name) => `google.protobuf.${name}`),
);

/** Wraps a message into an Any. */
export function anyFrom<T>(type: MessageType<T>, message: T): Any {
  const json = JSON.parse(type.toJson(message)) as JsonValue;
  const typeUrl = `type.googleapis.com/${type.typeName}`;
  return { typeUrl, json: specialTypes.has(type.typeName) ? { value: json } : (json as JsonObject), value: type.toBinary(message) };
}

/** The message in an Any, or undefined when it holds another type. Throws JSON_INVALID or BINARY_INVALID when it does not fit the type. */
export function messageFromAny<T>(type: MessageType<T>, any: Any): T | undefined {
  if (any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1) !== type.typeName) return undefined;
  if (any.json === undefined) return type.fromBinary(any.value ?? new Uint8Array(0));
  if (!specialTypes.has(type.typeName)) return type.fromJson(any.json);
  for (const key in any.json) if (key !== "value") throw fieldTwice({ ...placeBelow(undefined), field: key }, '"value" alone');
  return type.fromJson(any.json["value"] ?? null);
}

/** Milliseconds since 1970, cut to whole ones. */
export function msFromTimestamp({ seconds, nanos }: Timestamp): number {
  return Number(seconds) * 1000 + Math.floor(nanos / 1e6);
}

/** From milliseconds since 1970; fractions are kept down to the microsecond. */
export function timestampFromMs(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1000) * 1000 };
}

/** Milliseconds, with fractions. */
export function msFromDuration({ seconds, nanos }: Duration): number {
  return Number(seconds) * 1000 + nanos / 1e6;
}

/** From milliseconds; fractions are kept down to the microsecond. */
export function durationFromMs(ms: number): Duration {
  const seconds = Math.trunc(ms / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1000) * 1000 };
}

function valueFrom(value: JsonValue, above: JsonPlace | undefined): JsonValue {
  if (typeof value === "number" && !Number.isFinite(value))
    throw jsonInvalid(above, { expected: "a finite number", found: foundIn(value) });
  if (typeof value === "string" && !value.isWellFormed())
    throw jsonInvalid(above, { expected: "valid Unicode", found: "a lone surrogate" });
  if (typeof value !== "object" || value === null) return value;
  const at = placeBelow(above);
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      at.item = index;
      valueFrom(item, at);
    }
    return value;
  }
  for (const key in value) {
    at.field = key;
    valueFrom(value[key] as JsonValue, at);
  }
  return value;
}

function checkedValue(value: JsonValue, depth: number): JsonValue {
  if (value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value)) return value;
  if (typeof value !== "object") throw messageInvalid("JSON, whose numbers are finite", value);
  if (depth >= jsonDepthMax) throw messageInvalid(`JSON at most ${jsonDepthMax} deep`, value);
  for (const item of Array.isArray(value) ? value : Object.values(value)) checkedValue(item, depth + 1);
  return value;
}

function fraction(nanos: number): string {
  if (nanos === 0) return "";
  if (!Number.isInteger(nanos) || nanos < 0 || nanos > 999_999_999) throw messageInvalid("0 to 999999999 nanoseconds", nanos);
  const digits = String(nanos).padStart(9, "0");
  return `.${digits.endsWith("000000") ? digits.slice(0, 3) : digits.endsWith("000") ? digits.slice(0, 6) : digits}`;
}

function snakeFromCamel(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
