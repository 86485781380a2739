import assert from "node:assert/strict";
import { test } from "node:test";
import { bansRule } from "./bans.ts";
import { found } from "./planted.ts";

const source = "packages/wire/src/a.ts";
const testSource = "packages/wire/src/a.test.ts";

/** How often the rule complains about one file. */
function complaints(path: string, text: string): number {
  return found(bansRule, { [path]: text }).length;
}

test("bans name the line and what to write in its place", () => {
  assert.deepEqual(found(bansRule, { [source]: "let a = 1;\nlet b: any;" }), [
    `${source}:2 no any: name the type, or take unknown and narrow it`,
  ]);
});

test("bans find syntax that the house does not use", () => {
  for (const text of ["enum A { B }", "namespace A {}", "export default 1;", 'export * from "./b.ts";', "let a = <any>b;", "let a = ;"]) {
    assert.ok(complaints(source, text) >= 1, text);
  }
  assert.equal(complaints("packages/console/vite.config.ts", "export default {};"), 0);
});

test("bans find what only a main may do", () => {
  for (const text of ["console.log(1);", "process.exit(1);", "process.env.A;", "process.argv;", 'import { env } from "node:process";']) {
    assert.equal(complaints(source, text), 1, text);
    assert.equal(complaints("packages/cli/src/main.ts", text), 0, text);
  }
  assert.equal(complaints("tools/a.ts", "console.log(1);"), 1);
  assert.equal(complaints("examples/feed/main.ts", "process.env.A;"), 0);
  assert.equal(complaints("examples/feed/rank.ts", "process.env.A;"), 1);
  assert.equal(complaints(testSource, "process.env.A;"), 0);
});

test("bans find names that say nothing, of files and of things", () => {
  for (const path of ["utils.ts", "helpers/a.ts", "common/a.ts", "http-Base.ts", "HttpServer.ts"]) {
    assert.ok(complaints(`packages/wire/src/${path}`, "") >= 1, path);
  }
  for (const text of ["class PoolManager {}", "function poolHelper() {}", "export class BasePool {}", "interface PoolImpl {}"]) {
    assert.equal(complaints(source, text), 1, text);
  }
  assert.equal(complaints("packages/kit/src/store/database.ts", "export interface Database {}"), 0);
});

test("bans find left-over notes in comments and not in strings", () => {
  const note = ["TO", "DO"].join("");
  assert.equal(complaints(source, `// ${note} later`), 1);
  assert.equal(complaints(source, `const a = "${note}";`), 0);
});

test("bans find tests that are left out or wait for time", () => {
  const texts = [
    'test.only("a", () => {});',
    'test("a", { only: true }, () => {});',
    'test.skip("a", () => {});',
    'test("a", { skip: true }, () => {});',
    'test("a", { todo: true }, () => {});',
    "t.skip();",
    "await new Promise((resolve) => setTimeout(resolve, 10));",
    "await new Promise((resolve) => { setTimeout(resolve, 10); });",
    'import { setTimeout } from "node:timers/promises";',
  ];
  for (const text of texts) assert.equal(complaints(testSource, text), 1, text);
  for (const text of [
    'test("a", { skip: url ? false : "set WEIR_DATABASE_URL" }, () => {});',
    "setTimeout(() => reject(new Error()), 10);",
  ]) {
    assert.equal(complaints(testSource, text), 0, text);
  }
});
