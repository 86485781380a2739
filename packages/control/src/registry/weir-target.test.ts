import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "@weir/kit/fault";
import type { BalancedClient } from "@weir/kit/rpc/node/balance";
import { createBalancedClient } from "@weir/kit/rpc/node/balance";
import { createServer } from "@weir/wire";
import type { TestControl } from "../fixtures/control.ts";
import { startControl } from "../fixtures/control.ts";
import { createSqliteFile } from "../fixtures/databases.ts";
import { instanceOf, register, testTokens } from "../fixtures/house.ts";

/** What wire servers answer: their name. */
async function startNamed(name: string): Promise<{ readonly address: string } & AsyncDisposable> {
  const server = createServer(() => Promise.resolve({ status: 200, headers: ["x-name", name] }));
  const { port } = await server.listen({ port: 0 });
  return { address: `127.0.0.1:${port}`, [Symbol.asyncDispose]: () => server.close() };
}

function clientOf({ control }: TestControl, target: string): BalancedClient & AsyncDisposable {
  const client = createBalancedClient({ target, control: { url: control.url, token: testTokens.instance } });
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}

/** Names that answer. */
async function namesOf(client: BalancedClient): Promise<string[]> {
  const names = new Set<string>();
  for (let made = 0; made < 60; made++) {
    const { headers } = await client.request({ method: "GET", target: "/", headers: [] }, { timeoutMs: 5000 });
    names.add(headers[headers.indexOf("x-name") + 1] ?? "");
  }
  return [...names].sort();
}

async function eventually(condition: () => boolean, what: string): Promise<void> {
  const untilMs = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > untilMs) throw new Error(`Expected within 10 s: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("a weir target follows the instances of a service and of a version as control sees them", { timeout: 30_000 }, async () => {
  await using a = await startNamed("a");
  await using b = await startNamed("b");
  await using c = await startNamed("c");
  const house = await startControl({ leaseMs: 60_000 });
  await using all = clientOf(house, "weir:///feed");
  await using fresh = clientOf(house, "weir:///feed?version=v2");
  // Nobody has registered yet, and that is said at once.
  await assert.rejects(all.request({ method: "GET", target: "/", headers: [] }), { reason: "ENDPOINTS_NONE" });
  const patient = fresh.request({ method: "GET", target: "/", headers: [] }, { waitForReady: true, timeoutMs: 10_000 });
  await register(house.instance, [
    instanceOf("a", { address: a.address }),
    instanceOf("b", { address: b.address }),
    instanceOf("c", { address: c.address, version: "v2" }),
  ]);
  assert.equal((await patient).status, 200);
  await eventually(() => all.endpoints().length === 3, "three endpoints");
  assert.deepEqual(await namesOf(all), ["a", "b", "c"]);
  assert.deepEqual(await namesOf(fresh), ["c"]);
  await house.instance.registry.deregister({ instanceId: "a" });
  await eventually(() => all.endpoints().length === 2, "one endpoint less");
  assert.deepEqual(await namesOf(all), ["b", "c"]);
  await house.instance.registry.deregister({ instanceId: "c" });
  await eventually(() => fresh.resolution.outcome === "empty", "an empty answer");
  assert.deepEqual(await namesOf(fresh), ["c"], "an empty answer takes nothing away");
  await house.close();
});

test(
  "a weir target goes on with what it knows while control is away, and sees what is new once it is back",
  { timeout: 30_000 },
  async () => {
    await using a = await startNamed("a");
    await using b = await startNamed("b");
    const database = createSqliteFile();
    const first = await startControl({ leaseMs: 60_000 }, { ...database, drop: async () => undefined });
    const port = Number(new URL(first.control.url).port);
    await register(first.instance, [instanceOf("a", { address: a.address })]);
    await using client = clientOf(first, "weir:///feed");
    assert.deepEqual(await namesOf(client), ["a"]);
    await first.close();
    await eventually(() => client.resolution.outcome === "failed", "a failed attempt");
    const { ageMs = 0, error } = client.resolution;
    assert.ok(ageMs > 0 && isFault(error), `${ageMs} ms`);
    assert.deepEqual(await namesOf(client), ["a"]);
    const second = await startControl({ leaseMs: 60_000, port }, database);
    await register(second.instance, [instanceOf("b", { address: b.address })]);
    await eventually(() => client.endpoints().length === 2, "the new endpoint");
    assert.equal(client.resolution.outcome, "resolved");
    assert.deepEqual(await namesOf(client), ["a", "b"]);
    await second.close();
  },
);
