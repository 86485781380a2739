import type { DescField, DescMessage, DescOneof, Registry } from "@bufbuild/protobuf";
import { access, keyText, valueKindOf } from "./field-kinds.ts";
import type { JsonScope } from "./json-scope.ts";
import { helper, jsonValueType } from "./json-scope.ts";
import { printDraft } from "./print-draft.ts";
import { printRead } from "./print-read.ts";
import { printField } from "./print-reader.ts";
import { hasPresence } from "./print-types.ts";
import { printWrite } from "./print-write.ts";
import { printCheck } from "./rules/print-check.ts";
import { localTypeName } from "./scope.ts";

/** The constant of a message: its name, its defaults, its writer and its reader of JSON, those of binary, and the check of its rules. */
export function printMessageType(desc: DescMessage, json: JsonScope, registry: Registry): string[] {
  const name = localTypeName(desc);
  return [
    `export const ${name}: ${json.scope.kit("contract", "MessageType", "type")}<${name}> = {`,
    `  typeName: ${JSON.stringify(desc.typeName)},`,
    ...printCreate(desc, json),
    `  toJson: (message) => JSON.stringify(${name}.jsonDraft(message)),`,
    ...printDraft(desc, json),
    ...printFromJson(desc, json),
    `  toBinary: (message) => ${json.scope.kit("contract/binary-writer", "bytesFromMessage", "value")}(${name}, message),`,
    `  fromBinary: (bytes) => ${json.scope.kit("contract/binary-reader", "messageFromBytes", "value")}(${name}, bytes),`,
    ...printWrite(desc, json),
    ...printRead(desc, json),
    ...printCheck(desc, { json, registry }),
    "};",
    "",
  ];
}

function printCreate(desc: DescMessage, json: JsonScope): string[] {
  if (desc.members.length === 0) return ["  create: () => ({}),"];
  const fields = desc.members.map((member) => {
    const name = access(member.localName);
    return `    ${keyText(member.localName)}: init?${name.startsWith(".") ? name : `.${name}`}${defaultText(member, json)},`;
  });
  return ["  create: (init) => ({", ...fields, "  }),"];
}

function defaultText(member: DescField | DescOneof, json: JsonScope): string {
  if (member.kind === "oneof") return " ?? { case: undefined }";
  if (member.fieldKind === "list") return " ?? []";
  if (member.fieldKind === "map") return ` ?? ${helper(json, "createMap")}()`;
  if (hasPresence(member)) return "";
  const value = valueKindOf(member);
  if (value.kind === "scalar") return ` ?? ${value.scalar.zero}`;
  return ` ?? ${value.kind === "enum" ? (value.desc.values[0]?.number ?? 0) : "undefined"}`;
}

function printFromJson(desc: DescMessage, json: JsonScope): string[] {
  const unknown = `${helper(json, "fieldUnknown")}(at, ${JSON.stringify(desc.typeName)});`;
  const cases =
    desc.fields.length === 0
      ? ["      at.field = key;", `      ${unknown}`]
      : [
          `      const value = object[key] as ${jsonValueType(json)};`,
          "      at.field = key;",
          "      switch (key) {",
          ...desc.fields.flatMap((field) => printField(field, json)),
          "        default:",
          `          ${unknown}`,
          "      }",
        ];
  return [
    "  fromJson(json, above) {",
    `    const object = ${helper(json, "objectFrom")}(json, above);`,
    `    const at = ${helper(json, "placeBelow")}(above);`,
    `    const message = ${localTypeName(desc)}.create();`,
    "    for (const key in object) {",
    ...cases,
    "    }",
    "    return message;",
    "  },",
  ];
}
