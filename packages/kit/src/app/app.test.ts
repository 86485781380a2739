import { createServer } from "@weir/wire";
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogFields, Logger } from "../call.ts";
import { systemClock } from "../clock.ts";
import { isFault } from "../fault.ts";
import { createGreeter, eventually } from "../rpc/testdata/greeter.ts";
import { HelloResponse } from "../rpc/testdata/greeter.weir.ts";
import type { AppOptions } from "./app.ts";
import { createApp } from "./app.ts";
import { portOf } from "./testdata/child-app.ts";
import { createMemoryRegistry, serveRegistry } from "./testdata/registry-server.ts";

interface Book {
  readonly log: Logger;
  readonly messages: string[];
  readonly fields: Map<string, LogFields>;
}

function createBook(): Book {
  const messages: string[] = [];
  const fields = new Map<string, LogFields>();
  const write = (message: string, more: LogFields = {}): void => {
    messages.push("step" in more ? `${message}: ${String(more["step"])}` : message);
    fields.set(message, more);
  };
  const log: Logger = { debug: write, info: write, warn: write, error: write, with: () => log };
  return { log, messages, fields };
}

const base: Pick<AppOptions, "name" | "version" | "services"> = { name: "sample", version: "v1", services: [createGreeter()] };
const hasReason = (reason: string) => (error: unknown) => isFault(error) && error.reason === reason;
const get = (port: number, path: string): Promise<Response> =>
  fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: "close" } });

test("app goes through its life in order, and registers only while it serves", async () => {
  const book = createBook();
  const registry = createMemoryRegistry({ token: "t-1" });
  await using served = await serveRegistry(registry);
  const seen: string[] = [];
  const app = createApp({ ...base, log: book.log, control: { url: served.url, token: "t-1" }, timeouts: { leaveMs: 30 } })
    .warmUp("index", async () => void seen.push(`index, registered ${registry.live().length}`))
    .warmUp("cache", async () => void seen.push(`cache, registered ${registry.live().length}`));
  await using running = await app.start();
  assert.equal(running.state, "SERVING");
  await eventually(() => registry.live().length === 1, "the registration");
  const [instance] = registry.live();
  assert.equal(instance?.id, running.instanceId);
  assert.equal(instance?.address, `127.0.0.1:${running.port}`);
  assert.equal(instance?.adminAddress, `127.0.0.1:${running.adminPort}`);
  assert.deepEqual(instance?.contracts, ["weir.greeter.v1.Greeter"]);
  const answer = await get(running.port, "/v1/hello/ada");
  assert.equal(((await answer.json()) as { greeting: string }).greeting, "hello ada");
  await running.stop();
  assert.equal(running.state, "STOPPED");
  assert.deepEqual(registry.live(), []);
  assert.deepEqual(seen, ["index, registered 0", "cache, registered 0"]);
  assert.deepEqual(book.messages, [
    "listening",
    "warm-up step begins: index",
    "warm-up step done: index",
    "warm-up step begins: cache",
    "warm-up step done: cache",
    "serving",
    "registered",
    "not serving",
    "deregistered",
    "draining",
    "stopped",
  ]);
  await assert.rejects(get(running.port, "/v1/hello/ada"));
  await assert.rejects(get(running.adminPort, "/healthz"));
});

