import type { DescField } from "@bufbuild/protobuf";
import type { Rules } from "./rules.ts";
import { refuse } from "./rules.ts";

/** A rule as code: when it is broken, its id, what is said. */
export interface Broken {
  readonly when: string;
  readonly id: string;
  readonly message: string;
}

/** How values of a kind are written as code and as text. */
export interface Notation {
  code(value: unknown): string;
  text(value: unknown): string;
}

const signs = { gt: ">", gte: ">=", lt: "<", lte: "<=" } as const;
const words = { gt: "greater than", gte: "greater than or equal to", lt: "less than", lte: "less than or equal to" } as const;

/** A number or a bigint. */
export const numbers: Notation = {
  code: (value) => (typeof value === "bigint" ? `${value}n` : Object.is(value, -0) ? "0" : String(value)),
  text: String,
};

/** The rules of every kind of number, of enums and of bools. `code` is the value. */
export function brokenNumber(rules: Rules, { code, kind, field }: { code: string; kind: string; field: DescField }): Broken[] {
  return [
    ...brokenConst(rules, { code, kind, notation: numbers }),
    ...brokenRange(rules, { code, kind, notation: numbers, field }),
    ...brokenLists(rules, { code, kind, notation: numbers }),
    ...(rules["finite"] === true ? [{ when: `!Number.isFinite(${code})`, id: `${kind}.finite`, message: "must be finite" }] : []),
  ];
}

interface Valued {
  readonly code: string;
  readonly kind: string;
  readonly notation: Notation;
}

/** The rule const. */
export function brokenConst(rules: Rules, { code, kind, notation }: Valued): Broken[] {
  const value = rules["const"];
  if (value === undefined) return [];
  return [{ when: `${code} !== ${notation.code(value)}`, id: `${kind}.const`, message: `must equal ${notation.text(value)}` }];
}

/** The rules lt, lte, gt and gte, which count together: a lower bound above the upper one excludes what lies between them. */
export function brokenRange(rules: Rules, { code, kind, notation, field }: Valued & { field: DescField }): Broken[] {
  const bound = (name: string): { sign: keyof typeof signs; value: unknown } | undefined => {
    const found = rules[name] as { case: string; value: unknown } | undefined;
    if (found === undefined || !(found.case in signs)) return undefined;
    if (Number.isNaN(found.value)) throw refuse(field, `a number as ${kind}.${found.case}`, "nan");
    return { sign: found.case as keyof typeof signs, value: found.value };
  };
  const [low, high] = [bound("greaterThan"), bound("lessThan")];
  const holds = ({ sign, value }: NonNullable<typeof low>): string => `${code} ${signs[sign]} ${notation.code(value)}`;
  const says = ({ sign, value }: NonNullable<typeof low>): string => `${words[sign]} ${notation.text(value)}`;
  const only = low ?? high;
  if (only === undefined) return [];
  if (low === undefined || high === undefined)
    return [{ when: `!(${holds(only)})`, id: `${kind}.${only.sign}`, message: `must be ${says(only)}` }];
  const isExclusive = comparable(high.value) < comparable(low.value);
  return [
    {
      when: `!(${holds(low)} ${isExclusive ? "||" : "&&"} ${holds(high)})`,
      id: `${kind}.${low.sign}_${high.sign}${isExclusive ? "_exclusive" : ""}`,
      message: `must be ${says(low)} ${isExclusive ? "or" : "and"} ${says(high)}`,
    },
  ];
}

/** The rules in and not_in. */
export function brokenLists(rules: Rules, { code, kind, notation }: Valued): Broken[] {
  const listed = (values: readonly unknown[]): string => values.map((value) => `${code} === ${notation.code(value)}`).join(" || ");
  const text = (values: readonly unknown[]): string => `[${values.map((value) => notation.text(value)).join(", ")}]`;
  const { in: allowed, notIn: refused } = rules as { in?: readonly unknown[]; notIn?: readonly unknown[] };
  return [
    ...(allowed === undefined ? [] : [{ when: `!(${listed(allowed)})`, id: `${kind}.in`, message: `must be in list ${text(allowed)}` }]),
    ...(refused === undefined ? [] : [{ when: listed(refused), id: `${kind}.not_in`, message: `must not be in list ${text(refused)}` }]),
  ];
}

function comparable(value: unknown): number | bigint {
  if (typeof value === "number" || typeof value === "bigint") return value;
  const { seconds, nanos } = value as { seconds: bigint; nanos: number };
  return seconds * 1_000_000_000n + BigInt(nanos);
}
