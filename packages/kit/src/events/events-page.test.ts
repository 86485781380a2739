import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { promisify } from "node:util";
import { createMetrics } from "../telemetry/metrics.ts";
import { createConsumerCounts } from "./consumer-metrics.ts";
import { createRelay } from "./relay.ts";

const page = readFileSync(new URL("../../../../docs/events.md", import.meta.url), "utf8");
const run = promisify(execFile);

test("the example of docs/events.md prints what stands below it", { timeout: 60_000 }, async () => {
  const [, source = "", printed = ""] = /```ts\n([^]*?)```\n\nIt prints:\n\n```text\n([^]*?)```/.exec(page) ?? [];
  assert.match(source, /outbox\.emit/);
  const here = source.replace("./orders.weir.ts", new URL("./testdata/orders.weir.ts", import.meta.url).href);
  const options = { cwd: new URL(".", import.meta.url), timeout: 50_000 };
  const { stdout } = await run(process.execPath, ["--no-warnings", "--input-type=module-typescript", "--eval", here], options);
  assert.equal(stdout, printed);
});

test("the metrics that docs/events.md names are those that there are", () => {
  const metrics = createMetrics();
  const nothing = {} as never;
  createRelay({ database: nothing, carrier: nothing, metrics });
  createConsumerCounts({ group: "g", topics: [], carrier: nothing, metrics, clock: nothing });
  const there = [...metrics.text().matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name);
  const named = [...page.matchAll(/`(weir_(?:outbox|events)_\w+)/g)].map(([, name]) => name);
  assert.deepEqual(new Set(named), new Set(there.filter((name) => /^weir_(outbox|events)_/.test(name ?? ""))));
});
