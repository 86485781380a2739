import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientRequest, ClientResponse } from "@weir/wire";
import { WireError, wireReasons } from "@weir/wire";
import type { VirtualClock } from "../../../testing/virtual-clock.ts";
import { createMetrics } from "../../../telemetry/metrics.ts";
import type { BalancedClient } from "./balanced-client.ts";
import { createBalancedClient } from "./balanced-client.ts";
import type { BalancedClientOptions } from "./balance-options.ts";
import type { ScriptedEndpoints } from "./testdata/scripted-client.ts";
import { answer, reject, scriptedEndpoints } from "./testdata/scripted-client.ts";
import type { ScriptedTarget } from "./testdata/scripted-target.ts";
import { scriptedTarget } from "./testdata/scripted-target.ts";
import { seedOf, seededClock } from "./testdata/seeded.ts";

const post: ClientRequest = { method: "POST", target: "/", headers: [], body: new Uint8Array(1) };
const list = (count: number): string => Array.from({ length: count }, (_, index) => `10.0.0.1:${index + 1}`).join(" ");

interface Stage {
  readonly clock: VirtualClock;
  readonly target: ScriptedTarget;
  readonly endpoints: ScriptedEndpoints;
  readonly client: BalancedClient;
}

function stage(count: number, options: Partial<BalancedClientOptions> = {}, seed = 3): Stage {
  const clock = seededClock(seed);
  const target = scriptedTarget();
  const endpoints = scriptedEndpoints();
  const client = createBalancedClient({ target, connection: endpoints.open, clock, ...options });
  target.resolve(list(count));
  return { clock, target, endpoints, client };
}

