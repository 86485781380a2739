import assert from "node:assert/strict";
import { test } from "node:test";
import { floorsRule } from "./floors.ts";
import { found } from "./planted.ts";

/** What the rule says about one file with one import. */
function said(path: string, source: string, others: Record<string, string> = {}): string[] {
  return found(floorsRule, { ...others, [path]: source });
}

test("floors allow an arrow that runs downward through a door", () => {
  assert.deepEqual(said("packages/gateway/src/build.ts", 'import type { Call } from "@weir/kit/call";'), []);
});

test("floors refuse an arrow that runs upward, also for a type", () => {
  const expected = ["packages/kit/src/app.ts:2 the arrow runs upward: kit (floor 1) imports api (floor 2)"];
  assert.deepEqual(said("packages/kit/src/app.ts", '\nimport { x } from "@weir/api";'), expected);
  assert.deepEqual(said("packages/kit/src/app.ts", '\nimport type { X } from "@weir/api";'), expected);
  assert.deepEqual(said("packages/kit/src/app.ts", '\nexport { x } from "@weir/api";'), expected);
  assert.deepEqual(said("packages/kit/src/app.ts", '\nconst x = await import("@weir/api");'), expected);
  assert.deepEqual(said("packages/kit/src/app.ts", '\nlet x: import("@weir/api").X;'), expected);
});

test("floors refuse an arrow that runs sideways", () => {
  const lines = said("packages/gateway/src/build.ts", 'import "@weir/control";');
  assert.deepEqual(lines, ["packages/gateway/src/build.ts:1 the arrow runs sideways: gateway and control are both on floor 3"]);
});

test("floors refuse imports of examples and tools", () => {
  const lines = said("packages/gateway/src/build.ts", 'import "../../../tools/a.ts";', { "tools/a.ts": "" });
  assert.deepEqual(lines, ["packages/gateway/src/build.ts:1 imports tools; nothing imports examples, tools or docs"]);
  assert.equal(said("tools/b.ts", 'import "../examples/feed/main.ts";', { "examples/feed/main.ts": "" }).length, 1);
});

test("floors refuse a package that has no floor", () => {
  const lines = said("packages/attic/src/a.ts", 'import "@weir/kit";', {
    "packages/attic/package.json": '{"name":"@weir/attic","dependencies":{"@weir/kit":"1"}}',
  });
  assert.deepEqual(lines, ["packages/attic/src/a.ts:1 attic has no floor; add it to the table"]);
});

test("floors refuse a relative path out of the package and a door that is not there", () => {
  const relative = said("packages/kit/src/app.ts", 'import "../../wire/src/index.ts";');
  assert.match(relative[0] ?? "", /leaves its package by a relative path/);
  assert.match(said("packages/api/src/a.ts", 'import "@weir/kit/secret";')[0] ?? "", /leads nowhere/);
  assert.match(said("packages/api/src/a.ts", 'import "./gone.ts";')[0] ?? "", /leads nowhere/);
});

test("floors refuse what package.json does not name", () => {
  assert.deepEqual(said("packages/api/src/a.ts", 'import "@weir/wire";'), [
    "packages/api/src/a.ts:1 imports @weir/wire, which packages/api/package.json does not name",
  ]);
  assert.deepEqual(said("packages/control/src/a.ts", 'import "left-pad";'), [
    "packages/control/src/a.ts:1 imports left-pad, which packages/control/package.json does not name",
  ]);
  assert.deepEqual(said("packages/control/src/a.ts", 'import "kysely";'), []);
});

test("a test may import what its package names for development", () => {
  const manifest = { name: "@weir/console", devDependencies: { "@weir/control": "1" } };
  const others = { "packages/console/package.json": JSON.stringify(manifest) };
  assert.deepEqual(said("packages/console/src/a.test.ts", 'import "@weir/control";', others), []);
  assert.equal(said("packages/console/src/a.ts", 'import "@weir/control";', others).length, 1);
  assert.equal(said("packages/console/src/a.test.ts", 'import "@weir/gateway";', others).length, 1);
});

