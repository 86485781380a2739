import type { JsonValue } from "../contract/contract.ts";
import { fault, faultFrom } from "../fault.ts";
import { configReasons } from "./reasons.ts";
import { Key, Kind } from "./config.weir.ts";
import { nearestName } from "./nearest-name.ts";
import type { Place } from "./place.ts";
import { placeIn, refuseAt, refuseShape } from "./place.ts";
import { bytesFrom, bytesText, durationMsFrom, durationText } from "./unit-text.ts";

/** What a key holds and how it is read. Made by the functions of this file. */
export interface ConfigKey<T> {
  /** As it goes to the control plane and onto pages. */
  readonly spec: Key;
  /** The value of a JSON value; says at the place what is wrong with it. */
  readonly read: (json: JsonValue, place: Place) => T | undefined;
}

/** A key that is read once: one cannot subscribe to it, and a change of it is reported as "needs a restart". */
export interface RestartOnlyKey<T> extends ConfigKey<T> {
  readonly restartOnly: true;
}

/** What every key may be told. */
export interface KeyOptions<T> {
  /** Where no source says anything. Without one the key must be given, or be `optional`. */
  readonly default?: T;
  /** What it is for, in a sentence; shown to operators. */
  readonly description?: string;
}

/** What keys with a size may be told: bounds of the number, or of the length of a text, list or map. */
export interface SizedKeyOptions<T> extends KeyOptions<T> {
  readonly min?: number;
  readonly max?: number;
}

/** What keys of plain numbers may be told. */
export interface NumberKeyOptions extends SizedKeyOptions<number> {
  /** What one of it is, for people: "requests per second". */
  readonly unit?: string;
}

/** What keys of one's own parsing are told. */
export interface ParsedKeyOptions extends KeyOptions<JsonValue> {
  /** What fits, for messages: "a cron line". */
  readonly expected: string;
}

/** Fields by their names. */
export type KeysOf<T> = { readonly [Name in keyof T]: ConfigKey<T[Name]> };

const textCharactersMax = 10_000;
const itemsMax = 1000;

/** A text. By default of at most 10,000 characters. */
export function text(options: SizedKeyOptions<string> = {}): ConfigKey<string> {
  const bounds = { min: 0, max: textCharactersMax, ...options };
  const expected = bounds.max === textCharactersMax && bounds.min === 0 ? "a text" : `a text of ${bounds.min} to ${bounds.max} characters`;
  return keyOf(Kind.TEXT, bounds, (json, place) => {
    if (typeof json === "string" && json.length >= bounds.min && json.length <= bounds.max) return json;
    return refuseAt(place, { expected: expected, found: json });
  });
}

/** A whole number. By default any that is exact (up to 2^53). */
export function integer(options: NumberKeyOptions = {}): ConfigKey<number> {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = options;
  const expected = `a whole number${rangeText(options, String)}`;
  return keyOf(Kind.INTEGER, options, (json, place) => {
    if (typeof json === "number" && Number.isSafeInteger(json) && json >= min && json <= max) return json;
    return refuseAt(place, { expected: expected, found: json });
  });
}

/** A finite number. */
export function number(options: NumberKeyOptions = {}): ConfigKey<number> {
  const { min = -Infinity, max = Infinity } = options;
  const expected = `a number${rangeText(options, String)}`;
  return keyOf(Kind.NUMBER, options, (json, place) => {
    if (typeof json === "number" && Number.isFinite(json) && json >= min && json <= max) return json;
    return refuseAt(place, { expected: expected, found: json });
  });
}

/** True or false. */
export function flag(options: KeyOptions<boolean> = {}): ConfigKey<boolean> {
  return keyOf(Kind.FLAG, options, (json, place) =>
    typeof json === "boolean" ? json : refuseAt(place, { expected: "true or false", found: json }),
  );
}

/** Milliseconds, given as a number or as "250ms", "1.5s", "10m", "2h", "7d". Bounds are milliseconds; by default from 0 on. */
export function durationMs(options: SizedKeyOptions<number> = {}): ConfigKey<number> {
  const bounds = { min: 0, ...options };
  const expected = `a duration${rangeText(shownBounds(bounds), durationText)}, in milliseconds or such as "1.5s"`;
  return keyOf(Kind.DURATION, bounds, (json, place) => {
    const ms = typeof json === "string" ? durationMsFrom(json) : json;
    if (typeof ms === "number" && Number.isFinite(ms) && ms >= bounds.min && ms <= (bounds.max ?? Infinity)) return ms;
    return refuseAt(place, { expected: expected, found: json });
  });
}

