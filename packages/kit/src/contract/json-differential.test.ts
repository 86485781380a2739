import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import type { DescEnum, DescField, DescMessage } from "@bufbuild/protobuf";
import { ScalarType, createFileRegistry, fromBinary, fromJson, toJson } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence, FileDescriptorSetSchema, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import type { JsonValue, MessageType } from "./contract.ts";
import { createMap } from "./json.ts";
import { parseJson } from "./json-text.ts";
import * as common from "./testdata/common.weir.ts";
import * as golden from "./testdata/golden.weir.ts";
import { isFault } from "../fault.ts";

/*
 * Our codec against @bufbuild/protobuf over random messages of the golden contract. The schema comes from buf, so that
 * no second generator is involved. WEIR_SEED=n repeats a run.
 */
type Random = () => number;
type Plain = Record<string, unknown>;

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const buf = fileURLToPath(import.meta.resolve("@bufbuild/buf/package.json")).replace("package.json", "bin/buf");
const image = execFileSync(process.execPath, [buf, "build", "packages/kit/src/contract", "-o", "-"], { cwd: root, maxBuffer: 1 << 26 });
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
const types = new Map<string, MessageType<unknown>>();
for (const value of [...Object.values(golden), ...Object.values(common)]) {
  if ("jsonDraft" in value) types.set(value.typeName, value as MessageType<unknown>);
}
const names = [
  "Scalars",
  "Optionals",
  "Lists",
  "Maps",
  "Choices",
  "Tree",
  "WellKnown",
  "Outer",
  "Names",
  "Call",
  "Nothing",
  "Enums",
  "GetItemRequest",
];
const seed = Number(process.env["WEIR_SEED"] ?? Date.now() % 1_000_000_007);

function typeNamed(name: string): { readonly type: MessageType<unknown>; readonly desc: DescMessage } {
  const desc = registry.getMessage(`weir.golden.v1.${name}`);
  const type = types.get(`weir.golden.v1.${name}`);
  assert.ok(desc && type, name);
  return { type, desc };
}

function randomFrom(start: number): Random {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function oneOf<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T;
}

function many<T>(random: Random, make: () => T): T[] {
  return Array.from({ length: Math.floor(random() * 4) }, make);
}

function randomText(random: Random): string {
  return many(random, () =>
    oneOf(random, ["a", "Z", " ", '"', "\\", "\n", "\u0000", "\u001f", "é", "影", "🎬", "\u2028", "/", "</script>", "__proto__"]),
  ).join("");
}

function randomJson(random: Random, depth: number): JsonValue {
  if (depth > 3 || random() < 0.5) return oneOf<JsonValue>(random, [null, true, false, Math.round(random() * 1e6) / 8, randomText(random)]);
  if (random() < 0.5) return many(random, () => randomJson(random, depth + 1));
  return Object.fromEntries(many(random, () => [randomText(random), randomJson(random, depth + 1)]));
}

function randomScalar(scalar: ScalarType, random: Random): unknown {
  switch (scalar) {
    case ScalarType.STRING:
      return randomText(random);
    case ScalarType.BOOL:
      return random() < 0.5;
    case ScalarType.BYTES:
      return Uint8Array.from(many(random, () => Math.floor(random() * 256)));
    case ScalarType.DOUBLE:
      return oneOf(random, [0, 1, -1.5, 0.1, 1e300, 5e-324, NaN, Infinity, -Infinity, random() * 1e6]);
    case ScalarType.FLOAT:
      return oneOf(random, [0, 1, -1.5, 3.4028234663852886e38, NaN, Infinity, -Infinity, Math.fround(random())]);
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return oneOf(random, [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), BigInt(Math.floor(random() * 2 ** 53))]);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return oneOf(random, [0n, 1n, 2n ** 64n - 1n, BigInt(Math.floor(random() * 2 ** 53))]);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return oneOf(random, [0, 1, 2 ** 32 - 1, Math.floor(random() * 2 ** 32)]);
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return oneOf(random, [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), Math.floor((random() - 0.5) * 2 ** 32)]);
  }
}

