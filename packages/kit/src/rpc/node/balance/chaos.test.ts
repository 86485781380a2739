import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createServer } from "@weir/wire";
import type { ChildApp } from "../../../app/testdata/child-app.ts";
import { portOf, spawnSample } from "../../../app/testdata/child-app.ts";
import { systemClock } from "../../../clock.ts";
import { isFault } from "../../../fault.ts";
import { createClient } from "../../client.ts";
import { createGreeter } from "../../testdata/greeter.ts";
import { Greeter } from "../../testdata/greeter.weir.ts";
import { createRpcHandler } from "../server.ts";
import { createWireTransport } from "../transport.ts";
import type { BalancedClient } from "./balanced-client.ts";
import { createBalancedClient } from "./balanced-client.ts";
import type { ConnectionOptions } from "./balance-options.ts";
import { seedOf, seededClock } from "./testdata/seeded.ts";

interface Processes extends AsyncDisposable {
  readonly apps: ChildApp[];
  readonly ports: number[];
  readonly client: BalancedClient;
}

/** Weir apps as processes, and a client of all. Each answer takes five milliseconds. */
async function startProcesses(count: number, connection: ConnectionOptions = {}): Promise<Processes> {
  const apps = Array.from({ length: count }, () => spawnSample({ SAMPLE_DELAY_MS: "5" }));
  const ports = await Promise.all(apps.map(async (app) => portOf((await app.logged("serving"))["address"])));
  const client = createBalancedClient({
    target: `static:///${ports.map((port) => `127.0.0.1:${port}`).join(",")}`,
    connection,
  });
  return {
    apps,
    ports,
    client,
    async [Symbol.asyncDispose]() {
      await client.close();
      await Promise.all(apps.map((app) => app[Symbol.asyncDispose]()));
    },
  };
}

interface Load extends AsyncDisposable {
  readonly succeeded: number;
  readonly failures: unknown[];
  stop(): Promise<void>;
}

/** So many callers, each asking again as soon as it was answered. */
function startLoad(callers: number, call: () => Promise<unknown>): Load {
  const load = { succeeded: 0, failures: [] as unknown[], isOver: false };
  const workers = Array.from({ length: callers }, async () => {
    while (!load.isOver) {
      await call().then(
        () => (load.succeeded += 1),
        (error: unknown) => load.failures.push(error),
      );
    }
  });
  const stop = async (): Promise<void> => {
    load.isOver = true;
    await Promise.all(workers);
  };
  return Object.assign(load, { stop, [Symbol.asyncDispose]: stop });
}

/** Processes that share a machine with others take their time. */
async function eventually(condition: () => boolean, what: string): Promise<void> {
  const untilMs = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > untilMs) throw new Error(`Expected within 30 s: ${what}`);
    await systemClock.sleep(2);
  }
}

async function more(load: Load, calls: number): Promise<void> {
  const until = load.succeeded + calls;
  await eventually(() => load.succeeded >= until, `${calls} more calls, ${load.failures.length} failed: ${String(load.failures.at(-1))}`);
}

const hello = {
  method: "POST",
  target: "/weir.greeter.v1.Greeter/Hello",
  headers: ["content-type", "application/json"],
  body: Buffer.from('{"name":"ada"}'),
};

