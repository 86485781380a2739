import assert from "node:assert/strict";
import { test } from "node:test";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../contract/grpc/health/v1/health.weir.ts";
import { ServerReflection } from "../contract/grpc/reflection/v1/reflection.weir.ts";
import type { ServerReflectionRequest } from "../contract/grpc/reflection/v1/reflection.weir.ts";
import { fault, isFault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import { createClient } from "../rpc/client.ts";
import { createWireTransport } from "../rpc/node/transport.ts";
import { createGreeter, eventually } from "../rpc/testdata/greeter.ts";
import type { Layer, Message } from "../service.ts";
import type { AppOptions } from "./app.ts";
import { createApp } from "./app.ts";

const base: AppOptions = { name: "sample", version: "v1", services: [createGreeter()] };
const greeter = "weir.greeter.v1.Greeter";
const hasReason = (reason: string) => (error: unknown) => isFault(error) && error.reason === reason;
const closed: Layer<Message<unknown>, Message<unknown>> = () => async () => {
  throw fault(kitReasons.ORIGIN_NOT_ALLOWED, "Expected nobody.");
};

async function servicesAt(port: number): Promise<string[]> {
  const transport = createWireTransport({ url: `http://127.0.0.1:${port}` });
  async function* requests(): AsyncGenerator<Partial<ServerReflectionRequest>, void> {
    yield { messageRequest: { case: "listServices", value: "" } };
  }
  try {
    const names: string[] = [];
    for await (const { messageResponse } of createClient(ServerReflection, transport).serverReflectionInfo(requests())) {
      if (messageResponse.case === "listServicesResponse") names.push(...messageResponse.value.service.map(({ name }) => name));
    }
    return names;
  } finally {
    await transport.close();
  }
}

test("app tells its health from the warm-up to the drain, and lets go of those who watch", async () => {
  const gate = Promise.withResolvers<void>();
  let port = 0;
  const log = {
    debug() {},
    warn() {},
    error() {},
    with: () => log,
    info: (message: string, fields: object = {}) => listening(message, fields),
  };
  const listening = (message: string, fields: { address?: string }): void => {
    if (message === "listening") port = Number(fields.address?.split(":").at(-1));
  };
  const starting = createApp({ ...base, log })
    .warmUp("wait", () => gate.promise)
    .start();
  await eventually(() => port > 0, "the port");
  const transport = createWireTransport({ url: `http://127.0.0.1:${port}` });
  const client = createClient(Health, transport);
  assert.deepEqual(await client.check({}), { status: Status.NOT_SERVING });
  const watched: number[] = [];
  const watching = (async () => {
    for await (const { status } of client.watch({ service: greeter })) watched.push(status);
  })();
  await eventually(() => watched.length === 1, "the first state");
  gate.resolve();
  await using running = await starting;
  await eventually(() => watched.length === 2, "the second state");
  assert.deepEqual(await client.check({ service: greeter }), { status: Status.SERVING });
  await assert.rejects(client.check({ service: "other" }), hasReason("SERVICE_UNKNOWN"));
  const ended = assert.rejects(watching, hasReason("APP_NOT_SERVING"));
  const startMs = performance.now();
  await running.stop();
  await ended;
  assert.ok(performance.now() - startMs < 5000, "a watcher does not hold up the drain");
  assert.deepEqual(watched, [Status.NOT_SERVING, Status.SERVING, Status.NOT_SERVING]);
  await transport.close();
});

test("app gives out its contracts by reflection unless told not to, and its layers guard that but not health", async () => {
  {
    await using running = await createApp(base).start();
    const own = ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];
    assert.deepEqual(await servicesAt(running.port), [...own, greeter]);
  }
  {
    await using running = await createApp({ ...base, rpc: { reflection: false } }).start();
    await assert.rejects(servicesAt(running.port), (error) => isFault(error) && error.code === "UNIMPLEMENTED");
  }
  await using running = await createApp({ ...base, layers: [closed] }).start();
  await assert.rejects(servicesAt(running.port), hasReason("ORIGIN_NOT_ALLOWED"));
  assert.equal((await fetch(`http://127.0.0.1:${running.port}/v1/hello/ada`)).status, 403);
  const transport = createWireTransport({ url: `http://127.0.0.1:${running.port}` });
  assert.deepEqual(await createClient(Health, transport).check({}), { status: Status.SERVING });
  await transport.close();
});
