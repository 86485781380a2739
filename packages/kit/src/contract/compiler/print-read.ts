import type { DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import type { BinaryKind } from "./binary-fields.ts";
import { binaryKindOf, binaryScalarOf, isPackable, tagOf, variablesOf, wireOf } from "./binary-fields.ts";
import { access, keyKindOf, keyText, valueKindOf } from "./field-kinds.ts";
import type { JsonScope } from "./json-scope.ts";
import { enumTable, helper } from "./json-scope.ts";
import { hasPresence, typeText } from "./print-types.ts";
import { localTypeName } from "./scope.ts";

type Variables = ReadonlyMap<string, string>;

/**
 * The binary reader of a message: a variable for each member, a case for each tag, then the message as one literal of
 * the same shape as `create` gives. (Variables because numbers in an object under construction are boxed.)
 */
export function printRead(desc: DescMessage, json: JsonScope): string[] {
  if (desc.fields.length === 0) {
    return [
      "  read(reader, end) {",
      "    while (reader.at < end) reader.skip(reader.tag());",
      "    reader.close(end);",
      "    return {};",
      "  },",
    ];
  }
  const variables = variablesOf(desc);
  const members = desc.members.map((member) => {
    const key = keyText(member.localName);
    const variable = variables.get(member.localName) ?? "";
    return key === variable ? key : `${key}: ${variable}`;
  });
  return [
    "  read(reader, end, into) {",
    ...desc.members.map((member) => `    ${declaration(member, variables, json)}`),
    "    while (reader.at < end) {",
    "      const tag = reader.tag();",
    "      switch (tag) {",
    ...desc.fields.flatMap((field) => printField(field, variables, json)).map((line) => `        ${line}`),
    "        default:",
    "          reader.skip(tag);",
    "      }",
    "    }",
    "    reader.close(end);",
    `    return { ${members.join(", ")} };`,
    "  },",
  ];
}

function declaration(member: DescField | DescOneof, variables: Variables, json: JsonScope): string {
  const { localName } = member;
  const property = access(localName);
  const before = `into?${property.startsWith(".") ? property : `.${property}`}`;
  const variable = variables.get(localName) ?? "";
  const type = `${localTypeName(member.parent)}[${JSON.stringify(localName)}]`;
  if (member.kind === "oneof") return `let ${variable}: ${type} = ${before} ?? { case: undefined };`;
  if (member.fieldKind === "list") return `const ${variable}: ${type} = ${before} ?? [];`;
  if (member.fieldKind === "map") return `const ${variable}: ${type} = ${before} ?? ${helper(json, "createMap")}();`;
  const value = valueKindOf(member);
  if (hasPresence(member) || value.kind === "message") return `let ${variable} = ${before};`;
  if (value.kind === "enum") return `let ${variable}: ${type} = ${before} ?? ${value.desc.values[0]?.number ?? 0};`;
  const zero = value.scalar.name === "bytes" ? json.scope.kit("contract/binary-reader", "emptyBytes", "value") : value.scalar.zero;
  return `let ${variable} = ${before} ?? ${zero};`;
}

function printField(field: DescField, variables: Variables, json: JsonScope): string[] {
  const kind = binaryKindOf(field, json);
  const variable = variables.get((field.oneof ?? field).localName) ?? "";
  if (field.fieldKind === "map") return printMap(field, { kind, variable, json });
  const tag = tagOf(field.number, wireOf(kind));
  if (field.fieldKind !== "list") {
    const before =
      field.oneof === undefined ? variable : `${variable}.case === ${JSON.stringify(field.localName)} ? ${variable}.value : undefined`;
    const assigned = (code: string): string =>
      field.oneof === undefined ? `${variable} = ${code};` : `${variable} = { case: ${JSON.stringify(field.localName)}, value: ${code} };`;
    return printCase(tag, printValue(field, { kind, tag, before, json }, assigned));
  }
  const value = printValue(field, { kind, tag, before: undefined, json }, (code) => `${variable}.push(${code});`);
  if (!isPackable(kind)) return printCase(tag, value);
  const packed = [
    "const stop = reader.span();",
    ...(value.length === 1
      ? [`while (reader.at < stop) ${value[0]}`]
      : ["while (reader.at < stop) {", ...value.map((line) => `  ${line}`), "}"]),
    "reader.done(stop);",
  ];
  return [...printCase(tag, value), ...printCase(tagOf(field.number, 2), packed)];
}

interface Value {
  readonly kind: BinaryKind;
  readonly tag: number;
  /** What the field held before, as code, for a message to merge. */
  readonly before: string | undefined;
  readonly json: JsonScope;
}

/** Reads one value and does with it what `use` says, unless it is a number that a closed enum does not have. */
function printValue(field: DescField, { kind, tag, before, json }: Value, use: (code: string) => string): string[] {
  if (kind.kind === "wrapper") return [use(`${kind.codec}.read(reader${before === undefined ? "" : `, ${before}`})`)];
  if (kind.kind === "message") {
    const merged = before === undefined ? "" : `, ${before}`;
    if (!kind.delimited) return [use(`${kind.type}.read(reader, reader.open()${merged})`)];
    return [use(`${kind.type}.read(reader, reader.openGroup(${tag})${merged})`), "reader.tag();"];
  }
  const code = `reader.${kind.scalar.method}()`;
  const value = valueKindOf(field);
  if (value.kind !== "enum") return [use(code)];
  const type = json.scope.type(value.desc, "type");
  if (value.desc.open) return [use(`${code} as ${type}`)];
  return [`const value = ${code};`, `if (${enumTable(json, value.desc)}.has(value)) ${use(`value as ${type}`)}`];
}

function printMap(
  field: DescField & { fieldKind: "map" },
  { kind, variable, json }: { kind: BinaryKind; variable: string; json: JsonScope },
): string[] {
  const key = binaryScalarOf(field.mapKey);
  const keyKind = keyKindOf(field.mapKey);
  const value = valueKindOf(field);
  const type = typeText(value, json.scope);
  const isMessage = value.kind === "message";
  const isClosed = value.kind === "enum" && !value.desc.open;
  const zero = value.kind === "scalar" ? value.scalar.zero : value.kind === "enum" ? `${value.desc.values[0]?.number ?? 0}` : "undefined";
  const code = isClosed ? "reader.int32()" : "";
  const tag = tagOf(2, wireOf(kind));
  const read = isClosed
    ? [`value = ${code};`]
    : printValue(field, { kind, tag, before: isMessage ? "value" : undefined, json }, (one) => `value = ${one};`);
  const store = `${variable}[${keyKind.name === "string" ? "key" : "`${key}`"}] = value${isMessage ? ` ?? ${json.scope.type(value.desc, "value")}.create()` : isClosed ? ` as ${type}` : ""};`;
  return printCase(tagOf(field.number, 2), [
    `let key = ${keyKind.zero};`,
    `let value: ${isClosed ? "number" : type}${isMessage ? " | undefined" : ""} = ${zero};`,
    "const stop = reader.span();",
    "while (reader.at < stop) {",
    "  const part = reader.tag();",
    `  if (part === ${tagOf(1, key.wire)}) key = reader.${key.method === "string" ? "key" : key.method}();`,
    `  else if (part === ${tag}) ${read.join(" ")}`,
    "  else reader.skip(part);",
    "}",
    "reader.done(stop);",
    isClosed ? `if (${enumTable(json, value.desc)}.has(value)) ${store}` : store,
  ]);
}

function printCase(tag: number, lines: readonly string[]): string[] {
  const scoped = lines.length > 1;
  return [`case ${tag}:${scoped ? " {" : ""}`, ...lines.map((line) => `  ${line}`), "  break;", ...(scoped ? ["}"] : [])];
}
