import assert from "node:assert/strict";
import { test } from "node:test";
import { descriptorFromGo } from "./go-descriptor.ts";

const go = (...lines: readonly string[]): string =>
  [
    "package x",
    "",
    'const file_x_rawDesc = "" +',
    ...lines.map((line, index) => `\t"${line}"${index < lines.length - 1 ? " +" : ""}`),
    "",
  ].join("\n");

test("a descriptor is read from the strings of generated Go, escapes and all", () => {
  const bytes = descriptorFromGo(go("\\n", '\\x17grpc/\\"a\\"\\\\\\t\\b\\f', "\\377\\u00e9\\U0001f608é+"));
  const tail = [255, ...new TextEncoder().encode("é😈é+")];
  assert.deepEqual([...bytes], [10, 23, ...new TextEncoder().encode('grpc/"a"\\'), 9, 8, 12, ...tail]);
});

test("generated Go without a descriptor, or with an escape that Go does not have, is refused", () => {
  assert.throws(() => descriptorFromGo("package x\n"), /expected a constant …_rawDesc/);
  assert.throws(() => descriptorFromGo(go("\\q")), /expected an escape of Go, found \\q/);
});