/** Bytes, given as a number or as "64KiB", "10MB" and the like. Bounds are bytes; by default from 0 on. */
export function bytes(options: SizedKeyOptions<number> = {}): ConfigKey<number> {
  const bounds = { min: 0, ...options };
  const expected = `bytes${rangeText(shownBounds(bounds), bytesText)}, as a number or such as "64KiB"`;
  return keyOf(Kind.BYTES, bounds, (json, place) => {
    const count = typeof json === "string" ? bytesFrom(json) : json;
    if (typeof count === "number" && Number.isSafeInteger(count) && count >= bounds.min && count <= (bounds.max ?? Infinity)) return count;
    return refuseAt(place, { expected, found: json });
  });
}

/** One of a few texts. */
export function oneOf<const T extends string>(choices: readonly T[], options: KeyOptions<T> = {}): ConfigKey<T> {
  const expected = `one of ${choices.map((choice) => JSON.stringify(choice)).join(", ")}`;
  const key = keyOf<T>(
    Kind.CHOICE,
    options,
    (json, place) => choices.find((choice) => choice === json) ?? refuseAt(place, { expected: expected, found: json }),
  );
  return withSpec(key, { choices: [...choices] });
}

/** A list of items of one kind. By default of at most 1000. */
export function list<T>(item: ConfigKey<T>, options: SizedKeyOptions<readonly T[]> = {}): ConfigKey<readonly T[]> {
  const bounds = { min: 0, max: itemsMax, ...options };
  const key = keyOf<readonly T[]>(Kind.LIST, bounds, (json, place) => {
    const fits = Array.isArray(json) && json.length >= bounds.min && json.length <= bounds.max;
    if (!fits) return refuseShape(place, { expected: `a list of ${bounds.min} to ${bounds.max}`, found: json });
    return Object.freeze(json.map((one, index) => item.read(one, placeIn(place, index)) as T));
  });
  return withSpec(key, { item: item.spec });
}

/**
 * A section: entries of one kind under names that are free, such as policies by method or limits by tenant. By default of at
 * most 1000. The map is one value: the strongest source that has it gives all of it. Subscribe to its key to hear of changes.
 * @example
 * const schema = { policies: map(record({ timeoutMs: optional(durationMs()), retries: optional(integer({ min: 0, max: 5 })) })) };
 * apply(config.get("policies")); // { "feed.v1.Feed/Page": { timeoutMs: 800, retries: undefined } }
 * config.subscribe(["policies"], ({ policies }) => apply(policies)); // throws to refuse the change
 */
export function map<T>(
  entry: ConfigKey<T>,
  options: SizedKeyOptions<Readonly<Record<string, T>>> = {},
): ConfigKey<Readonly<Record<string, T>>> {
  const bounds = { min: 0, max: itemsMax, ...options };
  const key = keyOf<Readonly<Record<string, T>>>(Kind.MAP, { default: {}, ...bounds }, (json, place) => {
    if (!isObject(json)) return refuseShape(place, { expected: "an object of named entries", found: json });
    const entries = Object.entries(json);
    if (entries.length < bounds.min || entries.length > bounds.max) {
      return refuseAt(place, { expected: `${bounds.min} to ${bounds.max} entries`, found: entries.length });
    }
    return Object.freeze(Object.fromEntries(entries.map(([name, value]) => [name, entry.read(value, placeIn(place, name)) as T])));
  });
  return withSpec(key, { item: entry.spec });
}

/** Fields under fixed names; each is a key of its own. Unknown fields are refused with the nearest known name. */
export function record<T>(fields: KeysOf<T>, options: KeyOptions<T> = {}): ConfigKey<T> {
  const names = Object.keys(fields) as (keyof T & string)[];
  const key = keyOf<T>(Kind.RECORD, options, (json, place) => {
    if (!isObject(json)) return refuseShape(place, { expected: "an object", found: json });
    refuseUnknown(Object.keys(json), { known: names, place });
    const values = names.map((name) => [name, fieldOf(json, { name, key: fields[name], place: placeIn(place, name) })] as const);
    return Object.freeze(Object.fromEntries(values)) as T;
  });
  return withSpec(key, { fields: names.map((name) => ({ ...fields[name].spec, name })) });
}

/** Any JSON that a function of one's own turns into a value; what it throws is the refusal. Control cannot check it beforehand. */
export function parsed<T>(parse: (json: JsonValue) => T, options: ParsedKeyOptions): ConfigKey<T> {
  const { default: fallback, description = "" } = options;
  const key = keyOf<T>(Kind.JSON, { description }, (json, place) => {
    try {
      return parse(json);
    } catch (error) {
      const why = error instanceof Error ? error.message : faultFrom(error).message;
      return refuseAt(place, { expected: place.secret ? options.expected : `${options.expected} (${why.slice(0, 200)})`, found: json });
    }
  });
  return fallback === undefined ? key : withSpec(key, { defaultJson: JSON.stringify(fallback) });
}

/** May be left out; then it is undefined. */
export function optional<T>(key: ConfigKey<T>): ConfigKey<T | undefined> {
  return withSpec<T | undefined>(key, { optional: true });
}

