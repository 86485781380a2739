import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import type { Fault } from "../fault.ts";
import { isFault } from "../fault.ts";
import type { MessageType } from "./contract.ts";
import { createMap } from "./json.ts";
import { Graded, Knot, Money } from "./testdata/common.weir.ts";
import { Choices, Enums, Item, Lists, Maps, Nothing, Optionals, Scalars, Tree, WellKnown } from "./testdata/golden.weir.ts";

function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** The Fault with which a reader or a writer refuses; fails when it does not. */
function refusal(action: () => unknown, reason: string): Fault {
  try {
    action();
  } catch (error) {
    if (!isFault(error)) throw error;
    assert.equal(error.reason, reason, error.message);
    return error;
  }
  assert.fail(`expected ${reason}, found an answer`);
}

function refusesBytes<T>(type: MessageType<T>, hex: string, message: string): void {
  const found = refusal(() => type.fromBinary(bytesOf(hex)), "BINARY_INVALID");
  assert.equal(found.message, `Binary ${type.typeName}, ${message}`);
  assert.equal(found.code, "INVALID_ARGUMENT");
}

function refusesMessage<T>(type: MessageType<T>, init: Partial<T>, message: RegExp): void {
  const found = refusal(() => type.toBinary(type.create(init)), "MESSAGE_INVALID");
  assert.match(found.message, message);
  assert.equal(found.code, "INTERNAL");
}

function takes<T>(type: MessageType<T>, hex: string, init: Partial<T>): void {
  assert.deepEqual(type.fromBinary(bytesOf(hex)), type.create(init), hex);
}

function roundTrips<T>(type: MessageType<T>, hex: string, init: Partial<T>): void {
  takes(type, hex, init);
  assert.equal(hexOf(type.toBinary(type.create(init))), hex.replaceAll(" ", ""));
}

function mapOf<V>(entries: Record<string, V>): Record<string, V> {
  return Object.assign(createMap<V>(), entries);
}

test("scalars stand on the wire as the specification says", () => {
  roundTrips(Scalars, "", {});
  roundTrips(Scalars, "09 000000000000f83f", { doubleField: 1.5 });
  roundTrips(Scalars, "09 0000000000000080", { doubleField: -0 });
  roundTrips(Scalars, "15 0000c03f", { floatField: 1.5 });
  roundTrips(Scalars, "18 9601", { int32Field: 150 });
  roundTrips(Scalars, "18 ffffffffffffffffff01", { int32Field: -1 });
  roundTrips(Scalars, "20 80808080808080808001", { int64Field: -(2n ** 63n) });
  roundTrips(Scalars, "20 ffffffffffffffff7f", { int64Field: 2n ** 63n - 1n });
  roundTrips(Scalars, "20 8080808010", { int64Field: 2n ** 32n });
  roundTrips(Scalars, "28 ffffffff0f", { uint32Field: 2 ** 32 - 1 });
  roundTrips(Scalars, "30 ffffffffffffffffff01", { uint64Field: 2n ** 64n - 1n });
  roundTrips(Scalars, "38 ffffffff0f", { sint32Field: -(2 ** 31) });
  roundTrips(Scalars, "40 ffffffffffffffffff01", { sint64Field: -(2n ** 63n) });
  roundTrips(Scalars, "40 03", { sint64Field: -2n });
  roundTrips(Scalars, "4d ffffffff", { fixed32Field: 2 ** 32 - 1 });
  roundTrips(Scalars, "51 ffffffffffffffff", { fixed64Field: 2n ** 64n - 1n });
  roundTrips(Scalars, "5d feffffff", { sfixed32Field: -2 });
  roundTrips(Scalars, "61 feffffffffffffff", { sfixed64Field: -2n });
  roundTrips(Scalars, "68 01", { boolField: true });
  roundTrips(Scalars, "72 03 e5bdb1", { stringField: "影" });
  roundTrips(Scalars, "72 06 efbbbf efbfbd", { stringField: "\ufeff\ufffd" });
  roundTrips(Scalars, "7a 02 00ff", { bytesField: Uint8Array.of(0, 255) });
  roundTrips(Scalars, "8001 ffffffffffffffffff01", { color: -1 });
});

