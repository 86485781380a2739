import type { Fault } from "../fault.ts";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { JsonPlace, JsonValue } from "./contract.ts";
import { base64FromBytes, bytesFromBase64 } from "./base64.ts";

/**
 * What generated code is made of: one function reads and one writes each kind of value of proto JSON.
 * Readers take what JSON.parse answered and throw JSON_INVALID; writers give what JSON.stringify takes and throw
 * MESSAGE_INVALID. (Measured: JSON.stringify over a plain object is twice as fast as joining text.)
 * Source: protobuf.dev, "ProtoJSON Format".
 */
export type JsonObject = { [key: string]: JsonValue };

/** Messages may nest this deep in JSON, as in other implementations of protobuf. */
export const jsonDepthMax = 100;

const textMax = 40;
const partsMax = 6;
const numberPattern = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const integerPattern = /^-?(?:0|[1-9]\d{0,19})$/;
const keyPattern = /^(?:0|-?[1-9]\d{0,19})$/;
const floatMax = 3.4028234663852886e38;

/** Begins the reading of a message inside another one. */
export function placeBelow(above: JsonPlace | undefined): JsonPlace {
  const depth = above === undefined ? 1 : above.depth + 1;
  if (depth > jsonDepthMax) throw jsonInvalid(above, { expected: `at most ${jsonDepthMax} nested messages`, found: "more" });
  return { above, depth, field: "", item: undefined, skipsUnknown: above !== undefined && above.skipsUnknown };
}

/**
 * Where reading begins for what another program wrote: its contract may be newer than ours, so fields that ours does not
 * know are passed over. What people write begins nowhere (undefined): there an unknown name is a slip, and refused.
 */
export function placeAmongPrograms(): JsonPlace {
  return { above: undefined, depth: 0, field: "", item: undefined, skipsUnknown: true };
}

/** Where a reader stands, "films[3].genre"; "" at the outermost message. */
export function pathOf(at: JsonPlace | undefined): string {
  const parts: string[] = [];
  for (let place = at; place !== undefined; place = place.above) {
    const item = typeof place.item === "string" ? `[${clipped(place.item)}]` : place.item === undefined ? "" : `[${place.item}]`;
    if (place.field !== "" || item !== "") parts.unshift((place.field === "" ? "" : plainName(place.field)) + item);
  }
  if (parts.length > 2 * partsMax) parts.splice(partsMax, parts.length - 2 * partsMax, "…");
  return parts.map((part, index) => (index === 0 || part.startsWith("[") ? part : `.${part}`)).join("");
}

/** The JSON_INVALID Fault; also says the path as a google.rpc.BadRequest detail. */
export function jsonInvalid(at: JsonPlace | undefined, { expected, found }: { readonly expected: string; readonly found: string }): Fault {
  const field = pathOf(at);
  const description = `expected ${expected}, found ${found}`;
  const details = [{ typeName: "google.rpc.BadRequest", value: { fieldViolations: [{ field, description }] } }];
  return fault(kitReasons.JSON_INVALID, field === "" ? `JSON: ${description}` : `JSON field ${field}: ${description}`, { details });
}

/** Meets a field that the contract does not know: passes it over, or throws JSON_INVALID (see `placeAmongPrograms`). */
export function fieldUnknown(at: JsonPlace, typeName: string): void {
  if (!at.skipsUnknown) throw jsonInvalid(at, { expected: `a field of ${typeName}`, found: "an unknown name" });
}

/** The Fault for a field given under both of its names, or a second member of a oneof. */
export function fieldTwice(at: JsonPlace, once: string): Fault {
  return jsonInvalid(at, { expected: `${once} to be set once`, found: "it set twice" });
}

/** What a message about a wrong value calls it: short, and never more than 40 characters of the value. */
export function foundIn(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object") return "an object";
  if (typeof value === "string") return clipped(value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "bigint" ? "a bigint" : typeof value;
}

/** A JSON object, whose keys the caller walks. */
export function objectFrom(value: JsonValue | undefined, at: JsonPlace | undefined): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw wrong(at, "an object", value);
}

/** A JSON array, whose items the caller walks. */
export function listFrom(value: JsonValue | undefined, at: JsonPlace): JsonValue[] {
  if (Array.isArray(value)) return value;
  throw wrong(at, "a list", value);
}

const Entries = function () {} as unknown as new () => Record<string, never>;
Entries.prototype = Object.freeze(Object.create(null));

/**
 * An empty map field. It inherits nothing, so that no key is special, "__proto__" included. (Its prototype is an empty
 * object and not null, because V8 makes a hash table of what has none, which takes three times as long to fill and walk.)
 */
export function createMap<V>(): Record<string, V> {
  return new Entries();
}

