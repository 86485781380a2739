import assert from "node:assert/strict";
import { test } from "node:test";
import { found } from "./planted.ts";
import { documentedRule, optionsRule, parametersRule } from "./shapes.ts";

const fields = (count: number): string => Array.from({ length: count }, (_, index) => `f${index}?: number;`).join(" ");

test("an options object of 12 fields stands, one of 13 falls", () => {
  assert.deepEqual(found(optionsRule, { "tools/a.ts": `interface AOptions { ${fields(12)} }` }), []);
  assert.deepEqual(found(optionsRule, { "tools/a.ts": `interface AOptions { ${fields(13)} }` }), [
    "tools/a.ts:1 AOptions has 13 fields, at most 12",
  ]);
  assert.equal(found(optionsRule, { "tools/a.ts": `type AOptions = { ${fields(13)} };` }).length, 1);
  assert.deepEqual(found(optionsRule, { "tools/a.ts": `interface Row { ${fields(13)} }` }), []);
});

test("two positional parameters and one options object stand, three positional ones fall", () => {
  const judged = (parameters: string): number =>
    found(parametersRule, {
      "packages/kit/src/index.ts": 'export { f } from "./a.ts";',
      "packages/kit/src/a.ts": `export function f(${parameters}): void {}`,
    }).length;
  assert.equal(judged("a: string, b: number, options: FOptions = {}"), 0);
  assert.equal(judged("a: string, b: number, { c }: { c: number }"), 0);
  assert.equal(judged("a: string, b: number, done: () => void"), 0);
  assert.equal(judged("a: string, b: number, call: Call"), 0);
  assert.equal(judged("a: string, b: number, ...rest: string[]"), 0);
  assert.equal(judged("a: string, b: number, c: string"), 1);
  assert.equal(judged("a: string, b: number, c: string, options: FOptions"), 1);
});

test("behind the door there may be three positional parameters, not four", () => {
  const judged = (parameters: string): number =>
    found(parametersRule, { "tools/a.ts": `export function f(${parameters}): void {}` }).length;
  assert.equal(judged("bytes: Uint8Array, start: number, end: number"), 0);
  assert.equal(judged("bytes: Uint8Array, start: number, end: number, strict: boolean"), 1);
});

test("an export without a doc comment falls, however it is exported", () => {
  const judged = (source: string): string[] => found(documentedRule, { "tools/a.ts": source });
  assert.deepEqual(judged("export const a = 1;"), ["tools/a.ts:1 the export a has no doc comment"]);
  assert.deepEqual(judged("// says\nexport function a() {}"), ["tools/a.ts:2 the export a has no doc comment"]);
  assert.deepEqual(judged("/** Says. */\nfunction b() {}\nexport function a() {}"), ["tools/a.ts:3 the export a has no doc comment"]);
  assert.deepEqual(judged("interface A {}\nexport type { A };"), ["tools/a.ts:1 the export A has no doc comment"]);
  assert.deepEqual(judged("class A {}\nexport { A };"), ["tools/a.ts:1 the export A has no doc comment"]);
  assert.deepEqual(judged("/** Says. */\nexport function a(): void;\nexport function a(b?: 1): void {}"), []);
  assert.deepEqual(judged('/** Says. */\nexport class A {}\nexport { b } from "./b.ts";'), []);
});
