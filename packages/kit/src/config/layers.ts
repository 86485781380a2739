import type { JsonValue } from "../contract/contract.ts";
import type { Problem } from "./config.weir.ts";
import type { CheckedSchema, RawValues } from "./schema.ts";
import type { ConfigSource } from "./source.ts";

/** A source with what of it is in force. */
export interface Layer {
  readonly source: ConfigSource;
  /** Empty before anything was taken. */
  readonly revision: string;
  readonly raw: RawValues;
  readonly values: ReadonlyMap<string, unknown>;
  /** On the clock's `monotonicMs`. */
  readonly takenAtMs: number;
  /** The newest offer that was refused since. */
  readonly refused?: { readonly revision: string; readonly problems: readonly Problem[]; readonly atMs: number } | undefined;
}

/** A value with where it comes from. */
export interface Standing {
  readonly value: unknown;
  /** As the source has it. */
  readonly raw: JsonValue;
  /** Position of its layer; -1 for the default. */
  readonly layer: number;
}

/** The strongest value of every key that has one: defaults first, then the layers, each over those before it. */
export function merged(schema: CheckedSchema, layers: readonly Layer[]): ReadonlyMap<string, Standing> {
  const standings = new Map<string, Standing>();
  for (const [name, { spec }] of schema.keys) {
    const layer = layers.findLastIndex(({ raw }) => raw.has(name));
    const found = layers[layer];
    if (found) standings.set(name, { value: found.values.get(name), raw: found.raw.get(name) ?? null, layer });
    else if (schema.defaults.has(name)) {
      standings.set(name, { value: schema.defaults.get(name), raw: JSON.parse(spec.defaultJson) as JsonValue, layer: -1 });
    }
  }
  return standings;
}

/** Keys that no source gives though they have no default and are not optional. */
export function missingKeys(schema: CheckedSchema, standings: ReadonlyMap<string, Standing>): Problem[] {
  const missing = [...schema.keys].filter(([name, { spec }]) => !spec.optional && !standings.has(name));
  return missing.map(([key]) => ({ key, expected: "a value from any source", found: "nothing" }));
}

/** Keys of one layer that stronger ones give too. */
export function shadowedKeys(layers: readonly Layer[], index: number): string[] {
  const stronger = layers.slice(index + 1);
  return [...(layers[index]?.raw.keys() ?? [])].filter((name) => stronger.some(({ raw }) => raw.has(name)));
}
