import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fault } from "../fault.ts";
import { isFault } from "../fault.ts";
import type { JsonValue, MessageType } from "./contract.ts";
import { parseJson } from "./json-text.ts";
import { Graded } from "./testdata/common.weir.ts";
import type { Color } from "./testdata/golden.weir.ts";
import { Choices, Enums, Lists, Maps, Names, Nothing, Optionals, Scalars, Tree, WellKnown } from "./testdata/golden.weir.ts";

/** The Fault with which a reader refuses; fails when it does not, or with another reason. */
function refusal<T>(type: MessageType<T>, json: unknown): Fault {
  let thrown: unknown;
  try {
    type.fromJson(json as JsonValue);
  } catch (error) {
    thrown = error;
  }
  if (!isFault(thrown)) assert.fail(`${JSON.stringify(json)?.slice(0, 100)} was taken`);
  assert.equal(thrown.reason, "JSON_INVALID");
  assert.equal(thrown.code, "INVALID_ARGUMENT");
  return thrown;
}

function refuses<T>(type: MessageType<T>, field: string, values: readonly unknown[]): void {
  for (const value of values) {
    const { message } = refusal(type, { [field]: value });
    assert.ok(message.startsWith(`JSON field ${field}: expected `) && message.includes(", found "), message);
  }
}

function takes<T, K extends keyof T & string>(type: MessageType<T>, field: K, pairs: readonly (readonly [JsonValue, T[K]])[]): void {
  for (const [json, value] of pairs) assert.deepEqual(type.fromJson({ [field]: json })[field], value, JSON.stringify(json));
}

const others = [true, {}, [], [1], "", "a", " 1", "1 ", "0x10", "+1", "01", "1_000", "١", NaN, Infinity, -Infinity, undefined];

test("32-bit integers take whole numbers in range, as numbers or text", () => {
  takes(Scalars, "int32Field", [
    [-2147483648, -2147483648],
    ["2147483647", 2147483647],
    ["1e3", 1000],
    ["1.0", 1],
    [null, 0],
    [-0, 0],
  ]);
  takes(Scalars, "uint32Field", [
    [4294967295, 4294967295],
    ["4294967295", 4294967295],
    [null, 0],
  ]);
  refuses(Scalars, "int32Field", [...others, 2147483648, -2147483649, "2147483648", 1.5, "1.5", 1e300]);
  refuses(Scalars, "sfixed32Field", [2147483648, false]);
  refuses(Scalars, "uint32Field", [...others, -1, 4294967296, "-1", "4294967296", 0.5]);
  refuses(Scalars, "fixed32Field", [-1]);
});

test("64-bit integers take text of digits and whole numbers in range", () => {
  takes(Scalars, "int64Field", [
    ["9223372036854775807", 2n ** 63n - 1n],
    ["-9223372036854775808", -(2n ** 63n)],
    [5, 5n],
    [9223372036854774784, 9223372036854774784n],
    [null, 0n],
  ]);
  takes(Scalars, "uint64Field", [
    ["18446744073709551615", 2n ** 64n - 1n],
    [0, 0n],
  ]);
  refuses(Scalars, "int64Field", [
    ...others,
    "9223372036854775808",
    "-9223372036854775809",
    9223372036854775808,
    1.5,
    "1.0",
    "9".repeat(1_000_000),
  ]);
  refuses(Scalars, "uint64Field", [...others, -1, "-1", "18446744073709551616", 2 ** 64]);
});

test("floating numbers take finite numbers, their text and the three names", () => {
  takes(Scalars, "doubleField", [
    [1.5, 1.5],
    ["1.5e3", 1500],
    ["NaN", NaN],
    ["-Infinity", -Infinity],
    ["Infinity", Infinity],
    [null, 0],
  ]);
  takes(Scalars, "floatField", [
    [0.1, 0.1],
    [3.4028234663852886e38, 3.4028234663852886e38],
    ["Infinity", Infinity],
  ]);
  refuses(Scalars, "doubleField", [...others, "nan", "inf", "1e999", "1.", ".5", "- 1"]);
  refuses(Scalars, "floatField", [...others, 3.5e38, "-3.5e38"]);
});

