import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { promisify } from "node:util";
import { createMetrics } from "../../../telemetry/metrics.ts";
import { createBalanceMetrics } from "./balance-metrics.ts";

const page = readFileSync(new URL("../../../../../../docs/balancing.md", import.meta.url), "utf8");
const run = promisify(execFile);

test("the example of docs/balancing.md prints what stands below it", { timeout: 20_000 }, async () => {
  const [, source = "", printed = ""] = /```ts\n([^]*?)```\n\nIt prints:\n\n```text\n([^]*?)```/.exec(page) ?? [];
  assert.match(source, /createBalancedClient/);
  const { stdout } = await run(process.execPath, ["--input-type=module-typescript", "--eval", source], {
    cwd: new URL(".", import.meta.url),
    timeout: 15_000,
  });
  assert.equal(stdout, printed);
});

test("the table of docs/balancing.md names the metrics that there are", () => {
  const metrics = createMetrics();
  createBalanceMetrics(metrics, "t");
  const names = [...metrics.text().matchAll(/^# HELP (weir_client_\S+)/gm)].map(([, name]) => name);
  assert.deepEqual(
    [...page.matchAll(/^\| `(weir_client_\w+)` \|/gm)].map(([, name]) => name),
    names,
  );
});
