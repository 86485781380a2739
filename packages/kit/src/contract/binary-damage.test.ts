import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "../fault.ts";
import type { MessageType } from "./contract.ts";
import { everyKind } from "./testdata/every-kind.ts";

const unknownGroup = Buffer.from("a3bf0108011a02616223a01fffffffff0f24a4bf01", "hex");

/** Reads bytes: true for a value, which comes back when it is written again, false for a Fault. */
function reads(type: MessageType<unknown>, bytes: Uint8Array): boolean {
  const shown = `${type.typeName}: ${Buffer.from(bytes).toString("hex")}`;
  let value: unknown;
  try {
    value = type.fromBinary(bytes);
  } catch (error) {
    assert.ok(isFault(error) && error.reason === "BINARY_INVALID", `${shown}: ${String(error)}`);
    return false;
  }
  assert.deepEqual(type.fromBinary(type.toBinary(value)), value, shown);
  return true;
}

test("every cut and every flipped bit of a message of every kind ends in a value or a Fault", () => {
  const counts = { values: 0, faults: 0 };
  for (const [type, message] of everyKind) {
    const bytes = Buffer.concat([type.toBinary(message), unknownGroup]);
    assert.ok(reads(type, bytes));
    for (let length = 0; length < bytes.length; length++) counts[reads(type, bytes.subarray(0, length)) ? "values" : "faults"]++;
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      counts[reads(type, flipped) ? "values" : "faults"]++;
    }
  }
  assert.ok(counts.values > 2000 && counts.faults > 2000, JSON.stringify(counts));
});
