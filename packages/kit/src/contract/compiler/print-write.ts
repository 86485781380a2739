import type { DescField, DescMessage } from "@bufbuild/protobuf";
import type { BinaryKind } from "./binary-fields.ts";
import { binaryKindOf, binaryScalarOf, isPackable, roomOf, tagOf, wireOf } from "./binary-fields.ts";
import { access, keyKindOf, valueKindOf } from "./field-kinds.ts";
import type { JsonScope } from "./json-scope.ts";
import { hasPresence, typeText } from "./print-types.ts";

/**
 * The binary writer of a message: a statement for each field, in the order of their numbers, as other implementations do.
 * Before the first of several numbers in a row room is made for all of them.
 */
export function printWrite(desc: DescMessage, json: JsonScope): string[] {
  if (desc.fields.length === 0) return ["  write: () => undefined,"];
  const fields = desc.fields.toSorted((a, b) => a.number - b.number);
  const lines: string[] = [];
  let row: string[] = [];
  let room = 0;
  const endRow = (): void => {
    if (room > 0) lines.push(`writer.room(${room});`, ...row);
    row = [];
    room = 0;
  };
  for (const field of fields) {
    const kind = binaryKindOf(field, json);
    const size = field.fieldKind === "list" || field.fieldKind === "map" ? 0 : roomOf(kind, field.number);
    if (size === 0) endRow();
    room += size;
    (size === 0 ? lines : row).push(...printField(field, kind, json));
  }
  endRow();
  return ["  write(message, writer) {", ...lines.map((line) => `    ${line}`), "  },"];
}

function printField(field: DescField, kind: BinaryKind, json: JsonScope): string[] {
  const code = `message${access((field.oneof ?? field).localName)}`;
  if (field.fieldKind === "map") return printMap(field, kind, json);
  if (field.fieldKind === "list") return printList(field, kind, code);
  if (field.oneof !== undefined) {
    return guarded(`${code}.case === ${JSON.stringify(field.localName)}`, printValue(kind, field.number, `${code}.value`));
  }
  return guarded(condition(field, code), printValue(kind, field.number, code));
}

/** When a field is written: when it is there, or else when it is not at its default. -0 is not the default. */
function condition(field: DescField, code: string): string {
  const value = valueKindOf(field);
  if (hasPresence(field) || value.kind === "message") return `${code} !== undefined`;
  if (value.kind === "enum") return `${code} !== ${value.desc.values[0]?.number ?? 0}`;
  const { name, zero } = value.scalar;
  if (name === "bytes") return `${code}.length !== 0`;
  if (name === "bool") return code;
  return name === "double" || name === "float" ? `!Object.is(${code}, 0)` : `${code} !== ${zero}`;
}

function printValue(kind: BinaryKind, number: number, code: string): string[] {
  const tag = tagOf(number, wireOf(kind));
  if (kind.kind === "scalar") return [`writer.${kind.scalar.method}(${tag}, ${code});`];
  if (kind.kind === "wrapper") return [`${kind.codec}.write(writer, ${tag}, ${code});`];
  const write = `${kind.type}.write(${code}, writer);`;
  if (kind.delimited) return [`writer.openGroup(${tag});`, write, `writer.closeGroup(${tagOf(number, 4)});`];
  return [`const mark = writer.open(${tag});`, write, "writer.close(mark);"];
}

function printList(field: DescField, kind: BinaryKind, code: string): string[] {
  if (!isPackable(kind) || !("packed" in field && field.packed)) {
    return loop(`const item of ${code}`, [...printRoom(kind, field.number), ...printValue(kind, field.number, "item")]);
  }
  const method = kind.kind === "scalar" ? kind.scalar.method : "";
  return [
    `if (${code}.length !== 0) {`,
    `  const mark = writer.span(${tagOf(field.number, 2)});`,
    `  writer.room(${roomOf(kind)} * ${code}.length);`,
    `  for (const item of ${code}) writer.${method}(0, item);`,
    "  writer.done(mark);",
    "}",
  ];
}

function printMap(field: DescField & { fieldKind: "map" }, kind: BinaryKind, json: JsonScope): string[] {
  const code = `message${access(field.localName)}`;
  const key = binaryScalarOf(field.mapKey);
  const { name } = keyKindOf(field.mapKey);
  const keyReader = { bool: "boolOfKey", int32: "numberOfKey", uint32: "numberOfKey", int64: "bigintOfKey", uint64: "bigintOfKey" }[
    name as string
  ];
  const keyCode = keyReader === undefined ? "key" : `${json.scope.kit("contract/binary-map", keyReader, "value")}(key)`;
  const type = typeText(valueKindOf(field), json.scope);
  if (key.method === "string" && kind.kind === "scalar" && kind.scalar.method === "string") {
    return [`for (const key in ${code}) writer.textEntry(${tagOf(field.number, 2)}, key, ${code}[key] as string);`];
  }
  return [
    `for (const key in ${code}) {`,
    `  const entry = writer.span(${tagOf(field.number, 2)});`,
    ...printRoom({ kind: "scalar", scalar: key }, 1).map((line) => `  ${line}`),
    `  writer.${key.method}(${tagOf(1, key.wire)}, ${keyCode});`,
    ...[...printRoom(kind, 2), ...printValue(kind, 2, `${code}[key] as ${type}`)].map((line) => `  ${line}`),
    "  writer.done(entry);",
    "}",
  ];
}

function printRoom(kind: BinaryKind, number: number): string[] {
  const size = roomOf(kind, number);
  return size === 0 ? [] : [`writer.room(${size});`];
}

function guarded(condition: string, lines: readonly string[]): string[] {
  return block(`if (${condition})`, lines);
}

function loop(head: string, lines: readonly string[]): string[] {
  return block(`for (${head})`, lines);
}

function block(head: string, lines: readonly string[]): string[] {
  return lines.length === 1 ? [`${head} ${lines[0]}`] : [`${head} {`, ...lines.map((line) => `  ${line}`), "}"];
}