/** `string`: Unicode without lone surrogates, as UTF-8 could not carry them. */
export function stringFrom(value: JsonValue | undefined, at: JsonPlace): string {
  if (typeof value !== "string") throw wrong(at, "a string", value);
  if (!value.isWellFormed()) throw jsonInvalid(at, { expected: "valid Unicode", found: "a lone surrogate" });
  return value;
}

/** `bool`: only true and false. */
export function boolFrom(value: JsonValue | undefined, at: JsonPlace): boolean {
  if (typeof value === "boolean") return value;
  throw wrong(at, "true or false", value);
}

/** `int32`, `sint32`, `sfixed32`: a number or its text; 1.0 and 1e3 are whole too. */
export function int32From(value: JsonValue | undefined, at: JsonPlace): number {
  if (typeof value === "number" && (value | 0) === value) return value | 0;
  const number = numberIn(value);
  if (number !== undefined && (number | 0) === number) return number | 0;
  throw wrong(at, "a 32-bit integer", value);
}

/** `uint32`, `fixed32`: a number or its text. */
export function uint32From(value: JsonValue | undefined, at: JsonPlace): number {
  const number = typeof value === "number" ? value : numberIn(value);
  if (number !== undefined && number >>> 0 === number) return number >>> 0;
  throw wrong(at, "an unsigned 32-bit integer", value);
}

/** `int64`, `sint64`, `sfixed64`: text of digits, or a number (which JSON.parse has rounded beyond 2^53). */
export function int64From(value: JsonValue | undefined, at: JsonPlace): bigint {
  const integer = bigintIn(value);
  if (integer !== undefined && BigInt.asIntN(64, integer) === integer) return integer;
  throw wrong(at, "a 64-bit integer", value);
}

/** `uint64`, `fixed64`: text of digits, or a number (which JSON.parse has rounded beyond 2^53). */
export function uint64From(value: JsonValue | undefined, at: JsonPlace): bigint {
  const integer = bigintIn(value);
  if (integer !== undefined && BigInt.asUintN(64, integer) === integer) return integer;
  throw wrong(at, "an unsigned 64-bit integer", value);
}

/** `double`: a finite number or its text, or "NaN", "Infinity", "-Infinity". */
export function doubleFrom(value: JsonValue | undefined, at: JsonPlace): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (value === "NaN") return NaN;
  if (value === "Infinity") return Infinity;
  if (value === "-Infinity") return -Infinity;
  const number = typeof value === "string" ? numberIn(value) : undefined;
  if (number !== undefined && Number.isFinite(number)) return number;
  throw wrong(at, "a finite number", value);
}

/** `float`: as `double`, within the range of 32 bits. The digits are kept as they are. */
export function floatFrom(value: JsonValue | undefined, at: JsonPlace): number {
  const number = doubleFrom(value, at);
  if (number <= floatMax && number >= -floatMax) return number;
  if (typeof value === "string" && !Number.isFinite(number)) return number;
  throw wrong(at, "a number in the range of 32-bit floats", value);
}

/** `bytes`: base64 in the standard or the URL alphabet, padded or not. */
export function bytesFrom(value: JsonValue | undefined, at: JsonPlace): Uint8Array {
  const bytes = typeof value === "string" ? bytesFromBase64(value) : undefined;
  if (bytes === undefined) throw wrong(at, "base64", value);
  return bytes;
}

/** Key of a map with 32-bit integer keys, as it is kept: canonical decimal text. */
export function int32KeyFrom(key: string, at: JsonPlace): string {
  if (keyPattern.test(key)) return String(int32From(key, at));
  throw wrong(at, "a 32-bit integer as key", key);
}

/** Key of a map with unsigned 32-bit integer keys. */
export function uint32KeyFrom(key: string, at: JsonPlace): string {
  if (keyPattern.test(key)) return String(uint32From(key, at));
  throw wrong(at, "an unsigned 32-bit integer as key", key);
}

/** Key of a map with 64-bit integer keys. */
export function int64KeyFrom(key: string, at: JsonPlace): string {
  if (keyPattern.test(key)) return String(int64From(key, at));
  throw wrong(at, "a 64-bit integer as key", key);
}

/** Key of a map with unsigned 64-bit integer keys. */
export function uint64KeyFrom(key: string, at: JsonPlace): string {
  if (keyPattern.test(key)) return String(uint64From(key, at));
  throw wrong(at, "an unsigned 64-bit integer as key", key);
}

/** Key of a map with bool keys: "true" or "false". */
export function boolKeyFrom(key: string, at: JsonPlace): string {
  if (key === "true" || key === "false") return key;
  throw wrong(at, `"true" or "false" as key`, key);
}

