import type { JsonValue } from "../contract/contract.ts";
import type { Problem } from "./config.weir.ts";
import type { Layer, Standing } from "./layers.ts";
import type { CheckedSchema } from "./schema.ts";
import { maskedValue } from "./schema.ts";

/** All of a configuration for people, secrets masked. */
export interface ConfigExplanation {
  /** Raised by each change that was applied; the first is 1. */
  readonly revision: number;
  /** Milliseconds since that change. */
  readonly ageMs: number;
  /** Keys that have another value after a restart. */
  readonly needsRestart: readonly string[];
  /** Weakest first. */
  readonly sources: readonly SourceExplanation[];
  readonly keys: readonly KeyExplanation[];
}

/** A source and what of it is in force. */
export interface SourceExplanation {
  readonly name: string;
  /** "watched", "missing", "connected". */
  readonly state: string;
  /** Of what is in force; empty when nothing ever was. */
  readonly revision: string;
  /** Milliseconds since that was taken. */
  readonly takenAgeMs: number;
  /** Milliseconds since the source was last known to be current. */
  readonly heardAgeMs?: number | undefined;
  /** The newest offer, when it was refused. */
  readonly refused?: { readonly revision: string; readonly ageMs: number; readonly problems: readonly Problem[] };
}

/** A key, its value, and where that comes from. */
export interface KeyExplanation {
  readonly key: string;
  /** Null when there is none. */
  readonly value: JsonValue;
  /** "default", or the name of the source, with its revision. */
  readonly source: string;
  readonly revision: string;
  /** Weaker sources that have a value too, strongest first. */
  readonly shadowed: readonly { readonly source: string; readonly value: JsonValue }[];
  /** The value after a restart, for keys that need one. */
  readonly afterRestart?: JsonValue;
  readonly description: string;
}

/** What an explanation is made from. */
export interface Explained {
  readonly schema: CheckedSchema;
  readonly layers: readonly Layer[];
  readonly inForce: ReadonlyMap<string, Standing>;
  /** As it would be after a restart. */
  readonly newest: ReadonlyMap<string, Standing>;
  readonly needsRestart: readonly string[];
  readonly revision: number;
  readonly changedAtMs: number;
}

/** Says for each key where its value comes from. `nowMs` is the clock's `monotonicMs`. */
export function explanationOf(explained: Explained, nowMs: number): ConfigExplanation {
  const { layers, revision, changedAtMs, needsRestart } = explained;
  return {
    revision,
    ageMs: Math.round(nowMs - changedAtMs),
    needsRestart,
    sources: layers.map((layer) => sourceExplanation(layer, nowMs)),
    keys: [...explained.schema.keys.keys()].map((name) => keyExplanation(explained, name)),
  };
}

function sourceExplanation({ source, revision, takenAtMs, refused }: Layer, nowMs: number): SourceExplanation {
  const { state, ageMs } = source.state();
  return {
    name: source.name,
    state,
    revision,
    takenAgeMs: Math.round(nowMs - takenAtMs),
    ...(ageMs !== undefined && { heardAgeMs: Math.round(ageMs) }),
    ...(refused && { refused: { revision: refused.revision, ageMs: Math.round(nowMs - refused.atMs), problems: refused.problems } }),
  };
}

function keyExplanation({ schema, layers, inForce, newest, needsRestart }: Explained, name: string): KeyExplanation {
  const spec = schema.keys.get(name)?.spec;
  const shown = (raw: JsonValue): JsonValue => maskedValue(raw, spec);
  const standing = inForce.get(name);
  const own = standing && layers[standing.layer];
  const weaker = layers.slice(0, Math.max(0, standing?.layer ?? 0)).toReversed();
  const shadowed = weaker.flatMap(({ source, raw }) =>
    raw.has(name) ? [{ source: source.name, value: shown(raw.get(name) ?? null) }] : [],
  );
  return {
    key: name,
    value: standing ? shown(standing.raw) : null,
    source: own?.source.name ?? (standing ? "default" : "none"),
    revision: own?.revision ?? "",
    shadowed,
    ...(needsRestart.includes(name) && { afterRestart: shown(newest.get(name)?.raw ?? null) }),
    description: spec?.description ?? "",
  };
}
