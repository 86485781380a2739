import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { createMetrics } from "../telemetry/metrics.ts";
import { createCache } from "./cache.ts";
import { createMemoryStore } from "./memory-store.ts";
import { createRedisPool } from "./redis-pool.ts";

const page = await readFile(new URL("../../../../docs/cache.md", import.meta.url), "utf8");

test("the program of docs/cache.md prints what stands below it", async () => {
  const [, program = ""] = /^```ts\n(.*?)^```$/ms.exec(page) ?? [];
  const [, expected = ""] = /^```text\n(.*?)^```$/ms.exec(page) ?? [];
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-"], {
    cwd,
    stdio: ["pipe", "pipe", "inherit"],
    timeout: 30_000,
  });
  child.stdin.end(program);
  const said = (await child.stdout.setEncoding("utf8").toArray()).join("");
  let at = 0;
  for (const piece of expected.trim().split("…")) {
    const found = said.indexOf(piece, at);
    assert.ok(found !== -1 && (at > 0 || found === 0), `expected "${piece}" in:\n${said}`);
    at = found + piece.length;
  }
  assert.equal(said.slice(at).trim(), "");
});

test("docs/cache.md names every metric of caches and Redis, and no other", () => {
  const metrics = createMetrics();
  createCache({ name: "a", store: createMemoryStore<string>(), load: async () => "", ttlMs: 1, metrics });
  createRedisPool({ url: "redis://127.0.0.1:1", telemetry: { name: "a", metrics } }).close();
  const there = new Set([...metrics.text().matchAll(/^# TYPE (weir_(?:cache|redis)_\w+)/gm)].map(([, name]) => name));
  const named = new Set([...page.matchAll(/`(weir_(?:cache|redis)_\w+)`/g)].map(([, name]) => name));
  assert.deepEqual(named, there);
});
