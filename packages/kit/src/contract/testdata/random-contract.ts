import type { Random } from "./random-message.ts";
import { oneOf } from "./random-message.ts";

const integers = ["int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32", "sfixed64"];
const packable = [...integers, "bool", "double", "float"];
const scalars = [...packable, "string", "bytes"];
const keys = [...integers, "bool", "string"];
const wellKnown = (
  "Timestamp Duration FieldMask Struct Value ListValue Empty " +
  "DoubleValue FloatValue Int64Value UInt64Value Int32Value UInt32Value BoolValue StringValue BytesValue"
)
  .split(" ")
  .map((name) => `google.protobuf.${name}`);
/** Names that a careless generator would trip over. */
const oddNames = (
  "reader writer end into tag key value stop part message mark item entry default class constructor to_string create_map empty_bytes " +
  "undefined arguments wrapped_string type_name from_binary _lead double__under m0 colour0_json"
).split(" ");
const imports = ["timestamp", "duration", "field_mask", "struct", "empty", "wrappers"];

/** A contract of the name `file` and the package `random.<file>`: `messages` messages `M0`, `M1`, … and two enums, in proto3 or edition 2023. */
export function randomContract(file: string, { random, messages }: { random: Random; messages: number }): string {
  const edition = random() < 0.5;
  const closed = edition && random() < 0.7;
  const types = Array.from({ length: messages }, (_, index) => `M${index}`);
  const enums = edition ? ["Colour0", "Grade1"] : ["Colour0"];
  const head = edition ? 'edition = "2023";' : 'syntax = "proto3";';
  return [
    head,
    `package random.${file};`,
    ...imports.map((name) => `import "google/protobuf/${name}.proto";`),
    "enum Colour0 { COLOUR0_NONE = 0; COLOUR0_RED = 1; COLOUR0_FAR = 2147483647; COLOUR0_BELOW = -7; }",
    ...(edition
      ? [`enum Grade1 { ${closed ? "option features.enum_type = CLOSED; " : ""}GRADE1_LOW = ${closed ? 3 : 0}; GRADE1_HIGH = 4; }`]
      : []),
    ...types.map((name) => randomMessageText(name, { random, types, enums, edition })),
    "",
  ].join("\n");
}

interface Scene {
  readonly random: Random;
  readonly types: readonly string[];
  readonly enums: readonly string[];
  readonly edition: boolean;
}

function randomMessageText(name: string, scene: Scene): string {
  const { random } = scene;
  const numbers = new Set<number>();
  const names = new Set<string>();
  const number = (): number => {
    const found = Math.floor(random() * oneOf(random, [14, 200, 15_000, 536_870_911])) + 1;
    if (numbers.has(found) || (found >= 19_000 && found < 20_000)) return number();
    numbers.add(found);
    return found;
  };
  const fieldName = (): string => {
    const found = random() < 0.2 ? oneOf(random, oddNames) : `field_${names.size}`;
    if (names.has(found)) return fieldName();
    names.add(found);
    return found;
  };
  const lines: string[] = [];
  for (let count = Math.floor(random() * 12); count > 0; count--) lines.push(randomField(scene, fieldName, number));
  if (random() < 0.6) {
    const members = Array.from({ length: 1 + Math.floor(random() * 5) }, () => `${randomType(scene)} ${fieldName()} = ${number()};`);
    lines.push(`oneof ${fieldName()} { ${members.join(" ")} }`);
  }
  return `message ${name} {\n  ${lines.join("\n  ")}\n}`;
}

function randomField(scene: Scene, name: () => string, number: () => number): string {
  const { random, edition } = scene;
  const kind = random();
  if (kind < 0.15) return `map<${oneOf(random, keys)}, ${randomType(scene)}> ${name()} = ${number()};`;
  if (kind < 0.3) {
    const option = random() < 0.5 ? "" : edition ? " [features.repeated_field_encoding = EXPANDED]" : " [packed = false]";
    return `repeated ${oneOf(random, [...packable, "Colour0"])} ${name()} = ${number()}${option};`;
  }
  if (kind < 0.45) return `repeated ${randomType(scene)} ${name()} = ${number()};`;
  if (edition && kind < 0.55) {
    const label = random() < 0.3 ? "repeated " : "";
    return `${label}${oneOf(random, scene.types)} ${name()} = ${number()} [features.message_encoding = DELIMITED];`;
  }
  if (kind < 0.75) {
    const type = oneOf(random, scalars);
    return edition ? `${type} ${name()} = ${number()} [features.field_presence = IMPLICIT];` : `${type} ${name()} = ${number()};`;
  }
  const type = randomType(scene);
  return `${!edition && random() < 0.5 ? "optional " : ""}${type} ${name()} = ${number()};`;
}

function randomType({ random, types, enums }: Scene): string {
  const kind = random();
  if (kind < 0.55) return oneOf(random, scalars);
  if (kind < 0.7) return oneOf(random, enums);
  return kind < 0.85 ? oneOf(random, types) : oneOf(random, wellKnown);
}
