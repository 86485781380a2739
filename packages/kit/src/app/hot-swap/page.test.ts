import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { App } from "../app.ts";
import { loadHotModule } from "./load-module.ts";
import type { HotSwap } from "./hot-swap.ts";

test("docs/hot-swap.md: its examples run, and its metrics are those of an app", async (t) => {
  const page = await readFile(new URL("../../../../../docs/hot-swap.md", import.meta.url), "utf8");
  const [service, handlers, anything] = [...page.matchAll(/```ts\n([^]*?)```/g)].map(([, text]) => text ?? "");
  // Below the package, so that its own name is known.
  const parent = new URL("../../../.weir/", import.meta.url).pathname;
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, "page-"));
  t.after(() => rm(folder, { recursive: true }));
  const contract = new URL("../../rpc/testdata/greeter.weir.ts", import.meta.url).pathname;
  const write = (name: string, text = ""): Promise<void> => writeFile(join(folder, name), text.replaceAll("./greeter.weir.ts", contract));
  await Promise.all([write("greeter.ts", service), write("handlers.ts", handlers), write("limits.ts", anything)]);
  const { app } = (await loadHotModule(join(folder, "greeter.ts"))).exports as { app: App };
  await using running = await app.start();
  const get = (port: number, path: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: "close" } });
  assert.match(await (await get(running.port, "/v1/hello/ada")).text(), /"greeting":"hello ada"/);
  assert.match(await (await get(running.adminPort, "/hot-swap/Greeter")).text(), /^\{"name":"Greeter","current":1,/);
  const metrics = await (await get(running.adminPort, "/metrics")).text();
  const had = [...metrics.matchAll(/^# TYPE (weir_hot_swap\S*)/gm)].map(([, name]) => name);
  assert.deepEqual(new Set([...page.matchAll(/^\| `(weir_hot_swap\S*)` \|/gm)].map(([, name]) => name)), new Set(had));
  const { limits, allowed } = (await loadHotModule(join(folder, "limits.ts"))).exports as {
    limits: HotSwap<{ most: number }>;
    allowed: (amount: number) => boolean;
  };
  await limits.swap(async () => ({ most: 5 }));
  await assert.rejects(limits.swap(async () => ({ most: 0 })));
  assert.deepEqual([allowed(5), allowed(6)], [true, false]);
});