test("strings, bools, bytes and enums take only what they are", () => {
  refuses(Scalars, "stringField", [1, true, {}, [], "\ud800", "a\udc00b", undefined]);
  refuses(Scalars, "boolField", [1, 0, "true", "false", "", {}, []]);
  refuses(Scalars, "bytesField", [1, "A", "AA=A", "A A=", "é", {}, [1, 2], Uint8Array.of(1)]);
  takes(Scalars, "color", [
    ["COLOR_RED", 1],
    [1, 1],
    [-1, -1],
    [null, 0],
    [99, 99 as Color],
  ]);
  refuses(Scalars, "color", ["RED", "COLOR_BLUE", "color_red", "1", "", 1.5, 2147483648, true, {}, [], "toString", "__proto__"]);
  takes(Graded, "grade", [
    ["GRADE_HIGH", 2],
    [1, 1],
  ]);
  refuses(Graded, "grade", [0, 99, "GRADE_NONE"]);
  assert.equal(Enums.toJson(Enums.create({ alias: 1 })), '{"alias":"ALIAS_ONE"}');
  takes(Enums, "alias", [
    ["ALIAS_UNO", 1],
    ["ALIAS_ONE", 1],
  ]);
});

test("messages, lists and maps refuse other shapes and name where", () => {
  for (const json of [null, [], "a", 1, true, undefined]) assert.match(refusal(Scalars, json).message, /^JSON: expected an object, found /);
  refuses(Optionals, "scalars", [[], "a", 1, false]);
  refuses(Lists, "stringField", [{}, "a", 1]);
  refuses(Maps, "byString", [[], "a", 1]);
  const paths: readonly (readonly [MessageType<unknown>, JsonValue, string])[] = [
    [Lists, { int32Field: [1, null] }, "int32Field[1]"],
    [Lists, { optionals: [{}, { scalars: { boolField: 1 } }] }, "optionals[1].scalars.boolField"],
    [Lists, { optionals: [{}, null] }, "optionals[1]"],
    [Maps, { byString: { a: "", "b c": 1 } }, 'byString["b c"]'],
    [Maps, { scalars: { x: { color: "no" } } }, 'scalars["x"].color'],
    [Maps, { by_bool: { yes: true } }, 'by_bool["yes"]'],
    [Maps, { byInt32: { "1.0": 1 } }, 'byInt32["1.0"]'],
    [Maps, { byUint64: { "18446744073709551616": 1 } }, 'byUint64["18446744073709551616"]'],
    [WellKnown, { times: ["1970-01-01T00:00:00Z", "never"] }, "times[1]"],
    [WellKnown, { struct: { a: [1, "\ud800"] } }, "struct.a[1]"],
    [Choices, { right: { right: { left: "x" } } }, "right.right.left"],
    [Nothing, { "": 1 }, ""],
    [Names, { nope: 1 }, "nope"],
  ];
  for (const [type, json, path] of paths) {
    const thrown = refusal(type, json);
    assert.ok(thrown.message.startsWith(path === "" ? "JSON: " : `JSON field ${path}: `), thrown.message);
    assert.deepEqual(
      thrown.details.map((detail) => (detail.value as { fieldViolations: { field: string }[] }).fieldViolations[0]?.field),
      [path],
    );
  }
});

test("readers take both names of a field, but not together", () => {
  assert.equal(Scalars.fromJson({ int32_field: 1 }).int32Field, 1);
  assert.match(refusal(Scalars, { int32_field: 1, int32Field: 1 }).message, /int32Field to be set once/);
  assert.match(refusal(Scalars, { int32Field: 1, int32_field: null }).message, /int32Field to be set once/);
  assert.equal(Names.fromJson({ renamed: "a" }).renamed, "a");
  assert.equal(Names.fromJson({ "@other": "a" }).renamed, "a");
});

test("oneofs take one member, and null for none", () => {
  assert.deepEqual(Choices.fromJson({ text: null, number: "1" }).choice, { case: "number", value: 1n });
  assert.deepEqual(Choices.fromJson({ value: null }).choice, { case: "value", value: null });
  assert.deepEqual(Choices.fromJson({ nullValue: null }).choice, { case: "nullValue", value: 0 });
  assert.match(refusal(Choices, { text: "", number: "1" }).message, /^JSON field number: expected the oneof choice to be set once/);
  assert.equal(Choices.toJson(Choices.create({ choice: { case: "text", value: "" } })), '{"text":""}');
  assert.equal(Choices.toJson(Choices.create({ choice: { case: "nullValue", value: 0 } })), '{"nullValue":null}');
});

