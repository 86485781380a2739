import assert from "node:assert/strict";
import { test } from "node:test";
import { create, createFileRegistry, fromBinary, setExtension, toBinary } from "@bufbuild/protobuf";
import { file_google_protobuf_descriptor, FileDescriptorProtoSchema, type FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import { Routes, type RouteSpec } from "@weir/api/routes";
import { Snapshots, type Snapshot, type SubscribeResponse } from "@weir/api/snapshots";
import { fault } from "@weir/kit/fault";
import { metadataValue } from "@weir/kit/call";
import { implement } from "@weir/kit/rpc/implement";
import { createReflection } from "@weir/kit/rpc/node/reflection";
import { createRpcHandler } from "@weir/kit/rpc/node/server";
import { startGrpcServer } from "./fixtures/grpc.ts";
import { snapshotOf, startBackend, startHouse, type Backend } from "./fixtures/house.ts";
import { connectRaw, getRequest } from "./fixtures/raw-client.ts";
import { startRawEndpoint } from "./fixtures/raw-endpoint.ts";
import { until } from "./fixtures/until.ts";

const routeUnknown = { reason: "ROUTE_UNKNOWN", code: "NOT_FOUND" } as const;

/** The contract of Snapshots, with a rule for its stream: GET /v1/beats/{data_plane}. */
async function withStreamRule(): Promise<typeof Snapshots> {
  const texts = (await Snapshots.files?.()) ?? [];
  const files = texts.map((text) => fromBinary(FileDescriptorProtoSchema, Buffer.from(text, "base64")));
  const named = (name: string): FileDescriptorProto | undefined => files.find((file) => file.name === name);
  const annotations = createFileRegistry(named("google/api/annotations.proto") as FileDescriptorProto, (name) =>
    name === "google/protobuf/descriptor.proto" ? file_google_protobuf_descriptor : named(name),
  );
  const http = annotations.getExtension("google.api.http");
  const method = files.flatMap(({ service }) => service.flatMap((one) => one.method)).find(({ name }) => name === "Subscribe");
  assert.ok(http?.fieldKind === "message" && method?.options !== undefined);
  setExtension(method.options, http, create(http.message, { pattern: { case: "get", value: "/v1/beats/{data_plane}" } } as never) as never);
  const changed = files.map((file) => Buffer.from(toBinary(FileDescriptorProtoSchema, file)).toString("base64"));
  return { ...Snapshots, files: () => Promise.resolve(changed) };
}

/** A server of two contracts with rules for REST. The gateway is told that it speaks gRPC alone. */
async function startServer(
  id: string,
  version = "v1",
): Promise<{ backend: Backend; place: { id: string; version: string; port: number; grpcOnly: true }; users: string[] }> {
  const users: string[] = [];
  const routes = implement(Routes, {
    async listRoutes(_request, call) {
      users.push(metadataValue(call.metadata, "x-user") ?? "");
      return { routes: [{ name: id, host: "", pathPrefix: "/", service: "feed", userIdSources: [], timeoutMs: 7, idempotent: false }] };
    },
    async putRoute({ route, reason }) {
      return { revision: BigInt(`${(route as RouteSpec).name.length}${reason.length}`) };
    },
    async deleteRoute({ name }) {
      throw fault(routeUnknown, `Expected a route, found ${name}.`, { retryAfterMs: 1500 });
    },
  });
  const snapshots = implement(await withStreamRule(), {
    async *subscribe({ dataPlane }): AsyncGenerator<SubscribeResponse> {
      for (let index = 0; index < 3; index++) yield {};
      if (dataPlane === "bad") throw fault(routeUnknown, "Expected more, found nothing.");
    },
    acknowledge: async () => ({}),
    listDataPlanes: async () => ({ revision: 1n, dataPlanes: [] }),
  });
  // The first to name a file is believed.
  const implementations = [snapshots, routes];
  const handler = createRpcHandler([...implementations, ...createReflection(implementations)]);
  const backend = await startBackend(id, version, (request, exchange) => {
    assert.match(request.headers.join(), /application\/grpc/, "nothing but gRPC reaches it");
    return handler(request, exchange);
  });
  return { backend, place: { id, version, port: backend.port, grpcOnly: true }, users };
}

async function textOf(url: string, init?: RequestInit): Promise<[status: number, text: string]> {
  const answer = await fetch(url, init);
  return [answer.status, await answer.text()];
}

test("gateway lets REST call a server that speaks gRPC alone, by its own rules", async () => {
  const { backend, place, users } = await startServer("a");
  const house = await startHouse(snapshotOf([place]), [backend]);
  const { url } = house.gateway;
  const listed = await fetch(`${url}/v1/routes`, { headers: { "x-user": "ada" } });
  assert.deepEqual(await listed.json(), { routes: [{ name: "a", pathPrefix: "/", service: "feed", timeoutMs: 7 }] });
  assert.deepEqual(
    [listed.status, listed.headers.get("content-type"), listed.headers.get("x-weir-version")],
    [200, "application/json", "v1"],
  );
  assert.deepEqual(users, ["ada"]);
  const put = { method: "PUT", headers: { "content-type": "application/json" }, body: '{"route":{"host":"h"},"reason":"four"}' };
  assert.deepEqual(await textOf(`${url}/v1/routes/films`, put), [200, '{"revision":"54"}']);
  const [status, text] = await textOf(`${url}/v1/routes/gone`, { method: "DELETE" });
  const error = JSON.parse(text) as Record<string, unknown>;
  assert.deepEqual(
    [status, error["code"], error["reason"], error["message"]],
    [404, "not_found", "ROUTE_UNKNOWN", "Expected a route, found gone."],
  );
  const malformed = await textOf(`${url}/v1/routes/films`, { ...put, body: '{"reason":7}' });
  assert.equal(malformed[0], 400);
  assert.equal((await textOf(`${url}/v1/nothing`))[0], 404);
  await until(() => house.lines.length === 5, "five lines");
  const first = JSON.parse(house.lines[0] ?? "{}") as Record<string, unknown>;
  assert.deepEqual(
    [first["method"], first["path"], first["status"], first["code"], first["endpoint"]],
    ["GET", "/v1/routes", 200, "OK", "a"],
  );
  const metrics = await (await fetch(`${house.gateway.adminUrl}/metrics`)).text();
  assert.match(metrics, /^weir_gateway_in_flight 0$/m);
  await house.stop();
});

test("gateway lets Connect call a server that speaks gRPC alone, unary and as a stream", async () => {
  const { backend, place } = await startServer("a");
  const house = await startHouse(snapshotOf([place]), [backend]);
  const { url } = house.gateway;
  const headers = { "content-type": "application/json", "connect-protocol-version": "1", "connect-timeout-ms": "5000" };
  const [status, text] = await textOf(`${url}/weir.api.v1.Routes/ListRoutes`, { method: "POST", headers, body: "{}" });
  assert.equal(status, 200, text);
  assert.equal((JSON.parse(text) as { routes: { name: string }[] }).routes[0]?.name, "a");
  for (const [dataPlane, code] of [
    ["good", undefined],
    ["bad", "not_found"],
  ] as const) {
    const body = Buffer.concat([Buffer.from([0, 0, 0, 0, 20]), Buffer.from(JSON.stringify({ dataPlane }).padEnd(20))]);
    const answer = await fetch(`${url}/weir.api.v1.Snapshots/Subscribe`, {
      method: "POST",
      headers: { "content-type": "application/connect+json" },
      body,
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const flags: number[] = [];
    let last: { error?: { code: string } } = {};
    for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt32BE(at + 1)) {
      flags.push(bytes[at] as number);
      last = JSON.parse(bytes.subarray(at + 5, at + 5 + bytes.readUInt32BE(at + 1)).toString()) as typeof last;
    }
    assert.deepEqual(flags, [0, 0, 0, 2]);
    assert.equal(last.error?.code, code);
  }
  await until(
    async () => /^weir_gateway_in_flight 0$/m.test(await (await fetch(`${house.gateway.adminUrl}/metrics`)).text()),
    "all calls to be over",
  );
  await house.stop();
});

test("gateway does not take a server that is away for one that says nothing of itself", async () => {
  const house = await startHouse(snapshotOf([{ id: "gone", version: "v1", port: 1, grpcOnly: true }]), []);
  const [status, text] = await textOf(`${house.gateway.url}/v1/routes`);
  assert.deepEqual([status, (JSON.parse(text) as { reason: string }).reason], [503, "NO_HEALTHY_ENDPOINT"]);
  await house.stop();
});

test("gateway asks a cluster anew what it serves when it has a new instance, and says so when it cannot", async () => {
  const silent = await startGrpcServer("silent", "v1", {});
  const house = await startHouse(snapshotOf([silent]), []);
  const { url } = house.gateway;
  const [status, text] = await textOf(`${url}/v1/routes`);
  assert.deepEqual([status, (JSON.parse(text) as { reason: string }).reason], [501, "ENDPOINT_UNDESCRIBED"]);
  const { backend, place } = await startServer("b", "v2");
  await house.gateway.apply(snapshotOf([silent, place], { revision: 2, newWeight: 10_000 }));
  assert.equal((await textOf(`${url}/v1/routes`))[0], 200);
  const more = await startServer("c", "v2");
  await house.gateway.apply(snapshotOf([silent, place, more.place], { revision: 3, newWeight: 10_000 }));
  assert.equal((await textOf(`${url}/v1/routes`))[0], 200);
  await until(() => house.log.filter((said) => said === "services described by reflection").length === 2, "the new instance to be asked");
  await house.stop();
  await backend.server.close();
  await more.backend.server.close();
  silent.stop();
});

test("gateway lets REST read a stream of gRPC, as lines and as events, to its end or its failure", async () => {
  const { backend, place } = await startServer("a");
  const house = await startHouse(snapshotOf([place]), [backend]);
  const { url } = house.gateway;
  const lines = await fetch(`${url}/v1/beats/good`);
  assert.deepEqual([lines.status, await lines.text()], [200, '{"result":{}}\n'.repeat(3)]);
  const failed = await (await fetch(`${url}/v1/beats/bad`)).text();
  assert.match(failed, /^(\{"result":\{\}\}\n){3}\{"error":.*"code":"not_found"/);
  const events = await fetch(`${url}/v1/beats/good`, { headers: { accept: "text/event-stream" } });
  assert.match(events.headers.get("content-type") ?? "", /^text\/event-stream/);
  assert.equal((await events.text()).split("\n\n").filter((event) => event === "data: {}").length, 3);
  const codes = (): unknown[] => house.lines.map((line) => (JSON.parse(line) as { code: string }).code);
  await until(() => house.lines.length === 3, "the streams to be over");
  assert.deepEqual(codes(), ["OK", "NOT_FOUND", "OK"]);
  assert.match(await (await fetch(`${house.gateway.adminUrl}/metrics`)).text(), /^weir_gateway_in_flight 0$/m);
  await house.stop();
});

test("gateway refuses half a message of Connect in Connect's own form, and keeps its reason where it is told to", async (t) => {
  const { backend, place } = await startServer("a");
  t.after(() => backend.server.close());
  for (const errorInfo of [true, false]) {
    const house = await startHouse(snapshotOf([place]), [], { errorInfo });
    t.after(house.stop);
    const half = new ReadableStream({
      start(controller) {
        controller.enqueue(Uint8Array.of(0, 0, 0, 0, 10, 1, 2, 3));
        controller.close();
      },
    });
    const init = { method: "POST", headers: { "content-type": "application/connect+proto" }, body: half, duplex: "half" } as const;
    const answer = await fetch(`${house.gateway.url}/${Snapshots.typeName}/Subscribe`, init);
    assert.equal(answer.headers.get("content-type"), "application/connect+proto");
    const text = await answer.text();
    assert.match(text, /"code":"(?:internal|invalid_argument)"/);
    assert.equal(text.includes("google.rpc.ErrorInfo"), errorInfo);
    const missing = await fetch(`${house.gateway.url}/a.B/C`, {
      method: "POST",
      headers: { "connect-protocol-version": "1", "content-type": "application/json" },
      body: "{}",
    });
    assert.equal((await missing.text()).includes("ROUTE_NOT_FOUND"), errorInfo);
  }
});

test("gateway lets go of a stream of REST whose client has gone before it began", async (t) => {
  const { backend, place } = await startServer("a");
  const house = await startHouse(snapshotOf([place]), [backend]);
  const metrics = async (): Promise<string> => (await fetch(`${house.gateway.adminUrl}/metrics`)).text();
  assert.equal((await textOf(`${house.gateway.url}/v1/beats/ada`))[0], 200);
  // The second is answered at once, and waits behind the first, which is not.
  const stalled = await startRawEndpoint(() => undefined);
  t.after(async () => {
    await stalled.stop();
    await house.stop();
  });
  const snapshot = snapshotOf([place], { revision: 2 });
  const [route] = snapshot.routes;
  const slow = { ...route, name: "slow", pathPrefix: "/slow", service: "slow" } as Snapshot["routes"][number];
  const cluster = {
    service: "slow",
    version: "v1",
    endpoints: [{ id: "raw", address: `127.0.0.1:${stalled.port}`, http2: false, grpcOnly: false }],
  };
  await house.gateway.apply({ ...snapshot, clusters: [...snapshot.clusters, cluster], routes: [slow, ...snapshot.routes] });
  const client = connectRaw(house.gateway.url);
  client.socket.write(getRequest("/slow") + getRequest("/v1/beats/ada"));
  await until(
    async () => stalled.connections === 1 && /^weir_gateway_endpoint_requests_total\{.*"a".*\} 2$/m.test(await metrics()),
    "both to be asked",
  );
  await new Promise(setImmediate);
  client.socket.resetAndDestroy();
  await until(() => house.lines.length === 3, "both to be over");
  assert.match(await metrics(), /^weir_gateway_in_flight 0$/m);
});
