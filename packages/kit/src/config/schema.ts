import type { JsonValue } from "../contract/contract.ts";
import { fault } from "../fault.ts";
import type { Problem } from "./config.weir.ts";
import { Key } from "./config.weir.ts";
import type { ConfigKey, RestartOnlyKey } from "./key.ts";
import { defaultOf, keyFrom, refuseUnknown } from "./key.ts";
import type { Place } from "./place.ts";
import { refuseAt, secretMask } from "./place.ts";
import { configReasons } from "./reasons.ts";

/** Keys by their full names: `{ "cache.ttlMs": durationMs({ default: 30_000 }) }`. */
export type ConfigSchema = Readonly<Record<string, ConfigKey<unknown>>>;

/** What a key holds. */
export type ValueOf<K> = K extends ConfigKey<infer T> ? T : never;

/** The values of a schema, by the full names of its keys. */
export type ConfigValues<S> = { readonly [Name in keyof S]: ValueOf<S[Name]> };

/** Names of the keys that may change while a process runs. */
export type LiveKeys<S> = { [Name in keyof S]: S[Name] extends RestartOnlyKey<unknown> ? never : Name }[keyof S] & string;

/** Values as a source has them, by the full names of keys, not yet read. */
export type RawValues = ReadonlyMap<string, JsonValue>;

/** A schema that has been looked through. */
export interface CheckedSchema {
  readonly keys: ReadonlyMap<string, ConfigKey<unknown>>;
  /** As it goes to the control plane: without the defaults of secrets. */
  readonly specs: readonly Key[];
  readonly defaults: ReadonlyMap<string, unknown>;
}

const nameShape = /^[a-z][A-Za-z0-9]*(?:\.[a-z][A-Za-z0-9]*)*$/;
const nameCharactersMax = 100;
const keysMax = 1000;

/**
 * Looks through a schema. Names are words of a-z, A-Z and 0-9 joined by dots, none the beginning of another; at most 1000.
 * Throws CONFIG_SCHEMA_INVALID, also for a default that does not fit its key.
 */
export function checkSchema(schema: ConfigSchema): CheckedSchema {
  const names = Object.keys(schema);
  if (names.length > keysMax) throw schemaFault(`Expected at most ${keysMax} keys, found ${names.length}.`);
  for (const name of names) {
    if (!nameShape.test(name) || name.length > nameCharactersMax)
      throw schemaFault(`Expected a key such as "cache.ttlMs", found "${name}".`);
    const inside = names.find((other) => other.startsWith(`${name}.`));
    if (inside !== undefined)
      throw schemaFault(`Expected "${name}" to be a key or a group of keys, found it to be both, because of "${inside}".`);
  }
  const keys = new Map(Object.entries(schema));
  const defaults = new Map<string, unknown>();
  for (const [name, key] of keys) {
    const value = defaultOf(key, name);
    if (value !== undefined) defaults.set(name, value);
  }
  return { keys, specs: [...keys].map(([name, { spec }]) => shownSpec({ ...spec, name })), defaults };
}

/** The keys that another process described, to check values for it. */
export function keysFrom(specs: readonly Key[]): ReadonlyMap<string, ConfigKey<unknown>> {
  return new Map(specs.map((spec) => [spec.name, keyFrom(spec)]));
}

/**
 * Values of a tree by the full names of their keys: `{ "cache": { "ttlMs": 1 } }` and `{ "cache.ttlMs": 1 }` are the same.
 * Names that no key has, and keys that are given twice, go to the problems.
 */
export function flattened(tree: JsonValue, keys: ReadonlyMap<string, unknown>): { values: RawValues; problems: Problem[] } {
  const values = new Map<string, JsonValue>();
  const place: Place = { path: "", secret: false, problems: [] };
  const groups = new Set<string>();
  for (const name of keys.keys()) {
    for (let dot = name.indexOf("."); dot !== -1; dot = name.indexOf(".", dot + 1)) groups.add(name.slice(0, dot));
  }
  const walk = (json: JsonValue, prefix: string): void => {
    if (typeof json !== "object" || json === null || Array.isArray(json)) {
      const expected = prefix === "" ? "an object" : "an object with keys of this group";
      return refuseAt({ ...place, path: prefix, secret: prefix !== "" }, { expected: expected, found: json });
    }
    for (const [step, value] of Object.entries(json)) {
      const name = prefix === "" ? step : `${prefix}.${step}`;
      if (keys.has(name)) {
        if (values.has(name)) place.problems.push({ key: name, expected: "each key once", found: "it nested and with dots" });
        values.set(name, value);
      } else if (groups.has(name)) walk(value, name);
      else refuseUnknown([name], { known: [...keys.keys()], place });
    }
  };
  walk(tree, "");
  return { values, problems: place.problems };
}

/** Reads values by their keys. Unknown names are refused with the nearest known one. */
export function readValues(
  raw: RawValues,
  keys: ReadonlyMap<string, ConfigKey<unknown>>,
): { values: Map<string, unknown>; problems: Problem[] } {
  const values = new Map<string, unknown>();
  const place: Place = { path: "", secret: false, problems: [] };
  for (const [name, json] of raw) {
    const key = keys.get(name);
    if (!key) refuseUnknown([name], { known: [...keys.keys()], place });
    else values.set(name, key.read(json, { ...place, path: name }));
  }
  return { values, problems: place.problems };
}

/** A JSON value as it may be shown: secrets masked, also those within lists, maps and records. */
export function maskedValue(value: JsonValue, spec: Key | undefined): JsonValue {
  if (spec?.secret) return secretMask;
  const { item } = spec ?? {};
  if (Array.isArray(value)) return value.map((one) => maskedValue(one, item));
  if (typeof value !== "object" || value === null) return value;
  const fieldOf = (name: string): Key | undefined => spec?.fields.find((field) => field.name === name) ?? item;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, maskedValue(one, fieldOf(name))]));
}

/** Texts of secrets in a value: what must not stand in any message. */
export function secretTexts(value: JsonValue, spec: Key | undefined): string[] {
  const hidden = spec?.secret ?? false;
  if (typeof value === "string" || typeof value === "number") return hidden ? [String(value)] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, one]) => {
    const inner = spec?.fields.find((field) => field.name === name) ?? spec?.item;
    return secretTexts(one, hidden ? Key.create({ ...inner, secret: true }) : inner);
  });
}

function shownSpec(spec: Key): Key {
  const fields = spec.fields.map(shownSpec);
  const item = spec.item && shownSpec(spec.item);
  const hidden = spec.secret || fields.some(isHidden) || (item !== undefined && isHidden(item));
  return { ...spec, fields, item, defaultJson: hidden ? "" : spec.defaultJson };
}

function isHidden(spec: Key): boolean {
  return spec.secret || spec.fields.some(isHidden) || (spec.item !== undefined && isHidden(spec.item));
}

function schemaFault(message: string): Error {
  return fault(configReasons.CONFIG_SCHEMA_INVALID, message);
}
