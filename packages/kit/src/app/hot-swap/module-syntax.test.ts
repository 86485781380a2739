import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { test } from "node:test";
import vm from "node:vm";
import { parseSync } from "oxc-parser";
import { moduleSyntaxFrom } from "./module-syntax.ts";

const root = new URL("../../../../../", import.meta.url).pathname;

/** Imports and exports as texts, in no order. */
interface Found {
  readonly imports: readonly string[];
  readonly exports: readonly string[];
}

function foundByOxc(source: string): Found {
  const { module, errors } = parseSync("module.mjs", source);
  assert.deepEqual(errors, []);
  const imports: string[] = [];
  const exports: string[] = [];
  for (const { moduleRequest, entries } of module.staticImports) {
    if (entries.length === 0) imports.push(moduleRequest.value);
    for (const { importName, localName } of entries) {
      const name = importName.kind === "Name" ? importName.name : importName.kind === "Default" ? "default" : "*";
      imports.push(`${moduleRequest.value} ${name} as ${localName.value}`);
    }
  }
  for (const { entries } of module.staticExports) {
    for (const { moduleRequest, exportName, importName, start } of entries) {
      const name = exportName.kind === "Default" ? "default" : (exportName.name ?? "*");
      // What was imported and is exported by a statement of its own is told as if it stood in one.
      const isFrom = moduleRequest && /^[^;]*?\bfrom\b/.test(source.slice(start)) && moduleRequest.start > start;
      exports.push(isFrom ? `${moduleRequest.value} ${importName.kind === "Name" ? importName.name : "*"} as ${name}` : name);
    }
  }
  return { imports: imports.toSorted(), exports: exports.toSorted() };
}

function foundByUs(source: string): Found {
  const { imports, exports } = moduleSyntaxFrom(source);
  const taken = imports.flatMap(({ specifier, names, exported }) =>
    names.length + exported.length === 0 ? [specifier] : names.map(({ imported, local }) => `${specifier} ${imported} as ${local}`),
  );
  const given = imports.flatMap(({ specifier, exported }) => exported.map(({ imported, name }) => `${specifier} ${imported} as ${name}`));
  return { imports: taken.toSorted(), exports: [...exports.map(({ name }) => name), ...given].toSorted() };
}

function compiles(body: string): void {
  void new vm.Script(`(async()=>{"use strict";${body}\n})`);
}

test("imports and exports of every module of the kit and of the examples are found as oxc finds them", async () => {
  let count = 0;
  for await (const path of glob(["packages/kit/src/**/*.ts", "examples/*/*.ts", "tools/*.ts"], { cwd: root })) {
    const source = stripTypeScriptTypes(await readFile(`${root}${path}`, "utf8"), { mode: "strip" });
    assert.deepEqual(foundByUs(source), foundByOxc(source), path);
    const { body } = moduleSyntaxFrom(source);
    assert.equal(body.split("\n").length, source.split("\n").length);
    compiles(body);
    count++;
  }
  assert.ok(count > 200, `${count} modules`);
});

// What deceives those who look for words only.
const hard: readonly string[] = [
  "const a = 4 / 2, b = 'export const no = 1' / 1;\nexport { a, b };",
  "if (1) /export const no = 1/.test('');\nexport let yes;",
  "const text = `export const no = ${`import x from 'y'`} ${{ a: { b: 1 } }.a.b}`;\nexport { text as default };",
  "// export const no = 1\n/* import 'no' */ export const yes = /[/]export const no/ , more = (1, 2)\nexport const again = { import: 1, export: 2 }.import\n",
  "export const f = (a) => a / 2 / 3\n, g = async (x) => { const y = 1, z = 2; return y / z }\nconst no = 1",
  "export default async function* named() {}\nexport class A extends Object { import() {} export() {} static { const x = 1; } }\n",
  "export default (function () {})\nimport d, * as all from 'there'\nimport { default as e, 'a b' as f } from \"other\" with { type: 'json' }\n",
  "export * from 'a'\nexport * as b from 'b'\nexport { c as 'd e', default } from 'c'\nimport.meta.url\nimport('x')\n",
  "export const a = 1\n++globalThis.x\nexport const b = a\n/1/1\nexport const c = a in {}\n",
  "label: { /x}/.test('') }\nexport const h = () => {}\n/y/.test('')\n",
];

test("imports and exports are found where words, slashes, templates and ends of lines deceive", () => {
  for (const source of hard) {
    assert.deepEqual(foundByUs(source), foundByOxc(source), source);
    compiles(moduleSyntaxFrom(source).body);
  }
});