test("wire and kit have no dependencies but the kit's optional peers", () => {
  assert.match(said("packages/wire/src/a.ts", 'import "ws";')[0] ?? "", /wire has no dependencies/);
  assert.match(said("packages/kit/src/store/a.ts", 'import "ioredis";')[0] ?? "", /kit has no dependencies/);
  assert.deepEqual(said("packages/kit/src/store/a.ts", 'import "pg";'), []);
  assert.deepEqual(said("packages/wire/src/a.test.ts", 'import "fast-check";'), []);
});

test("the core four import nothing but each other", () => {
  const lines = said("packages/kit/src/call.ts", 'import "./app/app.ts";', { "packages/kit/src/app/app.ts": "" });
  assert.deepEqual(lines, ["packages/kit/src/call.ts:1 the core four import nothing but each other, found packages/kit/src/app/app.ts"]);
  assert.deepEqual(said("packages/kit/src/call.ts", 'import "./clock.ts";', { "packages/kit/src/clock.ts": "" }), []);
});

test("neutral files of the kit stay clear of Node and of wire", () => {
  const client = "packages/kit/src/rpc/client.ts";
  assert.deepEqual(said(client, 'import "node:net";'), [`${client}:1 runs in a browser and may not import node:net`]);
  assert.deepEqual(said(client, 'import type { Body } from "@weir/wire";'), [
    `${client}:1 runs in a browser and may not import @weir/wire`,
  ]);
  const throughOther = said(client, 'import "../app/app.ts";', { "packages/kit/src/app/app.ts": 'import "node:fs";' });
  assert.deepEqual(throughOther, [
    `${client}:1 runs in a browser and may not import packages/kit/src/app/app.ts: packages/kit/src/app/app.ts imports node:fs`,
  ]);
  assert.deepEqual(said(client, 'import "../reasons.ts";', { "packages/kit/src/reasons.ts": "" }), []);
  assert.deepEqual(said("packages/kit/src/rpc/node/server.ts", 'import "node:net"; import "@weir/wire";'), []);
  assert.deepEqual(said("packages/kit/src/contract/generator/write.ts", 'import "node:fs";'), []);
});

test("control's rooms are blind to each other", () => {
  const others = { "packages/control/src/audit/chain.ts": "" };
  const lines = said("packages/control/src/routes/routes.ts", 'import "../audit/chain.ts";', others);
  assert.deepEqual(lines, ["packages/control/src/routes/routes.ts:1 control's rooms are blind to each other: routes imports audit"]);
  assert.deepEqual(said("packages/control/src/control.ts", 'import "./audit/chain.ts";', others), []);
});

test("the console imports api, the kit's neutral doors, preact and uplot only", () => {
  const page = "packages/console/src/page.tsx";
  assert.deepEqual(said(page, 'import "@weir/api"; import "@weir/kit/call"; import "preact";'), []);
  assert.match(said(page, 'import "@weir/gateway";')[0] ?? "", /sideways|does not name|upward|neutral doors only/);
  const needsNode = { "packages/kit/src/index.ts": 'import "./a.ts";', "packages/kit/src/a.ts": 'import "@weir/wire";' };
  assert.deepEqual(said(page, 'import "@weir/kit";', needsNode), [
    `${page}:1 the console runs in a browser and may not import @weir/kit: packages/kit/src/a.ts imports @weir/wire`,
  ]);
  assert.match(said(page, 'import "node:fs";')[0] ?? "", /runs in a browser/);
  assert.match(said(page, 'import "echarts";')[0] ?? "", /preact and uplot only/);
});

test("floors know what a package's own imports name, and refuse the rest that begins like it", () => {
  assert.deepEqual(said("tools/a.ts", 'import "#suites/grpc/testing/test.weir.ts";'), []);
  assert.match(said("tools/a.ts", 'import "#other/test.weir.ts";')[0] ?? "", /leads nowhere/);
});
