import type { DescField } from "@bufbuild/protobuf";
import type { JsonScope } from "../json-scope.ts";
import type { Broken, Notation } from "./print-number.ts";
import { brokenConst, brokenLists, brokenRange } from "./print-number.ts";
import type { FieldRules, Rules } from "./rules.ts";
import { refuse } from "./rules.ts";

/** A Timestamp or a Duration. */
interface Span {
  readonly seconds: bigint;
  readonly nanos: number;
}

interface Paths {
  readonly paths: readonly string[];
}

const kinds: Readonly<Record<string, string>> = {
  "google.protobuf.Any": "any",
  "google.protobuf.Duration": "duration",
  "google.protobuf.Timestamp": "timestamp",
  "google.protobuf.FieldMask": "fieldMask",
};

/** The rules of Any, Duration, Timestamp and FieldMask; the other types of google.protobuf have none. */
export function brokenWellKnown(
  { kind, rules }: FieldRules,
  { code, field, json, typeName }: { code: string; field: DescField; json: JsonScope; typeName: string },
): Broken[] {
  const expected = kinds[typeName];
  if (kind === undefined) return [];
  if (kind !== expected) throw refuse(field, `rules for ${expected ?? "nothing but required and ignore"}`, `rules for ${kind}`);
  const kit = (name: string): string => json.scope.kit("contract/validation-values", name, "value");
  if (kind === "any") return brokenAny(rules, code);
  if (kind === "fieldMask") return brokenPaths(rules, code, kit);
  const nanos = `${kit("nanosOf")}(${code})`;
  const notation = kind === "duration" ? durations : times;
  return [
    ...brokenConst(rules, { code: nanos, kind, notation }),
    ...brokenRange(rules, { code: nanos, kind, notation, field }),
    ...brokenLists(rules, { code: nanos, kind, notation }),
    ...(kind === "timestamp" ? brokenNow(rules, nanos) : []),
  ];
}

function brokenAny(rules: Rules, code: string): Broken[] {
  const { in: allowed, notIn: refused } = rules as { in?: readonly string[]; notIn?: readonly string[] };
  const among = (urls: readonly string[]): string => urls.map((url) => `${code}.typeUrl === ${JSON.stringify(url)}`).join(" || ");
  return [
    ...(allowed === undefined ? [] : [{ when: `!(${among(allowed)})`, id: "any.in", message: "type URL must be in the allow list" }]),
    ...(refused === undefined ? [] : [{ when: among(refused), id: "any.not_in", message: "type URL must not be in the block list" }]),
  ];
}

function brokenPaths(rules: Rules, code: string, kit: (name: string) => string): Broken[] {
  const { const: same, in: allowed, notIn: refused } = rules as { const?: Paths; in?: readonly string[]; notIn?: readonly string[] };
  const text = (paths: readonly string[]): string => `[${paths.join(", ")}]`;
  const call = (name: string, paths: readonly string[]): string => `${kit(name)}(${code}, ${JSON.stringify(paths)})`;
  const broken: Broken[] = [];
  if (same)
    broken.push({ when: `!${call("isSamePaths", same.paths)}`, id: "field_mask.const", message: `must equal paths ${text(same.paths)}` });
  if (allowed) {
    broken.push({ when: `!${call("holdsPaths", allowed)}`, id: "field_mask.in", message: `must only contain paths in ${text(allowed)}` });
  }
  if (refused) {
    const message = `must not contain any paths in ${text(refused)}`;
    broken.push({ when: call("holdsSomePath", refused), id: "field_mask.not_in", message });
  }
  return broken;
}

function brokenNow(rules: Rules, nanos: string): Broken[] {
  const now = "BigInt(at.nowMs) * 1_000_000n";
  const { lessThan, greaterThan, within } = rules as { lessThan?: Bound; greaterThan?: Bound; within?: Span };
  const broken: Broken[] = [];
  if (lessThan?.case === "ltNow" && lessThan.value === true) {
    broken.push({ when: `${nanos} > ${now}`, id: "timestamp.lt_now", message: "must be less than now" });
  }
  if (greaterThan?.case === "gtNow" && greaterThan.value === true) {
    broken.push({ when: `${nanos} < ${now}`, id: "timestamp.gt_now", message: "must be greater than now" });
  }
  if (within) {
    const span = durations.code(within);
    const when = `${nanos} < ${now} - ${span} || ${nanos} > ${now} + ${span}`;
    broken.push({ when, id: "timestamp.within", message: `must be within ${durations.text(within)} of now` });
  }
  return broken;
}

interface Bound {
  readonly case: string;
  readonly value: unknown;
}

const nanosCode = (value: unknown): string => {
  const { seconds, nanos } = value as Span;
  return `${seconds * 1_000_000_000n + BigInt(nanos)}n`;
};

const durations: Notation = {
  code: nanosCode,
  text(value) {
    const { seconds, nanos } = value as Span;
    const whole = seconds * 1_000_000_000n + BigInt(nanos);
    const size = whole < 0n ? -whole : whole;
    const rest = `${size % 1_000_000_000n}`.padStart(9, "0").replace(/0+$/, "");
    return `${whole < 0n ? "-" : ""}${size / 1_000_000_000n}${rest === "" ? "" : `.${rest}`}s`;
  },
};

const times: Notation = {
  code: nanosCode,
  text(value) {
    const { seconds, nanos } = value as Span;
    const rest = `${nanos}`.padStart(9, "0").replace(/0+$/, "");
    return new Date(Number(seconds) * 1000).toISOString().replace(".000Z", `${rest === "" ? "" : `.${rest}`}Z`);
  },
};