test("numbers that are too long for their field lose their upper bits, and every number but 0 is true", () => {
  takes(Scalars, "18 8080808010", { int32Field: 0 });
  takes(Scalars, "18 818080801f", { int32Field: -268435455 });
  takes(Scalars, "18 8100", { int32Field: 1 });
  takes(Scalars, "28 ffffffffffffffffff01", { uint32Field: 2 ** 32 - 1 });
  takes(Scalars, "68 8080808010", { boolField: true });
  takes(Scalars, "68 808000", { boolField: false });
});

test("presence is kept, defaults without presence are left out", () => {
  roundTrips(Optionals, "18 00", { int32Field: 0 });
  roundTrips(Optionals, "42 00 4a 00", { stringField: "", bytesField: new Uint8Array(0) });
  roundTrips(Optionals, "5a 00", { scalars: Scalars.create() });
  roundTrips(Money, "18 00", { nanos: 0 });
  takes(Scalars, "18 00 72 00", {});
});

test("lists are read packed or not, and packed in parts", () => {
  roundTrips(Lists, "1a 04 01 02 9601", { int32Field: [1, 2, 150] });
  takes(Lists, "18 01 1a 02 02 03 18 04", { int32Field: [1, 2, 3, 4] });
  takes(Lists, "0a 00", { doubleField: [] });
  takes(Lists, "0a 08 000000000000f83f 09 0000000000000040", { doubleField: [1.5, 2] });
  roundTrips(Lists, "42 01 61 42 00", { stringField: ["a", ""] });
  takes(Graded, "1a 03 01 07 02 18 07 18 01", { grades: [1, 2, 1] });
});

test("a closed enum leaves out numbers without a name, an open one keeps them", () => {
  takes(Graded, "08 07", {});
  takes(Graded, "08 02 08 07", { grade: 2 });
  roundTrips(Enums, "10 63", { plain: 99 as Enums["plain"] });
});

test("of a field that comes twice the last counts, messages are merged, lists joined", () => {
  takes(Scalars, "18 01 18 02", { int32Field: 2 });
  takes(Optionals, "5a 02 18 01 5a 02 28 02", { scalars: Scalars.create({ int32Field: 1, uint32Field: 2 }) });
  const inner = Tree.create({ name: "b", children: [Tree.create({ name: "x" }), Tree.create({ name: "y" })] });
  takes(Tree, "12 08 0a 01 61 1a 03 0a 01 78 12 08 0a 01 62 1a 03 0a 01 79", { left: inner });
});

test("of a oneof the last member counts, and a message is merged only with itself", () => {
  takes(Choices, "0a 01 61 10 05", { choice: { case: "number", value: 5n } });
  takes(Choices, "32 02 18 01 32 02 28 02", { choice: { case: "scalars", value: Scalars.create({ int32Field: 1, uint32Field: 2 }) } });
  takes(Choices, "32 02 18 01 10 05 32 02 28 02", { choice: { case: "scalars", value: Scalars.create({ uint32Field: 2 }) } });
  roundTrips(Choices, "10 00", { choice: { case: "number", value: 0n } });
  roundTrips(Choices, "52 00", { choice: { case: "wrapped", value: "" } });
});

test("a wrapper is a message on the wire", () => {
  roundTrips(WellKnown, "72 02 08 01 7a 03 0a 01 61", { wrappedBool: true, wrappedString: "a" });
  takes(WellKnown, "7a 03 0a 01 61 7a 00", { wrappedString: "a" });
  roundTrips(WellKnown, "42 09 09 0000000000000080", { wrappedDouble: -0 });
});

