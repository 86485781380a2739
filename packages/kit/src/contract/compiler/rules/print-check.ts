import type { DescField, DescMessage, Registry } from "@bufbuild/protobuf";
import { access, keyKindOf, valueKindOf } from "../field-kinds.ts";
import type { JsonScope } from "../json-scope.ts";
import { hasPresence, typeText } from "../print-types.ts";
import { localTypeName } from "../scope.ts";
import type { Broken } from "./print-number.ts";
import { brokenConst, brokenNumber } from "./print-number.ts";
import { brokenBytes, brokenText } from "./print-text.ts";
import { brokenWellKnown } from "./print-well-known.ts";
import type { FieldRules } from "./rules.ts";
import { hasRules, isRequiredOneof, oneofsOfMessage, refuse, rulesOfField, rulesWithin } from "./rules.ts";

interface Checking {
  readonly json: JsonScope;
  readonly registry: Registry;
}

/** The check of a message: a statement for each rule, in the order of its fields. Nothing when there are no rules, here or below. */
export function printCheck(desc: DescMessage, checking: Checking): string[] {
  const { json, registry } = checking;
  if (!hasRules(desc, registry)) return [];
  const lines = [
    ...desc.fields.flatMap((field) => checkField(field, checking)),
    ...oneofsOfMessage(desc, registry).flatMap(({ fields, required }) => {
      const set = fields.map((field) => `Number(${isSet(field)})`).join(" + ");
      const names = fields.map(({ name }) => name).join(", ");
      return [
        `if (${set} > 1) ${noted("", ["message.oneof", `only one of ${names} can be set`])}`,
        ...(required ? [`if (${set} === 0) ${noted("", ["message.oneof", `one of ${names} must be set`])}`] : []),
      ];
    }),
    ...desc.oneofs
      .filter((oneof) => isRequiredOneof(oneof, registry))
      .map((oneof) => {
        const message = "exactly one field is required in oneof";
        return `if (message${access(oneof.localName)}.case === undefined) ${noted(oneof.name, ["required", message])}`;
      }),
  ];
  const type = localTypeName(desc);
  return [
    `  validate: (message, nowMs) => ${json.scope.kit("contract/validation", "violationsOf", "value")}(${type}, message, { nowMs }),`,
    "  check(message, at) {",
    ...lines.map((line) => `    ${line}`),
    "  },",
  ];
}

function checkField(field: DescField, checking: Checking): string[] {
  const found = rulesOfField(field, checking.registry);
  const code = codeOf(field);
  // A member of a oneof is looked at only where it is the one.
  const value = field.oneof === undefined ? code : `${code}.value`;
  if (found.ignore === "always") {
    return [];
  }
  const inner =
    field.fieldKind === "list"
      ? checkList(field, found, checking)
      : field.fieldKind === "map"
        ? checkMap(field, found, checking)
        : checkValue(found, { code: value, field, checking, note: (rule) => noted(field.name, rule) });
  const absent = noted(field.name, ["required", "value is required"]);
  const isConditional = found.required || found.ignore === "zero" || mayBeAbsent(field);
  if (!isConditional) return inner;
  if (inner.length === 0) return found.required ? [`if (!(${isSet(field)})) ${absent}`] : [];
  const guarded = inner.length === 1 && !found.required ? [`if (${isSet(field)}) ${inner[0]}`] : block(`if (${isSet(field)})`, inner);
  return found.required ? [...guarded.slice(0, -1), `} else ${absent}`] : guarded;
}

interface Checked {
  readonly code: string;
  readonly field: DescField;
  readonly checking: Checking;
  note(rule: readonly [id: string, message: string]): string;
}

