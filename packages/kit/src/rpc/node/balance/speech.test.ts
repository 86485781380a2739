import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { createServer } from "@weir/wire";
import { createClient } from "../../client.ts";
import { createGreeter } from "../../testdata/greeter.ts";
import type { GreeterClient } from "../../testdata/greeter.weir.ts";
import { Greeter, HelloResponse } from "../../testdata/greeter.weir.ts";
import { startGrpcJs } from "../../testdata/grpc-js-server.ts";
import { createRpcHandler } from "../server.ts";
import { createWireTransport } from "../transport.ts";
import type { BalancedClient } from "./balanced-client.ts";
import { createBalancedClient } from "./balanced-client.ts";
import type { BalancedClientOptions } from "./balance-options.ts";
import type { EndpointAddress } from "./endpoint-address.ts";
import { kindOf } from "./speech.ts";
import type { TargetListener } from "./target.ts";

interface Scene {
  readonly client: BalancedClient;
  readonly grpc: GreeterClient;
  readonly connect: GreeterClient;
  resolve(...addresses: readonly EndpointAddress[]): void;
}

function sceneOf(t: TestContext, options: Partial<BalancedClientOptions> = {}): Scene {
  let listener: TargetListener | undefined;
  const target = {
    url: "test:///mixed",
    authority: undefined,
    watch(given: TargetListener) {
      listener = given;
      return { refresh() {}, close() {} };
    },
  };
  const client = createBalancedClient({ target, choice: { kind: "round-robin" }, outlier: false, ...options });
  t.after(() => client.close());
  const over = (protocol: "grpc" | "connect"): GreeterClient => createClient(Greeter, createWireTransport({ client, protocol }));
  return { client, grpc: over("grpc"), connect: over("connect"), resolve: (...addresses) => listener?.resolved(addresses) };
}

/** A server that node:http wrote: HTTP/1.1 and nothing else. It answers the one method of Connect that is asked of it. */
async function startOld(t: TestContext, seen: string[]): Promise<EndpointAddress> {
  const server = http.createServer((request, response) => {
    seen.push(request.httpVersion);
    request.resume().on("end", () => {
      response.setHeader("content-type", "application/json");
      response.end(HelloResponse.toJson(HelloResponse.create({ greeting: "old" })));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { host: "127.0.0.1", port: (server.address() as AddressInfo).port, speaks: "http1" };
}

async function startOwn(t: TestContext, seen: string[]): Promise<EndpointAddress> {
  const greeter = createGreeter({ hello: async () => HelloResponse.create({ greeting: "own" }) });
  const handler = createRpcHandler([greeter]);
  const server = createServer((request, exchange) => {
    seen.push(exchange.version);
    return handler(request, exchange);
  });
  t.after(() => server.close());
  return { host: "127.0.0.1", port: (await server.listen({ port: 0 })).port, speaks: "http2" };
}

async function startGrpcOnly(t: TestContext): Promise<EndpointAddress> {
  const server = await startGrpcJs();
  t.after(() => server[Symbol.asyncDispose]());
  return { host: "127.0.0.1", port: Number(new URL(server.url).port), speaks: "grpc" };
}

test("each call goes to an endpoint that takes its protocol, over the version of HTTP that is known of it", async (t) => {
  const seen = { old: [] as string[], own: [] as string[] };
  const [old, own, foreign] = [await startOld(t, seen.old), await startOwn(t, seen.own), await startGrpcOnly(t)];
  for (const http2 of [undefined, true, false]) {
    const { grpc, connect, resolve, client } = sceneOf(t, { connection: http2 === undefined ? {} : { http2 } });
    resolve(old, own, foreign);
    const greetings = { grpc: new Set<string>(), connect: new Set<string>() };
    for (let made = 0; made < 12; made++) {
      greetings.connect.add((await connect.hello({ name: "ada" })).greeting);
      // Whoever wants HTTP/1.1 of those that take both cannot speak gRPC with them.
      if (http2 !== false) greetings.grpc.add((await grpc.hello({ name: "ada" })).greeting);
    }
    assert.deepEqual([...greetings.connect].toSorted(), ["old", "own"]);
    assert.deepEqual([...greetings.grpc].toSorted(), http2 === false ? [] : ["hello ada", "own"]);
    assert.deepEqual(new Set(seen.own), new Set([http2 === false ? "1.1" : "2"]));
    seen.own.length = 0;
    await client.close();
  }
  assert.deepEqual(new Set(seen.old), new Set(["1.1"]));
});

test("a call that no endpoint takes is told so, and one that waits for such an endpoint gets it", async (t) => {
  const seen: string[] = [];
  const [old, foreign] = [await startOld(t, seen), await startGrpcOnly(t)];
  const one = sceneOf(t);
  one.resolve(old);
  await assert.rejects(one.grpc.hello({}), { code: "UNAVAILABLE", reason: "ENDPOINTS_NONE", message: /that take gRPC/ });
  assert.equal((await one.connect.hello({})).greeting, "old");
  const other = sceneOf(t, { waits: { waitForReady: true } });
  other.resolve(foreign);
  assert.equal((await other.grpc.hello({ name: "ada" })).greeting, "hello ada");
  const waiting = other.connect.hello({});
  other.resolve(foreign, old);
  assert.equal((await waiting).greeting, "old");
  const never = sceneOf(t, { waits: { waitForReady: true, waitMs: 20 } });
  never.resolve(foreign);
  await assert.rejects(never.connect.hello({}), { reason: "ENDPOINTS_NONE", message: /anything but gRPC/ });
});

test("an endpoint whose address another program has taken is spoken to as that one takes it", async (t) => {
  const { grpc, connect, resolve, client } = sceneOf(t);
  const own = await startOwn(t, []);
  resolve({ ...own, speaks: "http1" });
  await assert.rejects(grpc.hello({}), { reason: "ENDPOINTS_NONE" });
  assert.equal((await connect.hello({})).greeting, "own");
  resolve(own);
  assert.equal((await grpc.hello({})).greeting, "own");
  assert.deepEqual(client.endpoints().filter(({ state }) => state === "ready").length, 1);
});

test("gRPC is told from all else by its content type", () => {
  const kind = (...headers: string[]): string => kindOf({ method: "POST", target: "/", headers });
  for (const type of ["application/grpc", "application/grpc+proto", "application/grpc+json", "Application/gRPC; x=1"]) {
    assert.equal(kind("content-type", type), "grpc", type);
  }
  for (const type of ["application/grpc-web", "application/grpc-web-text+proto", "application/json", "application/grpcs"]) {
    assert.equal(kind("content-type", type), "other", type);
  }
  assert.equal(kind(), "other");
});
