import assert from "node:assert/strict";
import { test } from "node:test";
import { cyclesRule, doorsRule, reachRule } from "./graph.ts";
import { found } from "./planted.ts";

test("cycles are found at any length, through re-exports and dynamic imports", () => {
  const lines = found(cyclesRule, {
    "packages/wire/src/a.ts": 'export { b } from "./b.ts";',
    "packages/wire/src/b.ts": 'await import("./c.ts");',
    "packages/wire/src/c.ts": 'import "./a.ts";',
    "packages/wire/src/d.ts": 'import "./a.ts";',
  });
  const [a, b, c] = ["a", "b", "c"].map((name) => `packages/wire/src/${name}.ts`);
  assert.deepEqual(lines, [`${a}:0 imports run in a circle: ${a} → ${b} → ${c}`]);
});

test("cycles of types alone are none", () => {
  const lines = found(cyclesRule, {
    "packages/wire/src/a.ts": 'import type { B } from "./b.ts";',
    "packages/wire/src/b.ts": 'import "./a.ts";',
  });
  assert.deepEqual(lines, []);
});

test("a file that nothing reaches is dead", () => {
  const lines = found(reachRule, {
    "packages/wire/src/index.ts": 'import "./used.ts"; new Worker(new URL("./worker.ts", import.meta.url));',
    "packages/wire/src/used.ts": "",
    "packages/wire/src/worker.ts": "",
    "packages/wire/src/dead.ts": "",
    "packages/wire/src/only-tested.ts": "",
    "packages/wire/src/used.test.ts": 'import "./only-tested.ts";',
    "examples/feed/main.ts": "",
    "tools/command.ts": "",
    "docs/tools.md": "Run node tools/command.ts",
  });
  assert.deepEqual(lines, ["packages/wire/src/dead.ts:0 no door, command or test reaches this file"]);
});

test("a door that leads to no file is found", () => {
  const manifest = JSON.stringify({ name: "@weir/api", exports: { ".": "./src/index.ts", "./gone": "./src/gone.ts" } });
  const lines = found(doorsRule, { "packages/api/package.json": manifest });
  assert.deepEqual(lines, ["packages/api/package.json:0 the door @weir/api/gone leads to packages/api/src/gone.ts, which does not exist"]);
});
