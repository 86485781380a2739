import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createConfig } from "@weir/kit/config";
import { createMetrics } from "@weir/kit/telemetry/metrics";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const page = readFileSync(join(root, "docs/config.md"), "utf8");
const run = promisify(execFile);
const examples = page
  .split("```ts\n")
  .slice(1)
  .map((part) => part.split("\n```", 3))
  .filter(([, said = ""]) => said.includes("It prints:"));

test("each example of docs/config.md prints what stands below it", { timeout: 60_000 }, async (t) => {
  assert.equal(examples.length, 2);
  const scratch = join(root, ".weir");
  mkdirSync(scratch, { recursive: true });
  for (const [source = "", , printed = ""] of examples) {
    // Inside the house, so that its packages are found; in a folder of its own, because it writes files.
    const folder = mkdtempSync(join(scratch, "page-"));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "example.ts"), source);
    const { stdout } = await run(process.execPath, ["example.ts"], { cwd: folder, timeout: 25_000 });
    assert.equal(stdout, `${printed.replace("text\n", "")}\n`);
  }
});

test("the table of docs/config.md names the metrics that there are", async () => {
  const metrics = createMetrics();
  (await createConfig({ schema: {} })).observe(metrics);
  const names = [...metrics.text().matchAll(/^# HELP (weir_config_\S+)/gm)].map(([, name]) => name);
  assert.deepEqual(
    [...page.matchAll(/^\| `(weir_config_\w+)` \|/gm)].map(([, name]) => name),
    names,
  );
});
