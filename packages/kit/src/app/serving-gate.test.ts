import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "../fault.ts";
import { createClient } from "../rpc/client.ts";
import { createWireTransport } from "../rpc/node/transport.ts";
import { createGreeter, eventually } from "../rpc/testdata/greeter.ts";
import { createGrpcJsGreeter } from "../rpc/testdata/grpc-js-greeter.ts";
import { Greeter } from "../rpc/testdata/greeter.weir.ts";
import { createApp } from "./app.ts";
import type { RunningApp } from "./app.ts";
import { portOf } from "./testdata/child-app.ts";

interface WarmingApp {
  readonly port: number;
  /** Ends the warm-up. */
  serve(): Promise<RunningApp>;
}

/** An app whose warm-up lasts until it is told to serve. */
async function startWarming(): Promise<WarmingApp> {
  const gate = Promise.withResolvers<void>();
  let address: unknown;
  const write = (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    if (message === "listening") address = fields["address"];
  };
  const log = { debug: write, info: write, warn: write, error: write, with: () => log };
  const fallback = (): Promise<{ status: number; headers: string[] }> => Promise.resolve({ status: 204, headers: [] });
  const rpc = { corsOrigins: ["https://page.example"], fallback };
  const starting = createApp({ name: "sample", services: [createGreeter()], rpc, log })
    .warmUp("index", () => gate.promise)
    .start();
  await eventually(() => address !== undefined, "the app to listen");
  const serve = (): Promise<RunningApp> => {
    gate.resolve();
    return starting;
  };
  return { port: portOf(address), serve };
}

async function* numbers(): AsyncGenerator<{ number: number }> {
  yield { number: 1 };
}

async function faultsOf(answers: readonly Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(answers);
  return settled.map((one) => {
    if (one.status === "fulfilled") return "OK";
    assert.ok(isFault(one.reason), String(one.reason));
    return `${one.reason.code} ${one.reason.reason} ${one.reason.retryAfterMs}`;
  });
}

test("an app that warms up refuses calls of every protocol and kind in their own form", { timeout: 20_000 }, async () => {
  const warming = await startWarming();
  const url = `http://127.0.0.1:${warming.port}`;
  for (const protocol of ["grpc", "grpc-web", "connect"] as const) {
    const transport = createWireTransport({ url, protocol, http2: true });
    const client = createClient(Greeter, transport);
    const next = (stream: AsyncIterable<unknown>): Promise<unknown> => stream[Symbol.asyncIterator]().next();
    const calls = [client.hello({ name: "ada" }), next(client.count({ count: 1 })), client.sum(numbers()), next(client.echo(numbers()))];
    assert.deepEqual(
      await faultsOf(calls),
      calls.map(() => "UNAVAILABLE APP_NOT_SERVING 1000"),
      protocol,
    );
    await transport.close();
  }
  const running = await warming.serve();
  await running.stop();
});

test("a grpc-js client of an app that warms up is told UNAVAILABLE by trailers alone, and is answered once it serves", async () => {
  const warming = await startWarming();
  using client = createGrpcJsGreeter(warming.port);
  const refused = await client.hello({ name: "ada" });
  assert.deepEqual([refused.error?.code, refused.headers?.getMap() ?? {}], [14, {}]);
  assert.match(refused.error?.details ?? "", /WARMING_UP/);
  assert.deepEqual(refused.trailers.get("grpc-retry-pushback-ms"), ["1000"]);
  await using running = await warming.serve();
  assert.equal((await client.hello({ name: "ada" })).message?.greeting, "hello ada");
  await running.stop();
});

test("over HTTP the refusal has its status, a page of another origin may read it, and other paths are not served either", async () => {
  const warming = await startWarming();
  const url = `http://127.0.0.1:${warming.port}`;
  const page = { origin: "https://page.example", connection: "close" };
  const json = { ...page, "content-type": "application/json" };
  const connect = await fetch(`${url}/weir.greeter.v1.Greeter/Hello`, { method: "POST", headers: json, body: "{}" });
  assert.deepEqual([connect.status, ((await connect.json()) as { code: string }).code], [503, "unavailable"]);
  assert.equal(connect.headers.get("access-control-allow-origin"), "https://page.example");
  for (const path of ["/v1/hello/ada", "/index.html"]) {
    const rest = await fetch(url + path, { headers: page });
    const body = (await rest.json()) as { reason: string };
    assert.deepEqual([rest.status, body.reason, rest.headers.get("retry-after")], [503, "APP_NOT_SERVING", "1"], path);
  }
  const health = await fetch(`${url}/grpc.health.v1.Health/Check`, { method: "POST", headers: json, body: "{}" });
  assert.deepEqual([health.status, await health.json()], [200, { status: "NOT_SERVING" }]);
  await using running = await warming.serve();
  assert.equal((await fetch(`${url}/index.html`, { headers: page })).status, 204);
  await running.stop();
});