function randomEnum(desc: DescEnum, random: Random): number {
  return desc.open && desc.typeName !== "google.protobuf.NullValue" && random() < 0.1 ? 4711 : oneOf(random, desc.values).number;
}

function randomWellKnown(desc: DescMessage, random: Random): unknown {
  const nanos = oneOf(random, [0, 1, 500_000_000, 123_000, 999_999_999]);
  switch (desc.name) {
    case "Timestamp":
      return { seconds: oneOf(random, [0n, -62135596800n, 253402300798n, BigInt(Math.floor(random() * 4e9))]), nanos };
    case "Duration":
      return random() < 0.5
        ? { seconds: oneOf(random, [0n, 1n, 315575999999n]), nanos }
        : { seconds: oneOf(random, [0n, -1n, -315575999999n]), nanos: nanos === 0 ? 0 : -nanos };
    case "FieldMask":
      return { paths: many(random, () => oneOf(random, ["a", "user.display_name", "a_b.c_d_e", "x"])) };
    case "Struct":
      return Object.fromEntries([...many(random, () => [randomText(random), randomJson(random, 0)]), ["__proto__", 1]]);
    case "ListValue":
      return many(random, () => randomJson(random, 1));
    case "Value":
      return randomJson(random, 0);
    default:
      return {};
  }
}

function randomValue(field: DescField, random: Random, depth: number): unknown {
  if (field.enum !== undefined) return randomEnum(field.enum, random);
  if (field.message === undefined) return randomScalar(field.scalar as ScalarType, random);
  if (isWrapperDesc(field.message)) return randomScalar(field.message.fields[0]?.scalar as ScalarType, random);
  return field.message.typeName.startsWith("google.protobuf.")
    ? randomWellKnown(field.message, random)
    : randomMessage(field.message, random, depth + 1);
}

function randomMember(member: DescMessage["members"][number], random: Random, depth: number): unknown {
  if (member.kind === "oneof") {
    const field =
      random() < 0.2
        ? undefined
        : oneOf(
            random,
            member.fields.filter((one) => depth < 4 || one.message?.typeName !== member.parent.typeName),
          );
    return field === undefined ? { case: undefined } : { case: field.localName, value: randomValue(field, random, depth) };
  }
  const isDeep = depth > 3 && member.message !== undefined;
  if (member.fieldKind === "list") return isDeep ? [] : many(random, () => randomValue(member, random, depth));
  if (member.fieldKind === "map") {
    const map = createMap<unknown>();
    if (!isDeep)
      for (const key of many(random, () => String(randomScalar(member.mapKey, random)))) map[key] = randomValue(member, random, depth);
    return map;
  }
  const hasPresence = member.fieldKind === "message" || member.presence !== FeatureSet_FieldPresence.IMPLICIT;
  return hasPresence && (isDeep || random() < 0.4) ? undefined : randomValue(member, random, depth);
}

function randomMessage(desc: DescMessage, random: Random, depth = 0): unknown {
  const init: Plain = {};
  for (const member of desc.members) init[member.localName] = randomMember(member, random, depth);
  const type = types.get(desc.typeName);
  assert.ok(type, desc.typeName);
  return type.create(init);
}

test(`the codec writes what @bufbuild/protobuf reads and reads what it writes (seed ${seed})`, () => {
  for (const [at, name] of names.entries()) {
    const { type, desc } = typeNamed(name);
    const random = randomFrom(seed + at);
    for (let round = 0; round < 60; round++) {
      const message = randomMessage(desc, random);
      const text = type.toJson(message);
      const theirs = fromJson(desc, parseJson(text));
      assert.deepEqual(parseJson(text), parseJson(JSON.stringify(toJson(desc, theirs))), `${name}: ${text}`);
      for (const options of [{}, { alwaysEmitImplicit: true }, { useProtoFieldName: true }, { enumAsInteger: true }]) {
        const json = parseJson(JSON.stringify(toJson(desc, theirs, options)));
        assert.deepEqual(type.fromJson(json), message, `${name} ${JSON.stringify(options)}: ${text}`);
      }
    }
  }
});

