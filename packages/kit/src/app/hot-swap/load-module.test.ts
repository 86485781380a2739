import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isFault } from "../../fault.ts";
import { systemClock } from "../../clock.ts";
import { loadHotModule } from "./load-module.ts";

/** Writes files into a folder named "rules" of their own; answers how to reach one. */
async function folderWith(t: TestContext, files: Readonly<Record<string, string>>): Promise<(name: string) => string> {
  const folder = await mkdtemp(join(tmpdir(), "weir-rules-"));
  t.after(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return (name) => join(folder, name);
}

async function messageOf(loading: Promise<unknown>): Promise<string> {
  try {
    await loading;
  } catch (error) {
    if (isFault(error) && error.reason === "HOT_MODULE_INVALID") return error.message.replace(/^weir-rules-[^/]+/, "rules");
    throw error;
  }
  throw new Error("expected HOT_MODULE_INVALID");
}

test("hot module exports what a module exports, with types, imports of every kind and top-level await", async (t) => {
  const at = await folderWith(t, {
    "limits.ts": "export const limit: number = 5, other = [1, 2];\nexport default { of: 'limits' };\n",
    "table.json": '{"rows":[1,2,3]}',
    "more.mjs":
      "export * from './limits.ts';\nexport * as limits from './limits.ts';\nexport { default as table } from './table.json' with { type: 'json' };\n",
    "entry.ts": [
      'import type { Call } from "@weir/kit/call";',
      'import fallback, { limit as most, type Missing } from "./limits.ts";',
      'import * as path from "node:path";',
      'import { table, limits, other } from "./more.mjs";',
      "export const seen: string = `${path.basename(import.meta.filename)} ${/[/}]/.test('/') ? `in ${most}` : 2 / 1}`;",
      "const waited = await Promise.resolve(7);",
      "let count = 0;",
      "export function grow(): number { return ++count; }",
      "export { waited as 'a name', count, table, limits, other, fallback };",
      "const { EOL } = await import('node:os');",
      "export default class { static readonly own: string = EOL; }",
    ].join("\n"),
  });
  const { exports, files } = await loadHotModule(at("entry.ts"));
  assert.equal(exports["seen"], "entry.ts in 5");
  assert.equal(exports["a name"], 7);
  assert.deepEqual(exports["table"], { rows: [1, 2, 3] });
  assert.deepEqual(exports["other"], [1, 2]);
  assert.equal((exports["limits"] as { limit: number }).limit, 5);
  assert.deepEqual(exports["fallback"], { of: "limits" });
  assert.equal((exports["default"] as { own: string }).own, "\n");
  assert.equal((exports["grow"] as () => number)(), 1);
  assert.equal(exports["count"], 1, "exports are live");
  assert.deepEqual(files, [at("limits.ts"), at("table.json"), at("more.mjs"), at("entry.ts")]);
});

test("hot module is loaded anew each time with what lies beside it; what the program has is shared", async (t) => {
  const at = await folderWith(t, {
    "entry.ts": "import { fault } from '@weir/kit/fault';\nimport { number } from './number.ts';\nexport { fault, number };\n",
    "number.ts": "export const number = 1;\n",
  });
  // Tests lie outside of any package; the kit's own name is known only inside of one.
  await writeFile(
    at("entry.ts"),
    `import { fault } from '${new URL("../../fault.ts", import.meta.url).href}';\nimport { number } from './number.ts';\nexport { fault, number };\n`,
  );
  const first = await loadHotModule(at("entry.ts"));
  await writeFile(at("number.ts"), "export const number = 2;\n");
  const second = await loadHotModule(at("entry.ts"));
  assert.deepEqual([first.exports["number"], second.exports["number"]], [1, 2]);
  assert.equal(first.exports["fault"], second.exports["fault"]);
});

test("hot module that cannot be loaded is refused with file, line and reason", async (t) => {
  const at = await folderWith(t, {
    "types.ts": "const a: number = 1;\n\nconst b: number = = 2;\n",
    "enum.ts": "\nenum A { x }\n",
    "syntax.mjs": "export const a = 1;\nexport const b = [;\n",
    "throws.ts": "const a = 1;\n\nthrow new Error(`no ${a}`);\n",
    "later.ts": "export const a = 1;\nawait Promise.reject(new Error('later'));\n",
    "pattern.ts": "export const a = 1;\nexport const { b, c } = { b: 1, c: 2 };\n",
    "self.ts": "import './other.ts';\n",
    "other.ts": "import './self.ts';\n",
    "name.ts": "import { none } from './types-ok.ts';\n",
    "types-ok.ts": "export const some = 1;\n",
    "absent.ts": "import { a } from './absent-too.ts';\n",
    "nested.ts": "import './throws.ts';\n",
    "loop.ts": "for (;;);\n",
    "table.json": "{",
  });
  assert.match(await messageOf(loadHotModule(at("types.ts"))), /^rules\/types\.ts:3: Expression expected$/);
  assert.match(await messageOf(loadHotModule(at("enum.ts"))), /^rules\/enum\.ts:2: TypeScript enum is not supported/);
  assert.match(await messageOf(loadHotModule(at("syntax.mjs"))), /^rules\/syntax\.mjs:2: Unexpected token ';'/);
  assert.equal(await messageOf(loadHotModule(at("throws.ts"))), "rules/throws.ts:3: no 1");
  assert.equal(await messageOf(loadHotModule(at("nested.ts"))), "rules/throws.ts:3: no 1");
  assert.equal(await messageOf(loadHotModule(at("later.ts"))), "rules/later.ts:2: later");
  assert.equal(await messageOf(loadHotModule(at("pattern.ts"))), "rules/pattern.ts:2: expected one name for each export, found a pattern");
  assert.match(await messageOf(loadHotModule(at("self.ts"))), /^rules\/self\.ts: it imports itself/);
  assert.equal(await messageOf(loadHotModule(at("name.ts"))), 'rules/name.ts: expected ./types-ok.ts to export "none"');
  assert.match(await messageOf(loadHotModule(at("absent.ts"))), /^rules\/absent-too\.ts: ENOENT/);
  assert.match(await messageOf(loadHotModule(at("table.json"))), /^rules\/table\.json: /);
  assert.match(await messageOf(loadHotModule(at("loop.ts"), { blockedMsMax: 50 })), /timed out after 50ms/);
});

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

test("hot module goes when nobody holds it any more", { timeout: 30_000 }, async (t) => {
  const at = await folderWith(t, {
    "entry.ts": "import { big } from './big.ts';\nexport const answer = () => big.length;\n",
    "big.ts": "export const big = new Array(100_000).fill(0).map(Math.random);\n",
  });
  let gone = 0;
  const registry = new FinalizationRegistry(() => gone++);
  for (let turn = 0; turn < 100; turn++) {
    const { exports } = await loadHotModule(at("entry.ts"));
    registry.register(exports["answer"] as object, turn);
  }
  const untilMs = systemClock.monotonicMs() + 20_000;
  while (gone < 80 && systemClock.monotonicMs() < untilMs) {
    collect();
    // What went is told in a later turn.
    await systemClock.sleep(1);
  }
  assert.ok(gone >= 80, `${gone} of 100 have gone`);
});
