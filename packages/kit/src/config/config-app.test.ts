import assert from "node:assert/strict";
import { test } from "node:test";
import { createApp } from "../app/app.ts";
import { createConfig } from "./config.ts";
import type { ConfigExplanation } from "./explanation.ts";
import { durationMs, secret, text } from "./key.ts";
import { pushedSource } from "./testdata/pushed-source.ts";

test("an app shows its configuration on the admin port, masked, and counts changes and refusals", { timeout: 20_000 }, async () => {
  const source = pushedSource({ password: "hunter2", "cache.ttlMs": "5s" });
  const schema = { "cache.ttlMs": durationMs({ default: 1 }), password: secret(text({ default: "" })) };
  const config = await createConfig({ schema, sources: [source] });
  await using running = await createApp({ name: "sample", services: [], config }).start();
  await source.push({ "cache.ttlMs": "6s", password: "hunter3" });
  await source.push({ "cache.ttlMs": -1 });
  const ask = async (path: string): Promise<Response> =>
    await fetch(`http://127.0.0.1:${running.adminPort}${path}`, { headers: { connection: "close" } });
  const answer = await ask("/config");
  const shown = await answer.text();
  assert.equal(answer.headers.get("cache-control"), "no-store");
  assert.doesNotMatch(shown, /hunter/);
  const { revision, keys, sources } = JSON.parse(shown) as ConfigExplanation;
  assert.deepEqual([revision, keys.map(({ value }) => value)], [2, ["6s", "(secret)"]]);
  assert.equal(sources[0]?.refused?.problems[0]?.found, "-1");
  const metrics = await (await ask("/metrics")).text();
  assert.match(metrics, /^weir_config_revision 2$/m);
  assert.match(metrics, /^weir_config_refusals_total\{source="pushed"\} 1$/m);
});
