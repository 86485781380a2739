import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../clock.ts";
import { isFault } from "../../fault.ts";
import { createClient } from "../../rpc/client.ts";
import { createWireTransport } from "../../rpc/node/transport.ts";
import type { GreeterClient, GreeterHandlers } from "../../rpc/testdata/greeter.weir.ts";
import { Greeter, HelloResponse } from "../../rpc/testdata/greeter.weir.ts";
import { createApp } from "../app.ts";
import { createHotService } from "./hot-service.ts";

function handlersOf(word: string, replaced: Partial<GreeterHandlers> = {}): GreeterHandlers {
  return {
    hello: async ({ name }) => HelloResponse.create({ greeting: `${word} ${name}` }),
    async *count({ text }, call) {
      for (let number = 1; ; number++) {
        yield { number, text: `${word} ${text}` };
        await systemClock.sleep(1, call.signal);
      }
    },
    sum: async () => ({ total: 0 }),
    async *echo() {},
    ...replaced,
  };
}

async function selfTest(client: GreeterClient): Promise<void> {
  const { greeting } = await client.hello({ name: "test" });
  if (!greeting.endsWith(" test")) throw new Error(`expected a greeting of "test", found "${greeting}"`);
}

test("service is swapped while an app serves it: streams stay with their generation, the page shows and rolls back", async () => {
  const greeter = createHotService(Greeter, { selfTest });
  const app = createApp({ name: "sample", services: [greeter.implementation] });
  greeter.showOn(app);
  app.warmUp("handlers", async () => void (await greeter.swap(async () => handlersOf("hello"), { label: "first" })));
  await using running = await app.start();
  const transport = createWireTransport({ url: `http://127.0.0.1:${running.port}`, protocol: "grpc" });
  const client = createClient(Greeter, transport);
  const stream = client.count({ count: 0, text: "ada" })[Symbol.asyncIterator]();
  assert.equal((await stream.next()).value?.text, "hello ada");
  await greeter.swap(async () => handlersOf("hi"), { label: "second" });
  assert.equal((await client.hello({ name: "ada" })).greeting, "hi ada");
  assert.equal((await stream.next()).value?.text, "hello ada");
  await assert.rejects(
    greeter.swap(async () => handlersOf("no", { hello: async () => HelloResponse.create({ greeting: "no" }) })),
    (error: Error) => error.message.endsWith('to pass its self-test, found: expected a greeting of "test", found "no"'),
  );
  const page = `http://127.0.0.1:${running.adminPort}/hot-swap/Greeter`;
  const ask = async (init: RequestInit = {}): Promise<unknown> =>
    (await fetch(page, { ...init, headers: { "content-type": "application/json", connection: "close" } })).json();
  const shown = (await ask()) as { current: number; refused: number; generations: { inFlight: number; label: string }[] };
  assert.deepEqual([shown.current, shown.refused], [2, 1]);
  assert.deepEqual(
    shown.generations.map(({ label, inFlight }) => `${label} ${inFlight}`),
    ["first 1", "second 0"],
  );
  assert.equal(((await ask({ method: "POST", body: '{"rollBack":"it is rude"}' })) as { generation: number }).generation, 1);
  assert.equal((await client.hello({ name: "ada" })).greeting, "hello ada");
  assert.equal(((await ask({ method: "POST", body: '{"rollBack":"again"}' })) as { reason: string }).reason, "HOT_SWAP_EMPTY");
  const metrics = await (await fetch(`http://127.0.0.1:${running.adminPort}/metrics`, { headers: { connection: "close" } })).text();
  for (const line of ['generation{swap="Greeter"} 1', 'total{swap="Greeter",outcome="rolled_back"} 1', 'calls_in_flight{swap="Greeter"} 1'])
    assert.ok(metrics.includes(`\nweir_hot_swap_${line}\n`), line);
  await stream.return?.();
  await transport.close();
});

test("module is swapped in by its file; one that throws, or exports no handlers, is refused with its file and line", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "weir-module-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "greeter.ts");
  const greeter = createHotService(Greeter, { selfTest });
  const swap = async (text: string): Promise<string> => {
    await writeFile(file, text);
    return greeter.swapModule(file).then(
      ({ phase }) => phase,
      (error: unknown) =>
        isFault(error) ? error.message.slice(error.message.indexOf("found: ") + 7).replace(/^weir-module-[^/]+/, "rules") : "",
    );
  };
  const rest = "async *count() {}, sum: async () => ({ total: 0 }), async *echo() {} };\n";
  const contract = new URL("../../rpc/testdata/greeter.weir.ts", import.meta.url).href;
  const hello = "hello: async ({ name }: { name: string }) => HelloResponse.create({ greeting: `hi ${name}` })";
  assert.equal(await swap(`import { HelloResponse } from "${contract}";\nexport const handlers = { ${hello}, ${rest}`), "serving");
  assert.equal(await swap("const a = 1;\nthrow new Error('no');\n"), "rules/greeter.ts:2: no");
  assert.match(await swap("export const other = 1;\n"), /export "handlers", found other\.$/);
  assert.match(await swap(`export const handlers = { ${rest}`), /Expected a function "hello"/);
  assert.equal(greeter.state().current, 1);
});
