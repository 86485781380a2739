import assert from "node:assert/strict";
import { test } from "node:test";
import { BinaryWriter } from "./binary-writer.ts";
import type { MessageType } from "./contract.ts";
import { Item, Lists, Maps, Optionals, Scalars, WellKnown } from "./testdata/golden.weir.ts";

const numbers = {
  doubleField: 1.5,
  floatField: 0.5,
  int32Field: -1,
  int64Field: -1n,
  uint32Field: 2 ** 32 - 1,
  uint64Field: 2n ** 64n - 1n,
  sint32Field: -(2 ** 31),
  sint64Field: -(2n ** 63n),
  fixed32Field: 2 ** 32 - 1,
  fixed64Field: 2n ** 64n - 1n,
  sfixed32Field: -1,
  sfixed64Field: -1n,
  boolField: true,
  color: -1,
} as const;
const scalars = Scalars.create(numbers);
const times = { seconds: -1n, nanos: -1 };

const subjects: readonly (readonly [type: MessageType<unknown>, message: unknown])[] = [
  [Scalars, scalars],
  [Optionals, Optionals.create({ ...numbers, scalars, color: -1 })],
  [Lists, Lists.create({ doubleField: [1, 2, 3], int32Field: [-1, -1], int64Field: [-(2n ** 63n)], boolField: [true] })],
  [
    Maps,
    Maps.create({
      byString: { a: "b", "": "" },
      byInt32: { "-1": -1 },
      byUint32: { "4294967295": 2 ** 32 - 1 },
      byInt64: { "-1": -1n },
      byUint64: { "18446744073709551615": 2n ** 64n - 1n },
      byBool: { true: true },
      doubles: { é: 1.5 },
      colors: { "more than twelve characters": -1 },
      scalars: { a: scalars },
      times: { "-1": times },
      values: { "7": [1.5, true, null, { a: "é" }] },
    }),
  ],
  [
    WellKnown,
    WellKnown.create({
      time: times,
      duration: times,
      wrappedDouble: 1.5,
      wrappedInt32: -1,
      wrappedInt64: -1n,
      wrappedUint64: 2n ** 64n - 1n,
      wrappedBool: true,
      wrappedString: "s",
      list: [1.5, null],
    }),
  ],
] as const;

/*
 * Numbers are written without a look at what room is left: that was asked for before. So every kind is written where every
 * number of bytes is left.
 */
test("messages come back whole wherever the buffer ends", () => {
  for (const [type, message] of subjects) {
    const expected = type.toBinary(message).slice();
    assert.deepEqual(type.toBinary(type.fromBinary(expected)), expected);
    let filled = 0;
    // Beyond two of the largest buffers, in steps that have no divisor in common with them.
    for (let step = 0; filled < 300_000; step++) {
      const gap = Item.toBinary(Item.create({ id: "x".repeat(1 + (step % 61)) })).length;
      const bytes = type.toBinary(message);
      assert.deepEqual(bytes, expected, type.typeName);
      filled += gap + bytes.length;
    }
  }
});

test("a writer that was not asked for room says so, and gives nothing away", () => {
  const writer = new BinaryWriter();
  for (let count = 0; count < 70_000; count++) writer.bool(8, true);
  assert.throws(() => writer.finish(), /expected room for \d+ bytes more/);
});
