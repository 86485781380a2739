import type { DescField } from "@bufbuild/protobuf";
import type { ValueKind } from "./field-kinds.ts";
import { access, keyKindOf, takesNull, valueKindOf } from "./field-kinds.ts";
import type { JsonScope } from "./json-scope.ts";
import { enumTable, helper, jsonValueType } from "./json-scope.ts";

/** The case of a field in the reader of its message: both of its names, null as default, then its value. */
export function printField(field: DescField, json: JsonScope): string[] {
  const value = valueKindOf(field);
  const name = JSON.stringify(field.jsonName);
  const proto = JSON.stringify(field.name);
  const isSingular = field.fieldKind !== "list" && field.fieldKind !== "map";
  return [
    `        case ${name}:`,
    ...(proto === name
      ? []
      : [
          `        case ${proto}:`,
          `          if (key === ${proto} && Object.hasOwn(object, ${name})) throw ${helper(json, "fieldTwice")}(at, ${name});`,
        ]),
    ...(takesNull(value) && isSingular ? [] : ["          if (value === null) break;"]),
    ...printValue(field, value, json).map((line) => `          ${line}`),
    "          break;",
  ];
}

function printValue(field: DescField, value: ValueKind, json: JsonScope): string[] {
  const target = `message${access((field.oneof ?? field).localName)}`;
  if (field.oneof !== undefined) {
    return [
      `if (${target}.case !== undefined) throw ${helper(json, "fieldTwice")}(at, ${JSON.stringify(`the oneof ${field.oneof.name}`)});`,
      `${target} = { case: ${JSON.stringify(field.localName)}, value: ${readerText(value, "value", json)} };`,
    ];
  }
  if (field.fieldKind === "list") {
    return [
      `for (const item of ${helper(json, "listFrom")}(value, at)) {`,
      `  at.item = ${target}.length;`,
      `  ${target}.push(${readerText(value, "item", json)});`,
      "}",
      "at.item = undefined;",
    ];
  }
  if (field.fieldKind !== "map") return [`${target} = ${readerText(value, "value", json)};`];
  const kind = keyKindOf(field.mapKey).name;
  const key = kind === "string" ? "item" : `${helper(json, `${kind}KeyFrom`)}(item, at)`;
  return [
    "{",
    `  const entries = ${helper(json, "objectFrom")}(value, at);`,
    "  for (const item in entries) {",
    "    at.item = item;",
    `    ${target}[${key}] = ${readerText(value, `entries[item] as ${jsonValueType(json)}`, json)};`,
    "  }",
    "  at.item = undefined;",
    "}",
  ];
}

function readerText(value: ValueKind, code: string, json: JsonScope): string {
  if (value.kind === "scalar") return `${helper(json, `${value.scalar.name}From`)}(${code}, at)`;
  if (value.kind === "enum") return `${enumTable(json, value.desc)}.from(${code}, at) as ${json.scope.type(value.desc, "type")}`;
  return `${json.scope.type(value.desc, "value")}.fromJson(${code}, at)`;
}
