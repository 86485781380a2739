import assert from "node:assert/strict";
import { test } from "node:test";
import { base64FromBytes, bytesFromBase64 } from "./base64.ts";

const lengths = [0, 1, 2, 3, 4, 255, 8192, 8193, 20_000];

/** Takes away what ECMAScript 2026 brings while the action runs, so that the slower way is what runs. */
function withoutFastWay(action: () => void): void {
  const read = Object.getOwnPropertyDescriptor(Uint8Array, "fromBase64");
  const write = Object.getOwnPropertyDescriptor(Uint8Array.prototype, "toBase64");
  Reflect.deleteProperty(Uint8Array, "fromBase64");
  Reflect.deleteProperty(Uint8Array.prototype, "toBase64");
  try {
    action();
  } finally {
    if (read) Object.defineProperty(Uint8Array, "fromBase64", read);
    if (write) Object.defineProperty(Uint8Array.prototype, "toBase64", write);
  }
}

function checkRoundTrips(): void {
  for (const length of lengths) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 31 + length) & 255);
    const text = Buffer.from(bytes).toString("base64");
    assert.equal(base64FromBytes(bytes), text);
    for (const form of [text, text.replace(/=+$/, ""), Buffer.from(bytes).toString("base64url")])
      assert.deepEqual(bytesFromBase64(form), bytes, form);
  }
}

function checkRefusals(): void {
  for (const text of ["A", "AAAAA", "=", "==", "A===", "AA=", "AAA==", "AA==A", "A A=", " ", "AA\n==", "AA==\n", "é", "AA.=", "\u0000"]) {
    assert.equal(bytesFromBase64(text), undefined, JSON.stringify(text));
  }
}

test("base64 round-trips in both alphabets, padded and not", checkRoundTrips);

test("base64 refuses everything else", checkRefusals);

test("base64 does the same where the engine does not bring it", () => {
  withoutFastWay(() => {
    checkRoundTrips();
    checkRefusals();
  });
});
