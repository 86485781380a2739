import assert from "node:assert/strict";
import { test } from "node:test";
import { found } from "./planted.ts";
import { coreSizeRule, packageSizesRule, sizesRule } from "./sizes.ts";

const lines = (count: number): string => "  work();\n".repeat(count);

test("a file of 400 lines stands, one of 401 falls, a generated one stands", () => {
  assert.deepEqual(found(sizesRule, { "tools/a.ts": "work();\n".repeat(400) }), []);
  assert.deepEqual(found(sizesRule, { "tools/a.ts": "work();\n".repeat(401) }), [
    "tools/a.ts:0 at most 400 lines, found 401: what has a name of its own goes into a file of that name",
  ]);
  assert.deepEqual(found(sizesRule, { "tools/a.weir.ts": "work();\n".repeat(401) }), []);
});

test("a function of 70 lines stands, one of 71 falls, whatever its form", () => {
  assert.deepEqual(found(sizesRule, { "tools/a.ts": `function f() {\n${lines(68)}}\n` }), []);
  const expected = (name: string): string[] => [`tools/a.ts:1 a function has at most 70 lines, ${name} has 71`];
  assert.deepEqual(found(sizesRule, { "tools/a.ts": `function f() {\n${lines(69)}}\n` }), expected("f"));
  assert.equal(found(sizesRule, { "tools/a.ts": `const f = () => {\n${lines(69)}};\n` }).length, 1);
  assert.equal(found(sizesRule, { "tools/a.ts": `class A {\n  f() {\n${lines(69)}}\n}\n` }).length, 1);
});

test("what registers tests is not measured, the tests in it are", () => {
  const long = `suite("a", () => {\n  test("b", () => {});\n${lines(80)}});\n`;
  assert.deepEqual(found(sizesRule, { "tools/a.test.ts": long }), []);
  assert.equal(found(sizesRule, { "tools/a.test.ts": `suite("a", () => {\n  test("b", () => {\n${lines(80)}});\n});\n` }).length, 1);
});

test("the four files of the core are measured together, without their tests", () => {
  const core = (...counts: number[]): Record<string, string> =>
    Object.fromEntries(
      ["service", "call", "fault", "clock"].map((name, at) => [`packages/kit/src/${name}.ts`, "work();\n".repeat(counts[at] ?? 0)]),
    );
  assert.deepEqual(found(coreSizeRule, { ...core(100, 200, 60, 39), "packages/kit/src/call.test.ts": "work();\n" }), []);
  assert.deepEqual(found(coreSizeRule, core(100, 200, 60, 40)), [
    "packages/kit/src/call.ts:0 service, call, fault and clock have at most 399 lines together, found 400: what not every call needs is a Layer",
  ]);
});

test("a package is measured without its tests and what is generated", () => {
  const big = "work();\n".repeat(2_500);
  const files = { "packages/api/src/a.ts": big, "packages/api/src/a.test.ts": big, "packages/api/src/a.weir.ts": big };
  assert.deepEqual(found(packageSizesRule, files), []);
  assert.deepEqual(found(packageSizesRule, { ...files, "packages/api/src/b.ts": big }), [
    "packages/api/package.json:0 at most 3000 lines of source, found 5000",
  ]);
});
