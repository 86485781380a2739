import assert from "node:assert/strict";
import { test } from "node:test";
import type { RegistryHandlers, WatchResponse } from "../../../app/registry.weir.ts";
import { Instance, Registry, State } from "../../../app/registry.weir.ts";
import type { Call } from "../../../call.ts";
import type { Fault } from "../../../fault.ts";
import { fault } from "../../../fault.ts";
import { createTestTransport } from "../../../testing/transport.ts";
import type { VirtualClock } from "../../../testing/virtual-clock.ts";
import { implement } from "../../implement.ts";
import type { EndpointAddress } from "./endpoint-address.ts";
import { addressKey } from "./endpoint-address.ts";
import type { TargetWatch } from "./target.ts";
import { seedOf, seededClock } from "./testdata/seeded.ts";
import { createWeirTarget } from "./weir-target.ts";

interface Scene {
  readonly clock: VirtualClock;
  readonly told: (string | Fault)[];
  /** The last list. */
  readonly found: EndpointAddress[];
  readonly openedMs: number[];
  readonly watch: TargetWatch;
}

type Watching = (call: Call) => AsyncIterable<WatchResponse>;

function watchWith(watching: Watching, seed = 5): Scene {
  const clock = seededClock(seed);
  const openedMs: number[] = [];
  const none = (): never => {
    throw new Error("Expected nothing but watch.");
  };
  const handlers: RegistryHandlers = {
    register: none,
    heartbeat: none,
    deregister: none,
    listInstances: none,
    watch({ service }, call) {
      assert.equal(service, "feed");
      openedMs.push(clock.monotonicMs());
      return watching(call);
    },
  };
  const transport = createTestTransport([implement(Registry, handlers)], { clock });
  const told: (string | Fault)[] = [];
  const found: EndpointAddress[] = [];
  const watch = createWeirTarget("weir:///feed?version=v2", { transport, service: "feed", version: "v2", clock }).watch({
    resolved(addresses) {
      told.push(addresses.map(addressKey).join(" "));
      found.splice(0, found.length, ...addresses);
    },
    failed: (error) => void told.push(error),
  });
  return { clock, told, found, openedMs, watch };
}

function statusOf(
  address: string,
  more: Partial<WatchResponse["instances"][0]> & { readonly version?: string } = {},
): WatchResponse["instances"][0] {
  const instance = Instance.create({ id: address, service: "feed", version: more.version ?? "v2", address });
  return { instance, state: more.state ?? State.SERVING, live: more.live ?? true, registeredAtMs: 0n, heartbeatAgeMs: 0 };
}

test("a weir target tells the live instances of its version that serve", async () => {
  const scene = watchWith(async function* (call) {
    yield {
      instances: [
        statusOf("10.0.0.1:1"),
        statusOf("10.0.0.2:1", { version: "v1" }),
        statusOf("10.0.0.3:1", { state: State.DRAINING }),
        statusOf("10.0.0.4:1", { live: false }),
        statusOf("nowhere"),
        statusOf("[fd00::1]:2"),
      ],
      beatMs: 1000,
    };
    await call.clock.sleep(500, call.signal);
    yield { instances: [], beatMs: 1000 };
    await call.clock.sleep(1e9, call.signal);
  });
  await scene.clock.advance(600);
  assert.deepEqual(scene.told, ["10.0.0.1:1 [fd00::1]:2", ""]);
  scene.watch.close();
});

test("a weir target that hears nothing for three beats, or no first answer, opens another stream", async () => {
  let streams = 0;
  const scene = watchWith(async function* (call) {
    if ((streams += 1) > 1) yield { instances: [], beatMs: 1000 };
    await call.clock.sleep(1e9, call.signal).catch(() => undefined);
  });
  await scene.clock.advance(60_000);
  const [first = 0, second = 0, third = 0] = scene.openedMs;
  assert.ok(second - first >= 5000 && second - first < 5300, scene.openedMs.join(" "));
  assert.ok(third - second >= 3000 && third - second < 3300, scene.openedMs.join(" "));
  scene.watch.close();
});

test("a weir target that control refuses tries again after growing, jittered pauses of at most five seconds", async (t) => {
  const seed = seedOf();
  t.diagnostic(`seed ${seed}`);
  const refusal = fault({ reason: "TOKEN_MISSING", code: "UNAUTHENTICATED" }, "Expected a token.");
  const scene = watchWith(() => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(refusal) }) }), seed);
  await scene.clock.advance(120_000);
  const pauses = scene.openedMs.slice(1).map((atMs, index) => atMs - (scene.openedMs[index] as number));
  assert.ok((pauses[0] ?? 0) <= 130 && Math.max(...pauses) <= 6100, pauses.join(" "));
  assert.ok(pauses.length < 45, `${pauses.length} attempts in two minutes`);
  assert.ok(new Set(pauses.slice(-10).map(Math.round)).size > 5, "the pauses are jittered");
  assert.equal((scene.told[0] as Fault).reason, "TOKEN_MISSING");
  scene.watch.close();
  const attempts = scene.openedMs.length;
  await scene.clock.advance(60_000);
  assert.equal(scene.openedMs.length, attempts, "one that is closed asks no more");
});

test("a weir target tells what each instance takes", async () => {
  const scene = watchWith(async function* (call) {
    const instance = (port: number, flags: { http2: boolean; grpcOnly: boolean }): WatchResponse["instances"][0] => {
      const status = statusOf(`10.0.0.1:${port}`);
      return { ...status, instance: Instance.create({ ...status.instance, ...flags }) };
    };
    const instances = [
      instance(1, { http2: false, grpcOnly: false }),
      instance(2, { http2: true, grpcOnly: false }),
      instance(3, { http2: false, grpcOnly: true }),
      instance(4, { http2: true, grpcOnly: true }),
    ];
    yield { instances, beatMs: 1000 };
    await call.clock.sleep(1e9, call.signal);
  });
  await scene.clock.advance(100);
  assert.deepEqual(
    scene.found.map(({ port, speaks }) => `${port} ${speaks}`),
    ["1 http1", "2 http2", "3 grpc", "4 grpc"],
  );
  scene.watch.close();
});
