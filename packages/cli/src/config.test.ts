import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createControl } from "@weir/control";
import { createConfig } from "@weir/kit/config";
import { controlSource } from "@weir/kit/config/control-source";
import { durationMs, secret, text } from "@weir/kit/config/key";
import { runCommand } from "./command.ts";
import { configCommand } from "./config.ts";

const tokens = { admin: "an-admin-of-at-least-32-characters", instance: "an-instance-of-at-least-32-characters" };

test("weir config shows, changes and waits for settings, and says who refuses them", { timeout: 30_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "weir-cli-config-"));
  const control = await createControl({ databaseUrl: `sqlite:${join(folder, "control.db")}`, bootstrapTokens: tokens });
  t.after(async () => {
    await control.stop();
    rmSync(folder, { recursive: true });
  });
  const source = controlSource({ service: "feed", version: "v1", instance: "feed-1", url: control.url, token: tokens.instance });
  const schema = {
    "cache.ttlMs": durationMs({ default: 1000, max: 60_000, description: "How long." }),
    password: secret(text({ default: "" })),
  };
  await using config = await createConfig({ schema, sources: [source] });
  const weir = async (...argv: string[]): Promise<{ code: number; out: string; err: string }> => {
    const [out, err]: string[][] = [[], []];
    const code = await runCommand([configCommand], ["config", ...argv], {
      out: (line) => void out?.push(line),
      err: (line) => void err?.push(line),
      terminal: false,
      environment: { WEIR_CONTROL_URL: control.url, WEIR_TOKEN: tokens.admin },
      signal: new AbortController().signal,
    });
    return { code, out: out?.join("\n") ?? "", err: err?.join("\n") ?? "" };
  };

  const file = join(folder, "values.json");
  writeFileSync(file, '{ "password": "hunter2" }');
  assert.deepEqual(await weir("put", "feed", "cache.ttlMs=30s", "--values", file, "--reason", "a test"), {
    code: 0,
    out: "feed: revision 1\n  feed-1: v1, applied, holds revision 1",
    err: "",
  });
  assert.deepEqual([config.get("cache.ttlMs"), config.get("password")], [30_000, "hunter2"]);
  assert.deepEqual((await weir("get", "feed")).out.split("\n"), [
    "feed: revision 1",
    "set for all versions (by admin: a test)",
    '  cache.ttlMs = "30s"',
    '  password = "(secret)"',
    "keys",
    "  cache.ttlMs: How long. (default 1000)",
    "  password (secret)",
  ]);
  const refused = await weir("put", "feed", "cache.ttlMs=2h", "--reason", "too much");
  assert.equal(refused.code, 1);
  assert.match(refused.err, /cache\.ttlMs: expected a duration from 0ms to 1m.*found "2h"\. \[CONFIG_VALUES_INVALID\]$/);
  config.subscribe(
    ["cache.ttlMs"],
    () => {
      throw new Error("not now");
    },
    { name: "the cache" },
  );
  const unwilling = await weir("put", "feed", "--remove", "cache.ttlMs", "--reason", "back to the default");
  assert.deepEqual(unwilling, {
    code: 1,
    out: "feed: revision 2\n  feed-1: v1, refused, holds revision 1\n    cache.ttlMs: expected a value that the cache takes, found not now",
    err: "",
  });
  assert.equal((await weir("list")).out, "feed: revision 2, 0 of 1 instances have it, 1 refused it");
  assert.equal(JSON.parse((await weir("status", "feed", "--json")).out).instances[0].outcome, "OUTCOME_REFUSED");
  assert.match((await weir("put", "feed", "cache.ttlMs", "--reason", "x")).err, /expected KEY=VALUE/);
  assert.match((await weir("--help")).out, /Example:/);
});