/** The rules of one value: a field's, an item's, an entry's. `subscript` is code for where it stands. */
function checkValue(found: FieldRules, checked: Checked, subscript?: string): string[] {
  const { field, code, checking, note } = checked;
  const value = valueKindOf(field);
  const statements = (broken: readonly Broken[]): string[] => broken.map(({ when, id, message }) => `if (${when}) ${note([id, message])}`);
  if (value.kind === "scalar") return statements(brokenScalar(found, checked, scalarRuleOf(field)));
  if (value.kind === "enum") {
    expectKind(found, "enum", field);
    const numbers = value.desc.values.map(({ number }) => `${code} !== ${number}`);
    const undefinedOnly: Broken[] =
      found.rules["definedOnly"] === true
        ? [
            {
              when: `${[...new Set(numbers)].join(" && ")}`,
              id: "enum.defined_only",
              message: "value must be one of the defined enum values",
            },
          ]
        : [];
    const number = `(${code} as number)`;
    const widened = undefinedOnly.map((one) => ({ ...one, when: one.when.replaceAll(`${code} !==`, `${number} !==`) }));
    return statements([...widened, ...brokenNumber(found.rules, { code: number, kind: "enum", field })]);
  }
  const { typeName } = value.desc;
  if (typeName.startsWith("google.protobuf.")) return statements(brokenWellKnown(found, { code, field, json: checking.json, typeName }));
  expectKind(found, undefined, field);
  if (!hasRules(value.desc, checking.registry)) return [];
  const type = checking.json.scope.type(value.desc, "value");
  return [
    `at.enter(${JSON.stringify(field.name)}${subscript === undefined ? "" : `, ${subscript}`});`,
    `${type}.check?.(${code}, at);`,
    "at.leave();",
  ];
}

function brokenScalar(found: FieldRules, { code, field, checking }: Omit<Checked, "note">, kind: string): Broken[] {
  expectKind(found, kind, field);
  const printing = { code, field, json: checking.json };
  if (kind === "string") return brokenText(found.rules, printing);
  if (kind === "bytes") return brokenBytes(found.rules, printing);
  if (kind === "bool") return brokenConst(found.rules, { code, kind, notation: { code: String, text: String } });
  return brokenNumber(found.rules, { code, kind, field });
}

function checkList(field: DescField & { fieldKind: "list" }, found: FieldRules, checking: Checking): string[] {
  expectKind(found, "repeated", field);
  const { rules } = found;
  const code = codeOf(field);
  const add = (when: string, id: string, message: string): string => `if (${when}) ${noted(field.name, [`repeated.${id}`, message])}`;
  const lines: string[] = [];
  const { minItems, maxItems, unique } = rules as { minItems?: bigint; maxItems?: bigint; unique?: boolean };
  if (minItems !== undefined) lines.push(add(`${code}.length < ${minItems}`, "min_items", `must contain at least ${minItems} item(s)`));
  if (maxItems !== undefined) lines.push(add(`${code}.length > ${maxItems}`, "max_items", `must contain no more than ${maxItems} item(s)`));
  const value = valueKindOf(field);
  if (unique === true) {
    if (value.kind === "message") throw refuse(field, "unique on a list of scalars or enums", value.desc.typeName);
    const isUnique = checking.json.scope.kit("contract/validation-values", "isUnique", "value");
    lines.push(add(`!${isUnique}(${code})`, "unique", "repeated value must contain unique items"));
  }
  const inner = rulesWithin(rules, "items", field);
  const note = (rule: readonly [string, string]): string => noted(field.name, rule, "index");
  const items = inner.ignore === "always" ? [] : checkValue(inner, { code: "item", field, checking, note }, "index");
  if (items.length === 0) return lines;
  const body = skippingZero(inner, { code: "item", field, lines: items });
  const head = `for (let index = 0; index < ${code}.length; index++)`;
  return [...lines, ...block(head, [`const item = ${code}[index] as ${typeText(value, checking.json.scope)};`, ...body])];
}

