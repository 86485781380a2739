import type { DescEnum, DescField, DescFile, DescMessage, DescOneof } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import type { Commented } from "./comments.ts";
import { commentOf, fileCommentOf } from "./comments.ts";
import type { ValueKind } from "./field-kinds.ts";
import { keyText, valueKindOf } from "./field-kinds.ts";
import type { Scope } from "./scope.ts";
import { localTypeName } from "./scope.ts";

/** The doc comment of something in a contract, taken from the comment above it, or else from the one beside it. */
export function printComment(desc: Commented, indent = ""): string[] {
  const lines = commentOf(desc).map((line) => line.replaceAll("*/", "*\\/"));
  if ("deprecated" in desc && desc.deprecated) lines.push("@deprecated The contract marks it so.");
  const [first] = lines;
  if (first === undefined) return [];
  if (lines.length === 1) return [`${indent}/** ${first.trimStart()} */`];
  return [`${indent}/**`, ...lines.map((line) => `${indent} *${line === "" ? "" : ` ${line}`}`), `${indent} */`];
}

/** What a contract says of itself, above its first line or above its package. */
export function printFileComment(file: DescFile): string[] {
  return fileCommentOf(file).map((line) => `// ${line}`.trimEnd());
}

/** An enum: a const object with the shared prefix stripped, and the union of its numbers. */
export function printEnum(desc: DescEnum): string[] {
  const name = localTypeName(desc);
  return [
    ...printComment(desc),
    `export const ${name} = {`,
    ...desc.values.flatMap((value) => [...printComment(value, "  "), `  ${keyText(enumKey(value.localName))}: ${value.number},`]),
    "} as const;",
    `export type ${name} = (typeof ${name})[keyof typeof ${name}];`,
    "",
  ];
}

/** A message as an interface. */
export function printInterface(desc: DescMessage, scope: Scope): string[] {
  if (desc.members.length === 0) return [...printComment(desc), `export type ${localTypeName(desc)} = Record<never, never>;`, ""];
  return [
    ...printComment(desc),
    `export interface ${localTypeName(desc)} {`,
    ...desc.members.flatMap((member) => printMember(member, scope)),
    "}",
    "",
  ];
}

/** The TypeScript type of one value. */
export function typeText(value: ValueKind, scope: Scope): string {
  if (value.kind === "scalar") return value.scalar.type;
  return scope.type(value.desc, "type");
}

/** Whether a singular field is absent by default, and then undefined. */
export function hasPresence(field: DescField): boolean {
  return (
    field.fieldKind === "message" ||
    (field.fieldKind !== "list" && field.fieldKind !== "map" && field.presence !== FeatureSet_FieldPresence.IMPLICIT)
  );
}

function printMember(member: DescField | DescOneof, scope: Scope): string[] {
  const comment = printComment(member, "  ");
  if (member.kind === "oneof") {
    const cases = member.fields.map((field) =>
      [
        ...printComment(field, "    "),
        `    | { case: ${JSON.stringify(field.localName)}; value: ${typeText(valueKindOf(field), scope)} }`,
      ].join("\n"),
    );
    return [...comment, `  ${keyText(member.localName)}:`, ...cases, "    | { case: undefined; value?: undefined };"];
  }
  const type = typeText(valueKindOf(member), scope);
  const name = keyText(member.localName);
  if (member.fieldKind === "list") return [...comment, `  ${name}: ${type}[];`];
  if (member.fieldKind === "map") return [...comment, `  ${name}: Record<string, ${type}>;`];
  return [...comment, hasPresence(member) ? `  ${name}?: ${type} | undefined;` : `  ${name}: ${type};`];
}

function enumKey(name: string): string {
  return name.replace(/\$$/, "");
}