test("app that warms up refuses calls with its reason, and says how far it is", async () => {
  const book = createBook();
  const gate = Promise.withResolvers<void>();
  const starting = createApp({ ...base, log: book.log })
    .warmUp("first", async () => undefined)
    .warmUp("recall", () => gate.promise)
    .start();
  await eventually(() => book.messages.includes("warm-up step begins: recall"), "the second step");
  const port = portOf(book.fields.get("listening")?.["address"]);
  const adminPort = portOf(book.fields.get("listening")?.["adminAddress"]);
  const refused = await get(port, "/v1/hello/ada");
  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get("retry-after"), "1");
  assert.equal(((await refused.json()) as { reason: string }).reason, "APP_NOT_SERVING");
  assert.equal((await get(adminPort, "/healthz")).status, 200);
  const ready = await get(adminPort, "/readyz");
  assert.equal(ready.status, 503);
  assert.deepEqual(await ready.json(), { ready: false, state: "WARMING_UP", step: "recall", done: 1, total: 2 });
  gate.resolve();
  await using running = await starting;
  assert.equal((await get(adminPort, "/readyz")).status, 200);
  assert.equal((await get(port, "/v1/hello/ada")).status, 200);
  const metrics = await (await get(adminPort, "/metrics")).text();
  for (const expected of [
    'weir_rpc_requests_total{service="weir.greeter.v1.Greeter",method="Hello",version="v1",code="OK"} 1',
    'weir_rpc_in_flight{service="weir.greeter.v1.Greeter",method="Hello",version="v1"} 0',
    'weir_rpc_duration_seconds_count{service="weir.greeter.v1.Greeter",method="Hello",version="v1"} 1',
    'weir_app_state{state="SERVING"} 1',
    'weir_app_state{state="WARMING_UP"} 0',
    'nodejs_eventloop_delay_seconds{quantile="0.99"}',
    "process_resident_memory_bytes",
    'weir_app_warm_up_seconds{step="recall"}',
  ]) {
    assert.ok(metrics.includes(`\n${expected}`), `no ${expected} in\n${metrics}`);
  }
  await running.stop();
});

test("app whose warm-up fails or takes too long does not start, and leaves nothing behind", async () => {
  const book = createBook();
  const failing = createApp({ ...base, log: book.log }).warmUp("index", async () => {
    throw new Error("no index today");
  });
  await assert.rejects(
    failing.start(),
    (error: Error) => hasReason("WARM_UP_FAILED")(error) && (error.cause as Error).message === "no index today",
  );
  await assert.rejects(get(portOf(book.fields.get("listening")?.["address"]), "/v1/hello/ada"));
  let heard = false;
  const slow = createApp({ ...base, timeouts: { warmUpMsMax: 30 } }).warmUp("for ever", (signal) => {
    signal.addEventListener("abort", () => (heard = true));
    return new Promise(() => undefined);
  });
  await assert.rejects(slow.start(), (error: Error) => hasReason("WARM_UP_TIMEOUT")(error) && error.message.includes("for ever"));
  assert.ok(heard, "the step was told");
});

test("app says which address it could not have", async () => {
  const other = createServer(async () => ({ status: 204, headers: [] }));
  const { port } = await other.listen({ port: 0 });
  const taken = (error: Error): boolean => hasReason("ADDRESS_UNAVAILABLE")(error) && error.message.includes(`127.0.0.1:${port}`);
  await assert.rejects(createApp({ ...base, port }).start(), taken);
  await assert.rejects(createApp({ ...base, adminPort: port }).start(), taken);
  await other.close();
});

test("app that stops lets calls in flight finish, and cuts what outlasts the bound", async () => {
  const release = Promise.withResolvers<void>();
  let entered = 0;
  const greeter = createGreeter({
    async hello({ name }, call) {
      entered++;
      await (name === "stuck" ? systemClock.sleep(60_000, call.signal) : release.promise);
      return HelloResponse.create({ greeting: `hello ${name}` });
    },
  });
  await using running = await createApp({ ...base, services: [greeter], timeouts: { drainMsMax: 300 } }).start();
  const slow = get(running.port, "/v1/hello/slow");
  const stuck = assert.rejects(get(running.port, "/v1/hello/stuck"));
  await eventually(() => entered === 2, "both calls");
  const stopping = running.stop();
  assert.equal(running.state, "DRAINING");
  assert.equal((await get(running.adminPort, "/readyz")).status, 503);
  await assert.rejects(get(running.port, "/v1/hello/late"), "no new connections");
  release.resolve();
  assert.equal((await slow).status, 200);
  await stopping;
  await stuck;
});

test("app without a control plane, or with one that is away, serves all the same", async () => {
  const closed = await serveRegistry(createMemoryRegistry());
  await closed.server.close();
  await using running = await createApp({ ...base, control: { url: closed.url }, timeouts: { leaveMs: 1 } }).start();
  assert.equal((await get(running.port, "/v1/hello/ada")).status, 200);
  const startMs = performance.now();
  await running.stop();
  assert.ok(performance.now() - startMs < 2500);
});