/** The Fault of a writer: the message holds what its contract does not allow. That is a mistake of the program, not of a caller. */
export function messageInvalid(expected: string, value: unknown): Fault {
  return fault(kitReasons.MESSAGE_INVALID, `Message field: expected ${expected}, found ${foundIn(value)}`);
}

/** A `string` as JSON.stringify takes it, which writes a lone surrogate as its escape. */
export function stringJson(value: string): string {
  if (typeof value === "string") return value;
  throw messageInvalid("a string", value);
}

/** A `bool`. */
export function boolJson(value: boolean): boolean {
  if (typeof value === "boolean") return value;
  throw messageInvalid("true or false", value);
}

/** An `int32`. */
export function int32Json(value: number): number {
  if ((value | 0) === value) return value;
  throw messageInvalid("a 32-bit integer", value);
}

/** A `uint32`. */
export function uint32Json(value: number): number {
  if (value >>> 0 === value) return value;
  throw messageInvalid("an unsigned 32-bit integer", value);
}

/** An `int64`: its digits as text. */
export function int64Json(value: bigint): string {
  if (typeof value === "bigint" && BigInt.asIntN(64, value) === value) return value.toString();
  throw messageInvalid("a 64-bit integer as bigint", value);
}

/** A `uint64`: its digits as text. */
export function uint64Json(value: bigint): string {
  if (typeof value === "bigint" && BigInt.asUintN(64, value) === value) return value.toString();
  throw messageInvalid("an unsigned 64-bit integer as bigint", value);
}

/** A `double` or `float`; NaN and the infinities as text. */
export function doubleJson(value: number): number | string {
  if (Number.isFinite(value)) return value;
  if (typeof value === "number") return String(value);
  throw messageInvalid("a number", value);
}

/** `bytes`: padded base64. */
export function bytesJson(value: Uint8Array): string {
  if (value instanceof Uint8Array) return base64FromBytes(value);
  throw messageInvalid("bytes", value);
}

/** A map, or undefined when it is empty. `draft` gives the JSON of one value. */
export function mapJson<V>(map: Readonly<Record<string, V>>, draft: (value: V) => unknown): unknown {
  const keys = Object.keys(map);
  if (keys.length === 0) return undefined;
  // An ordinary object, because JSON.stringify takes three times as long over one without a prototype.
  const json: Record<string, unknown> = {};
  for (const key of keys) {
    const value = draft(map[key] as V);
    if (key === "__proto__") Object.defineProperty(json, key, { value, enumerable: true });
    else json[key] = value;
  }
  return json;
}

/** How the values of one enum are read and written. */
export interface EnumJson {
  /** The name, or the number when it has none. */
  json(value: number): string | number | null;
  /** From a name or a number. A number without a name is kept when the enum is open, as proto3's are. */
  from(value: JsonValue | undefined, at: JsonPlace): number;
  /** Whether a number has a name. */
  has(value: number): boolean;
}

/** What `createEnumJson` needs: the full name for messages, every name with its number, and whether unknown numbers are kept. */
export interface EnumJsonOptions {
  readonly typeName: string;
  readonly names: readonly (readonly [name: string, value: number])[];
  readonly open: boolean;
}

/** Reads and writes an enum by its names in the contract; of two names of one number the first is written. */
export function createEnumJson({ typeName, names, open }: EnumJsonOptions): EnumJson {
  const numbers = new Map(names);
  const texts = new Map([...names].reverse().map(([name, value]) => [value, name]));
  return {
    json: (value) => texts.get(value) ?? int32Json(value),
    has: (value) => texts.has(value),
    from(value, at) {
      const number = typeof value === "string" ? numbers.get(value) : open || texts.has(value as number) ? value : undefined;
      if (typeof number === "number" && (number | 0) === number) return number | 0;
      throw wrong(at, `a value of ${typeName}`, value);
    },
  };
}

function wrong(at: JsonPlace | undefined, expected: string, value: unknown): Fault {
  return jsonInvalid(at, { expected, found: foundIn(value) });
}

function numberIn(value: JsonValue | undefined): number | undefined {
  return typeof value === "string" && numberPattern.test(value) ? Number(value) : undefined;
}

function bigintIn(value: JsonValue | undefined): bigint | undefined {
  if (typeof value === "string") return integerPattern.test(value) ? BigInt(value) : undefined;
  return Number.isInteger(value) ? BigInt(value as number) : undefined;
}

function clipped(text: string): string {
  return text.length <= textMax ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, textMax))}… (${text.length} characters)`;
}

function plainName(name: string): string {
  return name.length <= textMax && /^[\w@]+$/.test(name) ? name : clipped(name);
}
