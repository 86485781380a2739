import assert from "node:assert/strict";
import { test } from "node:test";
import { BinaryWriter } from "./binary-writer.ts";
import { everyKind } from "./testdata/every-kind.ts";
import { Item } from "./testdata/golden.weir.ts";

/*
 * Numbers are written without a look at what room is left: that was asked for before. So every kind is written where every
 * number of bytes is left.
 */
test("messages come back whole wherever the buffer ends", () => {
  for (const [type, message] of everyKind) {
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
