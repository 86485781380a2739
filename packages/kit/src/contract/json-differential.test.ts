import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import type { DescMessage } from "@bufbuild/protobuf";
import { createFileRegistry, fromBinary, fromJson, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { JsonValue, MessageType } from "./contract.ts";
import { parseJson } from "./json-text.ts";
import * as common from "./testdata/common.weir.ts";
import * as golden from "./testdata/golden.weir.ts";
import type { Random } from "./testdata/random-message.ts";
import { oneOf, randomFrom, randomMessage } from "./testdata/random-message.ts";
import { isFault } from "../fault.ts";

/*
 * Our codec against @bufbuild/protobuf over random messages of the golden contract. The schema comes from buf, so that
 * no second generator is involved. WEIR_SEED=n repeats a run.
 */
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

test(`the codec writes what @bufbuild/protobuf reads and reads what it writes (seed ${seed})`, () => {
  for (const [at, name] of names.entries()) {
    const { type, desc } = typeNamed(name);
    const random = randomFrom(seed + at);
    for (let round = 0; round < 60; round++) {
      const message = randomMessage(desc, { random, types });
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
      const json = mutated(parseJson(type.toJson(randomMessage(desc, { random, types }))), random);
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
