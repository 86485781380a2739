import type { DescEnum, DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import type { ValueKind } from "./field-kinds.ts";
import { access, keyKindOf, keyText, takesNull, valueKindOf } from "./field-kinds.ts";
import { hasPresence } from "./print-types.ts";
import type { Scope } from "./scope.ts";
import { localTypeName } from "./scope.ts";

/** Prints the readers and writers of the messages of one file, and the tables of the enums that they use. */
export interface JsonPrinter {
  message(desc: DescMessage): string[];
  enumTables(): string[];
}

/** Opens the printing of JSON code into a scope. */
export function createJsonPrinter(scope: Scope): JsonPrinter {
  const tables = new Map<DescEnum, string>();
  const helper = (name: string): string => scope.kit("contract/json", name, "value");

  function table(desc: DescEnum): string {
    if (desc.typeName === "google.protobuf.NullValue") return scope.kit("contract/well-known", "nullValueJson", "value");
    const known = tables.get(desc);
    if (known !== undefined) return known;
    const name = localTypeName(desc);
    const fresh = scope.fresh(`${name.charAt(0).toLowerCase()}${name.slice(1)}Json`);
    tables.set(desc, fresh);
    return fresh;
  }

  function valueText(value: ValueKind, code: string): string {
    if (value.kind === "scalar") return `${helper(`${value.scalar.name === "float" ? "double" : value.scalar.name}Text`)}(${code})`;
    return value.kind === "enum" ? `${table(value.desc)}.text(${code})` : `${scope.type(value.desc, "value")}.toJson(${code})`;
  }

  function valueFrom(value: ValueKind, code: string): string {
    if (value.kind === "scalar") return `${helper(`${value.scalar.name}From`)}(${code}, at)`;
    if (value.kind === "enum") return `${table(value.desc)}.from(${code}, at) as ${scope.type(value.desc, "type")}`;
    return `${scope.type(value.desc, "value")}.fromJson(${code}, at)`;
  }

  function create(desc: DescMessage): string[] {
    if (desc.members.length === 0) return ["  create: () => ({}),"];
    return ["  create: (init) => ({", ...desc.members.map((member) => `    ${keyText(member.localName)}: init?${optional(member.localName)}${initial(member)},`), "  }),"];
  }

  function initial(member: DescField | DescOneof): string {
    if (member.kind === "oneof") return " ?? { case: undefined }";
    if (member.fieldKind === "list") return " ?? []";
    if (member.fieldKind === "map") return ` ?? ${helper("createMap")}()`;
    if (hasPresence(member)) return "";
    const value = valueKindOf(member);
    if (value.kind === "scalar") return ` ?? ${value.scalar.zero}`;
    return ` ?? ${value.kind === "enum" ? (value.desc.values[0]?.number ?? 0) : "undefined"}`;
  }

  /** Adds `"name":` and what follows to the text, with a comma unless it is the first. */
  function add(field: DescField, code: string): string {
    const name = JSON.stringify(field.jsonName);
    return `text += (text.length > 1 ? ${quoted(`,${name}:`)} : ${quoted(`${name}:`)}) + ${code};`;
  }

  function writeField(field: DescField): string[] {
    const value = valueKindOf(field);
    const code = `message${access(field.localName)}`;
    if (field.fieldKind === "list") {
      return [
        `    if (${code}.length > 0) {`,
        `      let items = "";`,
        `      for (const item of ${code}) items += (items === "" ? "" : ",") + ${valueText(value, "item")};`,
        `      ${add(field, `"[" + items + "]"`)}`,
        "    }",
      ];
    }
    if (field.fieldKind === "map") {
      return [
        "    {",
        `      let items = "";`,
        `      for (const key of Object.keys(${code})) items += (items === "" ? "" : ",") + ${helper("stringText")}(key) + ":" + ${valueText(value, `${code}[key]!`)};`,
        `      if (items !== "") ${add(field, `"{" + items + "}"`)}`,
        "    }",
      ];
    }
    return [`    if (${isSet(field, value, code)}) ${add(field, valueText(value, code))}`];
  }

  function isSet(field: DescField, value: ValueKind, code: string): string {
    if (hasPresence(field)) return `${code} !== undefined`;
    if (value.kind !== "scalar") return `${code} !== ${value.kind === "enum" ? (value.desc.values[0]?.number ?? 0) : "undefined"}`;
    if (value.scalar.name === "bytes") return `${code}.length > 0`;
    const isFloating = value.scalar.name === "double" || value.scalar.name === "float";
    return isFloating ? `!Object.is(${code}, 0)` : `${code} !== ${value.scalar.zero}`;
  }

  function writeMember(member: DescField | DescOneof): string[] {
    if (member.kind === "field") return writeField(member);
    const code = `message${access(member.localName)}`;
    return [
      `    switch (${code}.case) {`,
      ...member.fields.flatMap((field) => [
        `      case ${JSON.stringify(field.localName)}:`,
        `        ${add(field, valueText(valueKindOf(field), `${code}.value`))}`,
        "        break;",
      ]),
      "    }",
    ];
  }

  function readField(field: DescField): string[] {
    const value = valueKindOf(field);
    const names = [...new Set([field.jsonName, field.name])].map((name) => JSON.stringify(name));
    const [json, proto] = names;
    return [
      ...names.map((name) => `        case ${name}:`),
      ...(proto === undefined ? [] : [`          if (key === ${proto} && Object.hasOwn(object, ${json})) throw ${helper("fieldTwice")}(at, ${quoted(json ?? "")});`]),
      ...(takesNull(value) && field.fieldKind !== "list" && field.fieldKind !== "map" ? [] : ["          if (value === null) break;"]),
      ...readValue(field, value).map((line) => `          ${line}`),
      "          break;",
    ];
  }

  function readValue(field: DescField, value: ValueKind): string[] {
    const code = `message${access((field.oneof ?? field).localName)}`;
    if (field.oneof !== undefined) {
      return [
        `if (${code}.case !== undefined) throw ${helper("fieldTwice")}(at, ${JSON.stringify(`the oneof ${field.oneof.name}`)});`,
        `${code} = { case: ${JSON.stringify(field.localName)}, value: ${valueFrom(value, "value")} };`,
      ];
    }
    if (field.fieldKind === "list") {
      return [
        `for (const item of ${helper("listFrom")}(value, at)) {`,
        `  at.item = ${code}.length;`,
        `  ${code}.push(${valueFrom(value, "item")});`,
        "}",
        "at.item = undefined;",
      ];
    }
    if (field.fieldKind !== "map") return [`${code} = ${valueFrom(value, "value")};`];
    const kind = keyKindOf(field.mapKey).name;
    const key = kind === "string" ? "item" : `${helper(`${kind}KeyFrom`)}(item, at)`;
    return [
      "{",
      `  const entries = ${helper("objectFrom")}(value, at);`,
      "  for (const item in entries) {",
      "    at.item = item;",
      `    ${code}[${key}] = ${valueFrom(value, `entries[item] as ${scope.kit("contract", "JsonValue", "type")}`)};`,
      "  }",
      "  at.item = undefined;",
      "}",
    ];
  }

  function message(desc: DescMessage): string[] {
    const name = localTypeName(desc);
    return [
      `export const ${name}: ${scope.kit("contract", "MessageType", "type")}<${name}> = {`,
      `  typeName: ${JSON.stringify(desc.typeName)},`,
      ...create(desc),
      ...(desc.fields.length === 0 ? [`  toJson: () => "{}",`] : ["  toJson(message) {", `    let text = "{";`, ...desc.members.flatMap(writeMember), `    return text + "}";`, "  },"]),
      ...fromJson(desc, name),
      "};",
      "",
    ];
  }

  function fromJson(desc: DescMessage, name: string): string[] {
    const unknown = `throw ${helper("fieldUnknown")}(at, ${JSON.stringify(desc.typeName)});`;
    const isEmpty = desc.fields.length === 0;
    return [
      "  fromJson(json, above) {",
      `    const object = ${helper("objectFrom")}(json, above);`,
      `    const at = ${helper("placeBelow")}(above);`,
      `    const message = ${name}.create();`,
      "    for (const key in object) {",
      ...(isEmpty ? [] : [`      const value = object[key] as ${scope.kit("contract", "JsonValue", "type")};`]),
      "      at.field = key;",
      ...(isEmpty
        ? [`      ${unknown}`]
        : ["      switch (key) {", ...desc.fields.flatMap(readField), "        default:", `          ${unknown}`, "      }"]),
      "    }",
      "    return message;",
      "  },",
    ];
  }

  function enumTables(): string[] {
    return [...tables].flatMap(([desc, name]) => [
      `const ${name} = ${helper("createEnumJson")}({`,
      `  typeName: ${JSON.stringify(desc.typeName)},`,
      `  open: ${desc.open},`,
      "  names: [",
      ...desc.values.flatMap((value) => [...new Set([value.jsonName, value.name])].map((text) => `    [${JSON.stringify(text)}, ${value.number}],`)),
      "  ],",
      "});",
      "",
    ]);
  }

  return { message, enumTables };
}

function optional(name: string): string {
  const code = access(name);
  return code.startsWith(".") ? code : `.${code}`;
}

/** A literal in the quotes that need no escape. */
function quoted(text: string): string {
  return text.includes('"') && !/['\\]/.test(text) ? `'${text}'` : JSON.stringify(text);
}