test("map entries may lack their key or value, come twice and hold unknown fields", () => {
  takes(Maps, "0a 00", { byString: mapOf({ "": "" }) });
  takes(Maps, "0a 06 0a 01 61 12 01 62 0a 06 12 01 63 0a 01 61", { byString: mapOf({ a: "c" }) });
  takes(Maps, "52 05 0a 01 61 18 07", { scalars: mapOf({ a: Scalars.create() }) });
  const keys = Maps.create({
    byString: JSON.parse('{"__proto__":"p","constructor":"c"}') as Record<string, string>,
    byBool: { true: true },
  });
  const read = Maps.fromBinary(Maps.toBinary(keys));
  assert.deepEqual(Object.entries(read.byString), [
    ["__proto__", "p"],
    ["constructor", "c"],
  ]);
  refusesMessage(Maps, { byInt32: { a: 1 } }, /expected an integer as key, found "a"/);
  refusesMessage(Maps, { byInt32: { "2147483648": 1 } }, /field 1: expected a 32-bit integer, found 2147483648/);
  refusesMessage(Maps, { byUint64: { "-1": 1n } }, /field 1: expected an unsigned 64-bit integer, found -1/);
  refusesMessage(Maps, { byInt64: { "01": 1n } }, /expected an integer as key/);
  refusesMessage(Maps, { byBool: { "1": true } }, /expected "true" or "false" as key/);
});

test("keys of maps are what was written, however alike they are", () => {
  const letters = [..."abcdefghijklmno".split(""), "é", "影", ""];
  for (const pad of ["", "xx", "x".repeat(9), "x".repeat(11)]) {
    for (const first of letters) {
      const byString = mapOf(Object.fromEntries(letters.map((second) => [first + pad + second, second])));
      assert.deepEqual(Maps.fromBinary(Maps.toBinary(Maps.create({ byString }))).byString, byString);
    }
  }
});

test("unknown fields of every wire type are passed over, groups with all that is in them", () => {
  takes(Nothing, "08 ffffffffffffffffff01 11 0000000000000000 1a 03 616263 25 00000000", {});
  takes(Nothing, "0b 10 01 13 0b 0c 14 1a 01 61 0c", {});
  takes(Scalars, "18 05 1a 01 07", { int32Field: 5 });
  refusesBytes(Nothing, "0b 10 01", "byte 3: expected the end of group 1, found the end");
  refusesBytes(Nothing, "0b 14", "byte 1: expected the end of group 1, found that of 2");
  refusesBytes(Nothing, "0c", "byte 1: expected a wire type that begins a field, found 4");
  refusesBytes(Nothing, "0b".repeat(101) + "0c".repeat(101), "byte 100: expected at most 100 nested messages, found more");
  takes(Nothing, "0b".repeat(99) + "0c".repeat(99), {});
});

test("delimited messages are read and merged, however deep, in time that grows with their bytes alone", () => {
  roundTrips(Knot, "0b 18 05 0c 13 14", { knot: Knot.create({ number: 5 }), knots: [Knot.create()] });
  takes(Knot, "0b 18 05 0c 0b 13 14 0c", { knot: Knot.create({ number: 5, knots: [Knot.create()] }) });
  refusesBytes(Knot, "0b 18 05", "byte 3: expected the end of group 1, found the end");
  const readMs = (depth: number): number => {
    const bytes = bytesOf("0b".repeat(depth) + "1801".repeat(1_000_000) + "0c".repeat(depth));
    const startedMs = performance.now();
    assert.ok(Knot.fromBinary(bytes).knot);
    return performance.now() - startedMs;
  };
  readMs(1);
  const [shallowMs, deepMs] = [readMs(1), readMs(99)];
  assert.ok(deepMs < 10 * shallowMs + 20, `${shallowMs} ms at depth 1, ${deepMs} ms at depth 99`);
  refusesBytes(Knot, `${"0b".repeat(100)}${"0c".repeat(100)}`, "byte 100: expected at most 100 nested messages, found more");
});