/** Masked wherever it would be shown: logs, errors, explanations, the admin page, the control plane and its audit. */
export function secret<K extends ConfigKey<unknown>>(key: K): K {
  const { read } = key;
  return { ...key, spec: { ...key.spec, secret: true }, read: (json: JsonValue, place: Place) => read(json, { ...place, secret: true }) };
}

/** Read once, at the start: a change is reported as "needs a restart" and not applied, and one cannot subscribe to it. */
export function restartOnly<T>(key: ConfigKey<T>): RestartOnlyKey<T> {
  return { ...key, spec: { ...key.spec, restartOnly: true }, restartOnly: true };
}

/** The key that another process has described. What only that process can tell, any JSON passes. */
export function keyFrom(spec: Key): ConfigKey<unknown> {
  const { min, max, item, choices } = spec;
  const bounds = { ...(min !== undefined && { min }), ...(max !== undefined && { max }) };
  const plain = (): ConfigKey<unknown> => {
    switch (spec.kind) {
      case Kind.TEXT:
        return text(bounds);
      case Kind.INTEGER:
        return integer(bounds);
      case Kind.NUMBER:
        return number(bounds);
      case Kind.FLAG:
        return flag();
      case Kind.DURATION:
        return durationMs(bounds);
      case Kind.BYTES:
        return bytes(bounds);
      case Kind.CHOICE:
        return oneOf(choices);
      case Kind.LIST:
        return list(keyFrom(item ?? Key.create()), bounds);
      case Kind.MAP:
        return map(keyFrom(item ?? Key.create()), bounds);
      case Kind.RECORD:
        return record<Record<string, unknown>>(Object.fromEntries(spec.fields.map((field) => [field.name, keyFrom(field)])));
      case Kind.JSON:
      case Kind.UNSPECIFIED:
        return parsed((json) => json, { expected: "JSON" });
    }
  };
  const { read } = plain();
  return { spec, read: spec.secret ? (json, place) => read(json, { ...place, secret: true }) : read };
}

/** Says of each unknown name which known one is nearest. */
export function refuseUnknown(names: Iterable<string>, { known, place }: { known: readonly string[]; place: Place }): void {
  for (const name of names) {
    if (known.includes(name)) continue;
    const nearest = nearestName(name, known);
    const expected =
      nearest === undefined ? `one of ${known.slice(0, 20).join(", ") || "no keys"}` : `a known name, the nearest is ${nearest}`;
    const path = place.path === "" ? name.slice(0, 80) : `${place.path}.${name.slice(0, 80)}`;
    refuseAt({ ...place, path, secret: false }, { expected: expected, found: name });
  }
}

/** The default of a key, read as any other value would be. Throws CONFIG_SCHEMA_INVALID when it does not fit. */
export function defaultOf<T>({ spec, read }: ConfigKey<T>, path: string): T | undefined {
  if (spec.defaultJson === "") return undefined;
  const place: Place = { path, secret: false, problems: [] };
  const value = read(JSON.parse(spec.defaultJson) as JsonValue, place);
  const [problem] = place.problems;
  if (!problem) return value;
  throw fault(
    configReasons.CONFIG_SCHEMA_INVALID,
    `Expected ${problem.expected} as the default of ${problem.key}, found ${problem.found}.`,
  );
}

function fieldOf<T>(json: Readonly<Record<string, JsonValue>>, field: { name: string; key: ConfigKey<T>; place: Place }): T | undefined {
  const { name, key, place } = field;
  const given = Object.hasOwn(json, name) ? json[name] : undefined;
  if (given !== undefined) return key.read(given, place);
  const fallback = defaultOf(key, place.path);
  if (fallback !== undefined || key.spec.optional) return fallback;
  return refuseAt(place, { expected: "a value", found: undefined });
}

function keyOf<T>(kind: Kind, options: SizedKeyOptions<T> & { readonly unit?: string }, read: ConfigKey<T>["read"]): ConfigKey<T> {
  const { default: fallback, description = "", unit = "", min, max } = options;
  const defaultJson = fallback === undefined ? "" : JSON.stringify(fallback);
  return { spec: Key.create({ kind, description, unit, defaultJson, min, max }), read };
}

function withSpec<T>(key: ConfigKey<T>, more: Partial<Key>): ConfigKey<T> {
  return { ...key, spec: { ...key.spec, ...more } };
}

/** That there is no less than nothing of them needs no word. */
function shownBounds({ min, max }: { min?: number; max?: number }): { min?: number | undefined; max?: number | undefined } {
  return { min: min === 0 && max === undefined ? undefined : min, max };
}

function rangeText({ min, max }: { min?: number | undefined; max?: number | undefined }, format: (value: number) => string): string {
  if (min !== undefined && max !== undefined) return ` from ${format(min)} to ${format(max)}`;
  if (min !== undefined) return ` of at least ${format(min)}`;
  return max === undefined ? "" : ` of at most ${format(max)}`;
}

function isObject(json: JsonValue): json is Record<string, JsonValue> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
