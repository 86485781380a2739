import type { DescField, DescMessage } from "@bufbuild/protobuf";
import type { ValueKind } from "./field-kinds.ts";
import { access, keyText, valueKindOf } from "./field-kinds.ts";
import type { JsonScope } from "./json-scope.ts";
import { enumTable, helper } from "./json-scope.ts";
import { hasPresence } from "./print-types.ts";

/** The writer of a message: one object literal of constant shape, in which absent fields are undefined. */
export function printDraft(desc: DescMessage, json: JsonScope): string[] {
  if (desc.fields.length === 0) return ["  jsonDraft: () => ({}),"];
  return [
    "  jsonDraft: (message) => ({",
    ...desc.fields.map((field) => `    ${keyText(field.jsonName)}: ${draftText(field, json)},`),
    "  }),",
  ];
}

function draftText(field: DescField, json: JsonScope): string {
  const value = valueKindOf(field);
  const code = `message${access((field.oneof ?? field).localName)}`;
  const writer = writerOf(value, json);
  if (field.oneof !== undefined) return `${code}.case === ${JSON.stringify(field.localName)} ? ${writer}(${code}.value) : undefined`;
  if (field.fieldKind === "list") return `${code}.length === 0 ? undefined : ${code}.map(${writer})`;
  if (field.fieldKind === "map") return `${helper(json, "mapJson")}(${code}, ${writer})`;
  return `${absence(field, value, code)} ? undefined : ${writer}(${code})`;
}

function writerOf(value: ValueKind, json: JsonScope): string {
  if (value.kind === "scalar") return helper(json, `${value.scalar.name === "float" ? "double" : value.scalar.name}Json`);
  return value.kind === "enum" ? `${enumTable(json, value.desc)}.json` : `${json.scope.type(value.desc, "value")}.jsonDraft`;
}

function absence(field: DescField, value: ValueKind, code: string): string {
  if (hasPresence(field) || value.kind === "message") return `${code} === undefined`;
  if (value.kind === "enum") return `${code} === ${value.desc.values[0]?.number ?? 0}`;
  return value.scalar.name === "bytes" ? `${code}.length === 0` : `${code} === ${value.scalar.zero}`;
}