test("the codec does the same where there is no Buffer, as in a browser", () => {
  const script = `
    const { Buffer } = globalThis;
    delete globalThis.Buffer;
    const { Scalars } = await import(${JSON.stringify(import.meta.resolve("./testdata/golden.weir.ts"))});
    for (const unit of ["a", "é", "影", "🎬", "\ufeff"]) for (const count of [1, 12, 13, 42, 43, 127, 128, 6000]) {
      const message = Scalars.create({ stringField: unit.repeat(count), int64Field: -5n });
      if (Scalars.fromBinary(Scalars.toBinary(message)).stringField !== message.stringField) throw new Error(unit + count);
    }
    const failures = [() => Scalars.toBinary(Scalars.create({ stringField: "\\ud800" })), () => Scalars.fromBinary(Uint8Array.of(114, 2, 255, 255))];
    const reasons = failures.map((failure) => { try { failure(); } catch (error) { return error.reason; } });
    globalThis.Buffer = Buffer;
    process.stdout.write(reasons.join(" "));`;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  assert.equal(output, "MESSAGE_INVALID BINARY_INVALID");
});

test("malformed bytes are refused with the type, the byte, what was expected and what was found", () => {
  refusesBytes(Scalars, "00", "byte 1: expected a field number, found 0");
  refusesBytes(Scalars, "06", "byte 1: expected a field number, found 0");
  refusesBytes(Scalars, "0e", "byte 1: expected a wire type that begins a field, found 6");
  refusesBytes(Scalars, "18", "byte 1: expected the rest of a number, found the end");
  refusesBytes(Scalars, "18 80", "byte 2: expected the rest of a number, found the end");
  refusesBytes(Scalars, "80", "byte 1: expected the rest of a number, found the end");
  refusesBytes(Scalars, "18 ffffffffffffffffff02", "byte 1: expected a number of at most 64 bits, found a larger one");
  refusesBytes(Scalars, "18 ffffffffffffffffffff01", "byte 1: expected a number of at most 64 bits, found a larger one");
  refusesBytes(Scalars, "ffffffff1f 00", "byte 0: expected a tag of at most 32 bits, found a larger one");
  refusesBytes(Scalars, "09 00000000", "byte 1: expected 8 bytes, found 4");
  refusesBytes(Scalars, "15 0000", "byte 1: expected 4 bytes, found 2");
  refusesBytes(Scalars, "72 05 6161", "byte 2: expected 5 bytes, found 2");
  refusesBytes(Scalars, "72 ffffffff0f 61", "byte 6: expected 4294967295 bytes, found 1");
  refusesBytes(Scalars, "72 8180808010 61", "byte 1: expected a length of at most 32 bits, found a larger one");
  refusesBytes(Tree, "12 03 0a 02 61 62", "byte 6: expected the end at byte 5, found a field that reaches beyond it");
  refusesBytes(Lists, "0a 07 00000000000000 00", "byte 10: expected the end at byte 9, found a field that reaches beyond it");
});

test("strings are valid UTF-8, whatever their length", () => {
  for (const bad of ["ff", "c0af", "eda080", "f4908080", "e5bd", "80", "61ff", "f8a1a1a1a1"]) {
    for (const before of ["", "61".repeat(5), "61".repeat(40), "e5bdb1".repeat(50)]) {
      const text = before + bad;
      const length = (text.length / 2).toString(16).padStart(2, "0");
      const prefix = text.length / 2 < 128 ? length : `${(((text.length / 2) & 0x7f) | 0x80).toString(16)}01`;
      const offset = 1 + prefix.length / 2;
      refusesBytes(Scalars, `72 ${prefix} ${text}`, `byte ${offset}: expected valid UTF-8, found other bytes`);
    }
  }
});

test("strings of every length and script come back", () => {
  for (const unit of ["a", "é", "影", "🎬", "a影", "\ufffd", "\0"]) {
    for (const count of [1, 2, 7, 8, 9, 12, 13, 15, 16, 17, 40, 42, 43, 63, 64, 127, 128, 129, 5461, 5462, 16383, 16384, 70_000]) {
      const message = Scalars.create({ stringField: unit.repeat(count), int32Field: 1 });
      const bytes = Scalars.toBinary(message);
      assert.deepEqual(Scalars.fromBinary(bytes), message, `${unit} × ${count}`);
      assert.equal(bytes.length, 2 + 1 + prefixLength(Buffer.byteLength(message.stringField)) + Buffer.byteLength(message.stringField));
    }
  }
});