describe("a balanced client of real processes", { timeout: 240_000 }, () => {
  for (const [protocol, http2] of [
    ["connect", false],
    ["connect", true],
    ["grpc", true],
  ] as const) {
    test(`loses no idempotent call of ${protocol} over HTTP/${http2 ? "2" : "1.1"} while every process is restarted in turn`, async () => {
      await using house = await startProcesses(2, { http2 });
      const greeter = createClient(Greeter, createWireTransport({ client: house.client, protocol }));
      await using load = startLoad(12, () => greeter.hello({ name: "ada" }, { timeoutMs: 5000 }));
      for (const [index, port] of house.ports.entries()) {
        await more(load, 50);
        const old = house.apps[index] as ChildApp;
        old.process.kill("SIGTERM");
        await old.ended;
        await more(load, 50);
        const fresh = spawnSample({ SAMPLE_DELAY_MS: "5", WEIR_PORT: String(port) });
        house.apps[index] = fresh;
        await fresh.logged("serving");
        await eventually(() => house.client.endpoints()[index]?.state === "ready", "the endpoint to be used again");
      }
      await more(load, 200);
      await load.stop();
      assert.deepEqual(load.failures.map(String), []);
      assert.ok(house.client.endpoints().every(({ state, inFlight }) => state === "ready" && inFlight === 0));
    });
  }

  test("loses nothing but what was under way and may not be repeated when a process is killed", async () => {
    await using house = await startProcesses(3);
    await using idempotent = startLoad(8, () => house.client.request({ ...hello, idempotent: true }, { timeoutMs: 5000 }));
    await using once = startLoad(8, () => house.client.request(hello, { timeoutMs: 5000 }));
    await Promise.all([more(idempotent, 100), more(once, 100)]);
    house.apps[0]?.process.kill("SIGKILL");
    await house.apps[0]?.ended;
    await Promise.all([more(idempotent, 500), more(once, 500)]);
    await Promise.all([idempotent.stop(), once.stop()]);
    assert.deepEqual(idempotent.failures.map(String), []);
    assert.ok(once.failures.length <= 8, `${once.failures.length} failed`);
    for (const failure of once.failures) assert.deepEqual((failure as { sent?: boolean }).sent, true, String(failure));
    assert.notEqual(house.client.endpoints()[0]?.state, "ready");
  });

  test("steers away from a process that stands still, and comes back to it", async () => {
    await using house = await startProcesses(3);
    const { client } = house;
    const still = createBalancedClient({
      target: `static:///${house.ports.map((port) => `127.0.0.1:${port}`).join(",")}`,
      outlier: { intervalMs: 200, ejectionMs: 500 },
    });
    const greeter = createClient(Greeter, createWireTransport({ client: still, protocol: "grpc" }));
    await using load = startLoad(12, () => greeter.hello({ name: "ada" }, { timeoutMs: 1000 }));
    await more(load, 300);
    const early = load.failures.length;
    house.apps[1]?.process.kill("SIGSTOP");
    await eventually(() => still.endpoints()[1]?.state === "ejected", "the endpoint to be put out");
    await more(load, 300);
    const late = load.failures.length - early;
    assert.ok(late >= 5 && late <= 24, `${late} calls were late`);
    for (const failure of load.failures) assert.ok(isFault(failure) && failure.code === "DEADLINE_EXCEEDED", String(failure));
    house.apps[1]?.process.kill("SIGCONT");
    const before = still.endpoints()[1]?.ejections ?? 0;
    assert.ok(before >= 1);
    await eventually(() => still.endpoints()[1]?.state === "ready", "the endpoint to be let in");
    await more(load, 300);
    await load.stop();
    await Promise.all([still.close(), client.close()]);
  });
});

test("a name that flaps loses no call", { timeout: 60_000 }, async (t) => {
  const seed = seedOf();
  t.diagnostic(`seed ${seed}`);
  const { random } = seededClock(seed);
  const hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"];
  const counts = new Map<string, number>();
  const rpc = createRpcHandler([createGreeter()]);
  const servers = hosts.map((host) =>
    createServer((request, exchange) => {
      counts.set(host, (counts.get(host) ?? 0) + 1);
      return rpc(request, exchange);
    }),
  );
  const { port } = await (servers[0] as (typeof servers)[0]).listen({ host: "127.0.0.1", port: 0 });
  for (const [index, server] of servers.entries()) if (index > 0) await server.listen({ host: hosts[index] as string, port });
  let lookups = 0;
  const lookup = async (): Promise<{ address: string }[]> => {
    lookups += 1;
    if (lookups > 1 && random() < 0.3) throw new Error("queryA ETIMEOUT");
    if (lookups > 1 && random() < 0.3) return [];
    return hosts.filter(() => random() < 0.6).map((address) => ({ address }));
  };
  const client = createBalancedClient({
    target: `dns:///feed.internal:${port}`,
    dns: { lookup, intervalMs: 5, intervalMsMin: 5 },
    waits: { waitForReady: true },
  });
  const greeter = createClient(Greeter, createWireTransport({ client, protocol: "grpc" }));
  await using load = startLoad(16, () => greeter.hello({ name: "ada" }, { timeoutMs: 5000 }));
  await eventually(() => lookups >= 200, "two hundred lookups");
  await load.stop();
  assert.deepEqual(load.failures.map(String), []);
  assert.equal(counts.size, hosts.length);
  await client.close();
  await Promise.all(servers.map((server) => server.close()));
});