test("__proto__ and its like are keys as any other", () => {
  const map = Maps.fromJson(parseJson('{"byString":{"__proto__":"a","constructor":"b","toString":"c"}}')).byString;
  assert.deepEqual(
    Object.keys(map).sort((a, b) => (a < b ? -1 : 1)),
    ["__proto__", "constructor", "toString"],
  );
  assert.equal(map["hasOwnProperty"], undefined);
  assert.equal(Maps.toJson(Maps.create({ byString: map })), '{"byString":{"__proto__":"a","constructor":"b","toString":"c"}}');
  assert.equal(({} as Record<string, unknown>)["a"], undefined);
  assert.match(
    refusal(Scalars, parseJson('{"__proto__":{"boolField":true}}')).message,
    /^JSON field __proto__: expected a field of weir\.golden\.v1\.Scalars/,
  );
  const names = Names.create({ proto: "p", constructor$: "c", toString$: "t" });
  assert.equal(Names.toJson(names), '{"constructor":"c","toString":"t","__proto__":"p"}');
  assert.deepEqual(Names.fromJson(parseJson(Names.toJson(names))), names);
});

test("messages nest a hundred deep and no deeper", () => {
  const nested = (depth: number): JsonValue => (depth === 1 ? { name: "x" } : { left: nested(depth - 1) });
  assert.deepEqual(parseJson(Tree.toJson(Tree.fromJson(nested(100)))), nested(100));
  const thrown = refusal(Tree, nested(101));
  assert.match(thrown.message, /^JSON field left\.left\..*….*: expected at most 100 nested messages, found more$/);
  assert.ok(thrown.message.length < 300, thrown.message);
  assert.ok(refusal(Tree, nested(5000)).message.length < 300);
});

test("a refusal never repeats a huge value or name", () => {
  const huge = "x".repeat(1_000_000);
  for (const json of [{ int32Field: huge }, { [huge]: 1 }, { color: huge }, { bytesField: `${huge}!` }, { stringField: [huge, huge] }]) {
    assert.ok(refusal(Scalars, json).message.length < 250);
  }
  assert.ok(refusal(Maps, { byInt32: { [huge]: 1 } }).message.length < 250);
  assert.match(refusal(Scalars, { int32Field: huge }).message, /found "x{40}"… \(1000000 characters\)$/);
});

test("writers leave defaults out and escape what must be", () => {
  assert.equal(Scalars.toJson(Scalars.create()), "{}");
  assert.equal(
    Optionals.toJson(Optionals.create({ stringField: "", int32Field: 0, boolField: false })),
    '{"int32Field":0,"boolField":false,"stringField":""}',
  );
  const text = Scalars.toJson(Scalars.create({ stringField: '"\\\n\u0000\u2028\ud800é🎬' }));
  assert.equal(text, '{"stringField":"\\"\\\\\\n\\u0000\u2028\\ud800é🎬"}');
  assert.equal(
    Scalars.toJson(Scalars.create({ doubleField: NaN, floatField: -Infinity })),
    '{"doubleField":"NaN","floatField":"-Infinity"}',
  );
});

test("writers refuse a message that its contract does not allow", () => {
  const numbers = [{ int32Field: 1.5 }, { int32Field: 2 ** 31 }, { int32Field: "1" }, { uint32Field: -1 }, { doubleField: "1" }];
  const bigints = [{ int64Field: 1 }, { int64Field: 2n ** 63n }, { uint64Field: -1n }];
  const rest = [{ boolField: "true" }, { stringField: 1 }, { bytesField: [1, 2] }, { color: 1.5 }, { color: "RED" }];
  for (const init of [...numbers, ...bigints, ...rest]) {
    const message = { ...Scalars.create(), ...init } as unknown as Scalars;
    assert.throws(
      () => Scalars.toJson(message),
      (error: unknown) => isFault(error) && error.reason === "MESSAGE_INVALID",
      String(Object.keys(init)),
    );
  }
});

test("create takes what it is given and nothing else", () => {
  assert.deepEqual(Tree.create({ name: "a", other: 1 } as Partial<Tree>), {
    name: "a",
    left: undefined,
    children: [],
    named: Tree.create().named,
  });
  assert.deepEqual(Scalars.create({ stringField: undefined }), Scalars.create());
  assert.notEqual(Tree.create().children, Tree.create().children);
});