function prefixLength(length: number): number {
  return length < 128 ? 1 : length < 16384 ? 2 : 3;
}

test("nested messages of every size come back, one inside the other", () => {
  for (const size of [0, 100, 120, 126, 127, 128, 16_000, 16_380, 16_384, 40_000]) {
    let tree = Tree.create({ name: "n".repeat(size) });
    for (let depth = 0; depth < 6; depth++) tree = Tree.create({ name: "m", left: tree, children: [Tree.create(), tree] });
    assert.deepEqual(Tree.fromBinary(Tree.toBinary(tree)), tree, `${size}`);
  }
});

test("messages nest 100 deep in both directions, and not deeper", () => {
  let tree = Tree.create();
  for (let depth = 1; depth < 100; depth++) tree = Tree.create({ left: tree });
  const bytes = Tree.toBinary(tree);
  assert.deepEqual(Tree.fromBinary(bytes), tree);
  refusesMessage(Tree, { left: tree }, /field 2: expected at most 100 nested messages, found more/);
  const deeper = new Uint8Array([0x12, 0x80 | (bytes.length & 0x7f), bytes.length >> 7, ...bytes]);
  assert.match(refusal(() => Tree.fromBinary(deeper), "BINARY_INVALID").message, /at most 100 nested messages/);
  const ring = Tree.create();
  ring.left = ring;
  refusesMessage(Tree, ring, /at most 100 nested messages/);
});

test("a message that cannot be written is refused, and the next one is written", () => {
  refusesMessage(Scalars, { int32Field: 1.5 }, /^Message field 3: expected a 32-bit integer, found 1.5$/);
  refusesMessage(Scalars, { int32Field: 2 ** 31 }, /field 3/);
  refusesMessage(Scalars, { uint32Field: -1 }, /field 5/);
  refusesMessage(Scalars, { int64Field: 2n ** 63n }, /field 4: expected a 64-bit integer, found 9223372036854775808/);
  refusesMessage(Scalars, { uint64Field: -1n }, /field 6/);
  refusesMessage(Scalars, { int64Field: 1 as unknown as bigint }, /field 4: expected a 64-bit integer as bigint, found 1/);
  refusesMessage(Scalars, { floatField: 1e39 }, /field 2/);
  refusesMessage(Scalars, { doubleField: "1" as unknown as number }, /field 1/);
  refusesMessage(Scalars, { boolField: 1 as unknown as boolean }, /field 13/);
  refusesMessage(Scalars, { stringField: 5 as unknown as string }, /field 14: expected a string, found 5/);
  refusesMessage(Scalars, { bytesField: [1] as unknown as Uint8Array }, /field 15: expected bytes/);
  for (const text of ["\ud800", "a\udc00", `${"a".repeat(50)}\ud83c`, `影${"影".repeat(50)}\udfac`]) {
    refusesMessage(Scalars, { stringField: text }, /field 14: expected valid Unicode, found a lone surrogate/);
  }
  refusesMessage(Lists, { int32Field: [1, NaN] }, /^Message item: expected a 32-bit integer, found NaN$/);
  roundTrips(Item, "0a 01 61", { id: "a" });
});

test("bytes that were given away are not written again", () => {
  const texts = Array.from({ length: 3000 }, (_, index) => `item ${index} ${"x".repeat(index % 97)}`);
  const written = texts.map((id) => Item.toBinary(Item.create({ id })));
  for (const [index, bytes] of written.entries()) assert.equal(Item.fromBinary(bytes).id, texts[index]);
});

test("bytes fields are views of what was read, and plain even of a Buffer", () => {
  const bytes = Buffer.from("7a0200ff", "hex");
  const { bytesField } = Scalars.fromBinary(bytes);
  assert.equal(bytesField.constructor, Uint8Array);
  bytes[3] = 7;
  assert.deepEqual([...bytesField], [0, 7]);
});