function checkMap(field: DescField & { fieldKind: "map" }, found: FieldRules, checking: Checking): string[] {
  expectKind(found, "map", field);
  const { rules } = found;
  const { scope } = checking.json;
  const code = codeOf(field);
  const entries = `${scope.kit("contract/validation-values", "entriesIn", "value")}(${code})`;
  const { minPairs, maxPairs } = rules as { minPairs?: bigint; maxPairs?: bigint };
  const lines: string[] = [];
  const add = (when: string, id: string, message: string): void =>
    void lines.push(`if (${when}) ${noted(field.name, [`map.${id}`, message])}`);
  if (minPairs !== undefined) add(`${entries} < ${minPairs}`, "min_pairs", `map must be at least ${minPairs} entries`);
  if (maxPairs !== undefined) add(`${entries} > ${maxPairs}`, "max_pairs", `map must be at most ${maxPairs} entries`);
  const { name } = keyKindOf(field.mapKey);
  const reader = { bool: "boolOfKey", int32: "numberOfKey", uint32: "numberOfKey", int64: "bigintOfKey", uint64: "bigintOfKey" }[
    name as string
  ];
  const key = reader === undefined ? "key" : `${scope.kit("contract/binary-map", reader, "value")}(key)`;
  const subscript = name === "int32" || name === "uint32" ? "BigInt(key)" : key;
  const keyRules = rulesWithin(rules, "keys", field);
  const valueRules = rulesWithin(rules, "values", field);
  const keyNote = ([id, message]: readonly [string, string]): string =>
    `at.addKey(${JSON.stringify(field.name)}, [${JSON.stringify(id)}, ${JSON.stringify(message)}], ${subscript});`;
  const body: string[] = [];
  if (keyRules.ignore !== "always") {
    const kind = scalarNames[field.mapKey] ?? "";
    const broken = brokenScalar(keyRules, { code: key, field, checking }, kind).map(
      ({ when, id, message }) => `if (${when}) ${keyNote([id, message])}`,
    );
    const zero = { string: '""', bool: "false", int64: "0n", uint64: "0n" }[name as string] ?? "0";
    body.push(...(keyRules.ignore === "zero" && broken.length > 0 ? block(`if (${key} !== ${zero})`, broken) : broken));
  }
  if (valueRules.ignore !== "always") {
    const note = (rule: readonly [string, string]): string => noted(field.name, rule, subscript);
    const values = checkValue(valueRules, { code: "value", field, checking, note }, subscript);
    if (values.length > 0) {
      body.push(`const value = ${code}[key] as ${typeText(valueKindOf(field), scope)};`);
      body.push(...skippingZero(valueRules, { code: "value", field, lines: values }));
    }
  }
  return body.length === 0 ? lines : [...lines, ...block(`for (const key of Object.keys(${code}))`, body)];
}

function skippingZero(
  { ignore }: FieldRules,
  { code, field, lines }: { code: string; field: DescField; lines: readonly string[] },
): string[] {
  const value = valueKindOf(field);
  if (ignore !== "zero" || value.kind === "message" || field.message !== undefined) return [...lines];
  // In lists and maps -0 is zero too, to protovalidate; as a field it is not.
  const isNumber = value.kind === "scalar" && value.scalar.zero === "0";
  return block(`if (${isNumber ? `${code} !== 0` : notZero(code, field)})`, lines);
}

/** Whether a field has something, as code: it is there, or else it is not at its default. */
function isSet(field: DescField): string {
  const code = codeOf(field);
  if (field.oneof !== undefined) return `${code}.case === ${JSON.stringify(field.localName)}`;
  if (field.fieldKind === "list") return `${code}.length !== 0`;
  if (field.fieldKind === "map") return `Object.keys(${code}).length !== 0`;
  return hasPresence(field) ? `${code} !== undefined` : notZero(code, field);
}

function notZero(code: string, field: DescField): string {
  const value = valueKindOf(field);
  if (value.kind === "enum") return `${code} !== ${value.desc.values[0]?.number ?? 0}`;
  if (value.kind === "message") return `${code} !== undefined`;
  const { name, zero } = value.scalar;
  if (name === "bytes") return `${code}.length !== 0`;
  if (name === "bool") return code;
  return name === "double" || name === "float" ? `!Object.is(${code}, 0)` : `${code} !== ${zero}`;
}

function mayBeAbsent(field: DescField): boolean {
  return field.oneof !== undefined || hasPresence(field);
}

function codeOf(field: DescField): string {
  return `message${access((field.oneof ?? field).localName)}`;
}

function noted(name: string, [id, message]: readonly [string, string], subscript?: string): string {
  const where = subscript === undefined ? "" : `, ${subscript}`;
  return `at.add(${JSON.stringify(name)}, [${JSON.stringify(id)}, ${JSON.stringify(message)}]${where});`;
}

function block(head: string, lines: readonly string[]): string[] {
  return [`${head} {`, ...lines.map((line) => `  ${line}`), "}"];
}

const scalarNames: Readonly<Record<number, string>> = {
  1: "double",
  2: "float",
  3: "int64",
  4: "uint64",
  5: "int32",
  6: "fixed64",
  7: "fixed32",
  8: "bool",
  9: "string",
  12: "bytes",
  13: "uint32",
  15: "sfixed32",
  16: "sfixed64",
  17: "sint32",
  18: "sint64",
};

/** Which kind of rules a scalar has: its own name, or that of what a wrapper wraps. */
function scalarRuleOf(field: DescField): string {
  return scalarNames[field.scalar ?? field.message?.fields[0]?.scalar ?? 0] ?? "";
}

function expectKind({ kind }: FieldRules, expected: string | undefined, field: DescField): void {
  if (kind !== undefined && kind !== expected)
    throw refuse(field, `rules for ${expected ?? "nothing but required and ignore"}`, `rules for ${kind}`);
}