/** How many of so many requests each endpoint got. Failures are of no interest. */
async function spread({ client, endpoints }: Stage, requests: number): Promise<Map<string, number>> {
  const before = endpoints.asked.length;
  for (let made = 0; made < requests; made++) await client.request(post).catch(() => undefined);
  const counts = new Map<string, number>();
  for (const key of endpoints.asked.slice(before)) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

test("an endpoint that fails five times in a row gets nothing until its ejection is over", async () => {
  const scene = stage(4);
  scene.endpoints.script("10.0.0.1:2", reject("CONNECTION_RESET", { sent: true }));
  await spread(scene, 200);
  assert.equal((await spread(scene, 200)).has("10.0.0.1:2"), false);
  scene.endpoints.script("10.0.0.1:2", answer());
  await scene.clock.advance(29_000);
  assert.equal((await spread(scene, 100)).has("10.0.0.1:2"), false);
  await scene.clock.advance(11_000);
  assert.ok(((await spread(scene, 200)).get("10.0.0.1:2") ?? 0) > 20);
});

test("what a caller does wrong or gives up says nothing of an endpoint", async () => {
  for (const script of [
    reject("REQUEST_CANCELLED", { sent: true }),
    reject("REQUEST_INVALID"),
    reject("UPSTREAM_STREAM_REFUSED"),
    answer(404),
    answer(429),
    answer(501),
    answer(200, ["grpc-status", "5"]),
  ]) {
    const scene = stage(3);
    scene.endpoints.script("*", script);
    await spread(scene, 100);
    assert.ok(scene.client.endpoints().every(({ state }) => state === "ready"));
  }
});

test("failures of every protocol count against an endpoint", async () => {
  const trailers = async (): Promise<ClientResponse> => {
    const whole = new Uint8Array(0);
    const body = { whole, trailers: () => ["grpc-status", "14"], async *[Symbol.asyncIterator]() {} };
    return { status: 200, headers: [], body };
  };
  for (const script of [
    answer(500),
    answer(503),
    answer(200, ["grpc-status", "13"]),
    trailers,
    reject("UPSTREAM_HEAD_TIMEOUT", { sent: true }),
  ]) {
    const scene = stage(3);
    scene.endpoints.script("10.0.0.1:1", script);
    await spread(scene, 100);
    assert.equal(scene.client.endpoints()[0]?.state, "ejected");
  }
});

test("a caller whose time is over blames an endpoint that had its usual time and more, and no other", async () => {
  for (const [timeMs, state] of [
    [19, "ready"],
    [49, "ready"],
    [51, "ejected"],
  ] as const) {
    const scene = stage(2);
    const { clock, client, endpoints } = scene;
    endpoints.script("*", async () => {
      await clock.sleep(10);
      return { status: 200, headers: [] };
    });
    for (let made = 0; made < 40; made++) {
      const pending = client.request(post);
      await clock.advance(10);
      await pending;
    }
    endpoints.script("10.0.0.1:1", async (request, options) => {
      await clock.sleep(1_000_000, options.signal).catch(() => undefined);
      return reject("REQUEST_CANCELLED", { sent: true })(request, options);
    });
    for (let made = 0; made < 40; made++) {
      const controller = new AbortController();
      const pending = client.request(post, { signal: controller.signal }).catch(() => undefined);
      await clock.advance(timeMs);
      controller.abort(new DOMException("the time is over", "TimeoutError"));
      await pending;
    }
    assert.equal(client.endpoints()[0]?.state, state, `${timeMs} ms`);
  }
});

test("a caller that gives up without saying why blames only an endpoint that is silent to everybody", async () => {
  for (const isSilent of [true, false]) {
    const { clock, client, endpoints } = stage(1);
    let cancel: () => void = () => undefined;
    endpoints.script("*", ({ target }, options) => {
      if (target === "/quick" && !isSilent) return answer()({ ...post }, options);
      return new Promise((_, settle) => {
        options.onCancel?.(() => settle(new WireError(wireReasons.REQUEST_CANCELLED, "given up", { sent: true })));
      });
    });
    for (let made = 0; made < 10; made++) {
      const pending = client.request(post, { onCancel: (listener) => (cancel = listener) }).catch(() => undefined);
      await clock.advance(100);
      const quick = client
        .request({ ...post, target: "/quick" }, { onCancel: (listener) => setImmediate(listener) })
        .catch(() => undefined);
      await quick;
      await clock.advance(100);
      cancel();
      await pending;
    }
    assert.equal(client.endpoints()[0]?.state, isSilent ? "ejected" : "ready");
  }
});

test("a body in pieces counts as in flight until it is read, left, or given up", async () => {
  const { client, endpoints } = stage(1);
  const bodyOf = (): ClientResponse => ({
    status: 200,
    headers: [],
    body: {
      async *[Symbol.asyncIterator]() {
        yield new Uint8Array(1);
        yield new Uint8Array(1);
      },
    },
  });
  endpoints.script("*", async () => bodyOf());
  const inFlight = (): number | undefined => client.endpoints()[0]?.inFlight;
  const controller = new AbortController();
  const [read, left, forgotten] = await Promise.all([
    client.request(post),
    client.request(post),
    client.request(post, { signal: controller.signal }),
  ]);
  assert.equal(inFlight(), 3);
  for await (const _ of read.body as AsyncIterable<Uint8Array>);
  assert.equal(inFlight(), 2);
  for await (const _ of left.body as AsyncIterable<Uint8Array>) break;
  assert.equal(inFlight(), 1);
  assert.notEqual(forgotten.body, undefined);
  controller.abort();
  assert.equal(inFlight(), 0);
});

test("least load steers away from an endpoint that hangs before anything has timed out", async (t) => {
  const seed = seedOf();
  t.diagnostic(`seed ${seed}`);
  const scene = stage(4, {}, seed);
  scene.endpoints.script("10.0.0.1:1", () => new Promise(() => undefined));
  scene.endpoints.script("*", async () => {
    await scene.clock.sleep(5);
    return { status: 200, headers: [] };
  });
  const pending: Promise<unknown>[] = [];
  for (let made = 0; made < 1000; made++) {
    pending.push(scene.client.request(post));
    if (made % 4 === 3) await scene.clock.advance(5);
  }
  const hung = scene.endpoints.asked.filter((key) => key === "10.0.0.1:1").length;
  assert.ok(hung < 20, `${hung} of 1000 hang`);
});

test("an endpoint that leaves ends what it has, and one that comes back is a new one", async () => {
  const { client, target, endpoints, clock } = stage(2);
  let release: (response: ClientResponse) => void = () => undefined;
  endpoints.script("10.0.0.1:1", () => new Promise((resolve) => (release = resolve)));
  endpoints.script("10.0.0.1:2", answer());
  const pending: Promise<ClientResponse>[] = [];
  while (endpoints.asked.at(-1) !== "10.0.0.1:1") pending.push(client.request(post));
  target.resolve("10.0.0.1:2");
  release({ status: 200, headers: [] });
  for (const one of pending) assert.equal((await one).status, 200);
  await clock.advance(0);
  assert.deepEqual(
    client.endpoints().map(({ address }) => address),
    ["10.0.0.1:2"],
  );
  target.resolve(list(2));
  assert.equal(client.endpoints().find(({ address }) => address === "10.0.0.1:1")?.inFlight, 0);
});

test("ten thousand changes of the endpoints leave nothing behind", async (t) => {
  const seed = seedOf();
  t.diagnostic(`seed ${seed}`);
  const metrics = createMetrics();
  const scene = stage(5, { telemetry: { metrics }, choice: { kind: "ring-hash" } }, seed);
  const { clock, client, target, endpoints } = scene;
  endpoints.script("10.0.0.1:3", reject("CONNECT_FAILED"));
  endpoints.script("10.0.0.1:4", answer(500));
  const pendingBefore = clock.pending;
  for (let change = 0; change < 10_000; change++) {
    const chosen = list(12)
      .split(" ")
      .filter(() => clock.random() < 0.4);
    target.resolve(chosen.join(" "));
    await client.request(post).catch(() => undefined);
    if (change % 100 === 0) await clock.advance(200);
  }
  target.resolve("10.0.0.1:1");
  await clock.advance(100_000);
  assert.deepEqual(
    client.endpoints().map(({ address, state }) => `${address} ${state}`),
    ["10.0.0.1:1 ready"],
  );
  assert.deepEqual([...endpoints.opened], ["10.0.0.1:1"]);
  assert.equal(clock.pending, pendingBefore);
  assert.equal(
    metrics
      .text()
      .split("\n")
      .filter((line) => line.startsWith("weir_client_picks_total{")).length,
    1,
  );
  await client.close();
  assert.deepEqual([clock.pending, endpoints.opened.size], [0, 0]);
});
