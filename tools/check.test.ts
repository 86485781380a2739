import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { testFiles } from "./check/run-tests.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const program = `${root}tools/check.ts`;

test("check says what it was given wrong, and how it is used", () => {
  for (const words of [["--quick", "--only", "lint"], ["--slow"], ["lint"]]) {
    const { status, stderr, stdout } = spawnSync(process.execPath, [program, ...words], { encoding: "utf8" });
    assert.deepEqual([status, stdout], [2, ""], words.join(" "));
    assert.match(stderr, /--quick[^]*--only PATTERN/);
  }
});

test("npm run check runs the steps and the rules of the house, and no other test", () => {
  const { scripts } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as { scripts: Record<string, string> };
  assert.equal(scripts["check"], "node tools/check.ts --quick");
  const [, rules = ""] = /^const houseRules = "(.+)";$/m.exec(readFileSync(program, "utf8")) ?? [];
  assert.ok(existsSync(`${root}${rules}`));
  assert.deepEqual(testFiles(root, rules), [rules]);
});
