import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "@weir/kit/call";
import { systemClock } from "@weir/kit/clock";
import { createMetrics, type Metrics } from "@weir/kit/telemetry/metrics";
import type { HttpRequest, HttpResponse } from "@weir/wire";
import { buildService, type GatewayParts } from "./build.ts";
import { createRouteMeter } from "./filters/route-meter.ts";
import { snapshotOf, startBackend } from "./fixtures/house.ts";
import { until } from "./fixtures/until.ts";
import { trustedProxiesFrom } from "./http/client-address.ts";
import { createIdSource } from "./http/ids.ts";
import { createEndpointMetrics } from "./upstream/endpoint-meter.ts";
import { createEndpoints, type Endpoints } from "./upstream/endpoints.ts";
import { createRestDoors } from "./rest/rest-doors.ts";
import { createTunnels } from "./streams/tunnel.ts";
import { createRetryBudget } from "./upstream/retry-budget.ts";

const log = new Call().log;

function partsOf(metrics: Metrics, inFlightMax: number): GatewayParts {
  return {
    name: "gateway",
    clock: systemClock,
    log,
    meter: createRouteMeter(metrics),
    load: { inFlight: 0, sessions: 0 },
    ids: createIdSource(),
    trusted: trustedProxiesFrom([]),
    retries: createRetryBudget(0.1, 10),
    fallbacks: createRetryBudget(0.5, 10),
    accessLog: undefined,
    limits: { inFlightMax, sessionsMax: 10 },
    tunnels: createTunnels(),
    domain: "weir.gateway",
    doors: createRestDoors({ errorInfo: true, clock: systemClock, log }),
  };
}

function endpointsOf(metrics: Metrics, connectionsMax: number): Endpoints {
  return createEndpoints({ metrics: createEndpointMetrics(metrics), clock: systemClock, connectionsMax, sessionsMax: 10, waitersMax: 1 });
}

const get: HttpRequest = { method: "GET", target: "/", authority: "test", headers: [], body: undefined };

function reasonOf(response: HttpResponse): string {
  return (JSON.parse(Buffer.from(response.body as Uint8Array).toString()) as { reason: string }).reason;
}

test("service works in memory, by a call alone", async () => {
  const metrics = createMetrics();
  const backend = await startBackend("a", "v1");
  const endpoints = endpointsOf(metrics, 10);
  const service = buildService(snapshotOf([backend]), endpoints.createHolding(), partsOf(metrics, 10));
  const response = await service(get, new Call());
  assert.equal(Buffer.from(response.body as Uint8Array).toString(), "v1 a");
  const hurried = new Call();
  hurried.cancel();
  assert.equal((await service(get, hurried)).status, 499);
  await endpoints.close();
  await backend.server.close();
});

test("service lets in so many requests at once, and refuses one more at once", async () => {
  const metrics = createMetrics();
  const held = Promise.withResolvers<HttpResponse>();
  const backend = await startBackend("a", "v1", () => held.promise);
  const endpoints = endpointsOf(metrics, 10);
  const parts = partsOf(metrics, 2);
  const service = buildService(snapshotOf([backend]), endpoints.createHolding(), parts);
  const first = [service(get, new Call()), service(get, new Call())];
  const third = await service(get, new Call());
  assert.deepEqual([third.status, reasonOf(third), parts.load.inFlight], [503, "OVERLOAD", 2]);
  assert.ok(third.headers.includes("retry-after"));
  held.resolve({ status: 204, headers: [] });
  assert.deepEqual(
    (await Promise.all(first)).map(({ status }) => status),
    [204, 204],
  );
  assert.equal(parts.load.inFlight, 0);
  assert.equal((await service(get, new Call())).status, 204);
  await endpoints.close();
  await backend.server.close();
});

test("service asks another endpoint when one has no room, and says so when none has", async () => {
  const metrics = createMetrics();
  const held = Promise.withResolvers<HttpResponse>();
  const handler = (): Promise<HttpResponse> => held.promise;
  const backends = [await startBackend("a", "v1", handler), await startBackend("b", "v1", handler)];
  // One connection and one more that waits, for each endpoint.
  const endpoints = endpointsOf(metrics, 1);
  const service = buildService(snapshotOf(backends), endpoints.createHolding(), partsOf(metrics, 100));
  const answers = Array.from({ length: 4 }, () => service({ ...get, method: "POST" }, new Call()));
  await until(() => backends.every(({ count }) => count === 1), "both endpoints to be asked");
  const refused = await service({ ...get, method: "POST" }, new Call());
  assert.deepEqual([refused.status, reasonOf(refused)], [503, "OVERLOAD"]);
  held.resolve({ status: 200, headers: [] });
  assert.deepEqual(
    (await Promise.all(answers)).map(({ status }) => status),
    [200, 200, 200, 200],
  );
  const text = metrics.text();
  assert.match(text, /weir_gateway_endpoint_errors_total\{.*cause="OVERLOAD"\} [12]\n/);
  await endpoints.close();
  await Promise.all(backends.map(({ server }) => server.close()));
});

test("service that fails unexpectedly says no more than the id under which the log holds why", async () => {
  const metrics = createMetrics();
  const backend = await startBackend("a", "v1");
  const endpoints = endpointsOf(metrics, 10);
  const said: unknown[] = [];
  const parts = { ...partsOf(metrics, 10), log: { ...log, error: (_message: string, fields?: object) => void said.push(fields) } };
  const broken = {
    has: (): boolean => {
      throw new TypeError("secret");
    },
  };
  const service = buildService(snapshotOf([backend]), endpoints.createHolding(), { ...parts, trusted: broken });
  const response = await service({ ...get, headers: ["x-request-id", "r9"] }, new Call());
  const text = Buffer.from(response.body as Uint8Array).toString();
  assert.deepEqual([response.status, reasonOf(response)], [500, "GATEWAY_FAILED"]);
  assert.ok(text.includes("r9") && !text.includes("secret"), text);
  assert.equal(said.length, 1);
  assert.equal(parts.load.inFlight, 0);
  await endpoints.close();
  await backend.server.close();
});
