import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { promisify } from "node:util";
import { kitReasons } from "../reasons.ts";
import { policyKeys } from "./policy-keys.ts";

const page = readFileSync(new URL("../../../../docs/policies.md", import.meta.url), "utf8");
const run = promisify(execFile);

test("the example of docs/policies.md prints what stands below it", { timeout: 30_000 }, async () => {
  const [, source = "", printed = ""] = /```ts\n([^]*?)```\n\nIt prints:\n\n```text\n([^]*?)```/.exec(page) ?? [];
  assert.match(source, /app\.policies\.client/);
  const greeter = new URL("../rpc/testdata/greeter.weir.ts", import.meta.url).href;
  const here = source.replace("./greeter.weir.ts", greeter);
  const options = { cwd: new URL(".", import.meta.url), timeout: 25_000 };
  const { stdout } = await run(process.execPath, ["--input-type=module-typescript", "--eval", here], options);
  assert.equal(stdout, printed);
});

test("the table of docs/policies.md says of every value its default and its range", () => {
  const rows = [...page.matchAll(/^\| `((?:client|server)\.[\w.]+)` \| ([^|]+) \| ([^|]+) \|$/gm)].map(([, path, standard = "", range]) => [
    path,
    standard.split(/[; ]/)[0],
    range,
  ]);
  const expected = Object.entries(policyKeys).map(([path, key]) => {
    const range = key.kind === "word" ? key.words.join(", ") : `${key.min}–${key.max}${key.orNone === true ? ", 0" : ""}`;
    return [path, String(key.standard), range];
  });
  assert.deepEqual(rows, expected);
});

test("docs/policies.md names reasons that there are, with the codes that they have", () => {
  const named = [...page.matchAll(/`([A-Z_]{6,})`(?:, ([A-Z_]+))? \|$/gm)];
  assert.ok(named.length >= 7, `${named.length}`);
  for (const [, reason = "", code] of named) {
    const known = (kitReasons as Readonly<Record<string, { readonly code: string }>>)[reason];
    assert.ok(reason === "DEADLINE_EXCEEDED" || known !== undefined, reason);
    if (code !== undefined) assert.equal(known?.code, code, reason);
  }
});