const junk: readonly JsonValue[] = (
  [
    [null, true, false, 0, -1, 1, 1.5, -0.5, 1e300, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, 2 ** 53, 2 ** 63, 2 ** 64, Infinity],
    ["", " ", "a", "1", "-1", "01", "1.0", "1e2", " 1", "1 ", "0x10", "+1", "NaN", "Infinity", "-Infinity", "nan", "true", "null"],
    ["9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616"],
    ["\ud800", "AA==", "AA", "A", "AAA", "_-8", "+/8=", "A A=", "=", "COLOR_RED", "COLOR_BLUE", "RED", "GRADE_LOW", "NULL_VALUE"],
    ["2024-02-30T00:00:00Z", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00+01:00", "2024-01-01t00:00:00z", "10000-01-01T00:00:00Z"],
    ["1s", "1.5s", "-0.5s", "1", "1.0000000001s", "315576000001s", "a,b", "a_b"],
    [[], [null], [1], {}, { a: 1 }, [[]], { constructor: 1 }],
  ] as JsonValue[][]
).flat();

function mutated(json: JsonValue, random: Random): JsonValue {
  if (random() < 0.2 || typeof json !== "object" || json === null) return oneOf(random, junk);
  if (Array.isArray(json)) {
    if (json.length === 0) return [oneOf(random, junk)];
    const at = Math.floor(random() * json.length);
    return json.map((item, index) => (index === at ? mutated(item, random) : item));
  }
  const entries = Object.entries(json);
  if (entries.length === 0 || random() < 0.1)
    return Object.fromEntries([
      ...entries,
      [oneOf(random, ["nope", "__proto__", "constructor", "text", "number", "string_field", "1", "-0", "true"]), oneOf(random, junk)],
    ]);
  const at = Math.floor(random() * entries.length);
  return Object.fromEntries(entries.map(([key, value], index) => [key, index === at ? mutated(value, random) : value]));
}

/** Where we are stricter on purpose: numbers as text follow JSON's grammar, base64 has no blanks, days exist, Unicode is whole. */
const stricter =
  /found (?:"0x10"|"01"|"\+1"|" 1"|"1 "|" "|""|"A A="|"="|"-0"|Infinity|"2024-02-30T00:00:00Z"|a lone surrogate)|expected null/;

function attempt<T>(action: () => T): { readonly value?: T; readonly error?: Error } {
  try {
    return { value: action() };
  } catch (error) {
    return { error: error as Error };
  }
}

test(`the codec refuses what @bufbuild/protobuf refuses, and takes the same from the rest (seed ${seed})`, () => {
  const counts = { taken: 0, refused: 0 };
  for (const [at, name] of names.entries()) {
    const { type, desc } = typeNamed(name);
    const random = randomFrom(seed + 1000 + at);
    for (let round = 0; round < 300; round++) {
      const json = mutated(parseJson(type.toJson(randomMessage(desc, random))), random);
      const ours = attempt(() => type.fromJson(json));
      const theirs = attempt(() => fromJson(desc, json));
      const shown = `${name}: ${JSON.stringify(json)} · ours: ${ours.error?.message} · theirs: ${theirs.error?.message}`;
      if (ours.error !== undefined) {
        assert.ok(isFault(ours.error) && ours.error.reason === "JSON_INVALID", shown);
        assert.ok(ours.error.message.length < 1500, shown);
        if (theirs.error === undefined) assert.match(ours.error.message, stricter, shown);
        counts.refused++;
      } else {
        assert.ok(theirs.value !== undefined, shown);
        assert.deepEqual(parseJson(type.toJson(ours.value)), parseJson(JSON.stringify(toJson(desc, theirs.value))), shown);
        counts.taken++;
      }
    }
  }
  assert.ok(counts.taken > 500 && counts.refused > 300, JSON.stringify(counts));
});
