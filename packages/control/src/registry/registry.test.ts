import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { Snapshot } from "@weir/api/snapshots";
import { State } from "@weir/kit/app/registry";
import type { VirtualClock } from "@weir/kit/testing/virtual-clock";
import { createVirtualClock } from "@weir/kit/testing/virtual-clock";
import type { TestHouse } from "../fixtures/house.ts";
import { entriesOf, instanceOf, openHouse, reasonOf, register } from "../fixtures/house.ts";

/** Clusters of the newest Snapshot as "feed@v1: a b". */
async function clustersOf(house: TestHouse): Promise<string[]> {
  const snapshot = await snapshotOf(house);
  return snapshot.clusters.map(({ service, version, endpoints }) =>
    `${service}@${version}: ${endpoints.map(({ id }) => id).join(" ")}`.trim(),
  );
}

async function snapshotOf(house: TestHouse): Promise<Snapshot> {
  for await (const { snapshot } of house.dataPlane.snapshots.subscribe({ dataPlane: "looker" })) if (snapshot) return snapshot;
  throw new Error("Expected a Snapshot, found the end of the stream.");
}

describe("registry", { timeout: 20_000 }, () => {
  let clock: VirtualClock;
  let house: TestHouse;
  beforeEach(async () => {
    clock = createVirtualClock();
    house = await openHouse({ clock });
  });
  afterEach(async () => {
    await house.close();
  });

  const beat = (id: string, state: State = State.SERVING): Promise<{ known: boolean }> =>
    house.instance.registry.heartbeat({ instanceId: id, state });

  /** Lets time pass while these instances send their heartbeats. */
  async function pass(durationMs: number, alive: readonly string[]): Promise<void> {
    for (let passedMs = 0; passedMs < durationMs; passedMs += 500) {
      for (const id of alive) assert.deepEqual(await beat(id), { known: true }, id);
      await clock.advance(Math.min(500, durationMs - passedMs));
    }
  }

  test("a registration tells the lease and the beat", async () => {
    assert.deepEqual(await house.instance.registry.register({ instance: instanceOf("a1"), state: State.SERVING }), {
      leaseMs: 1500,
      heartbeatMs: 500,
    });
    assert.deepEqual(await clustersOf(house), ["feed@v1: a1"]);
  });

  test("an instance that dies is out of the Snapshot within 2 seconds, the others stay", async () => {
    await register(house.instance, [instanceOf("a1"), instanceOf("a2")]);
    await pass(1000, ["a1", "a2"]);
    await pass(2000, ["a1"]);
    assert.deepEqual(await clustersOf(house), ["feed@v1: a1"]);
    assert.deepEqual(await beat("a2"), { known: false });
    const [entry] = await entriesOf(house, 1);
    assert.deepEqual([entry?.actor, entry?.action, entry?.resource], ["control", "Registry.Expire", "instance/a2"]);
    const { instances } = await house.admin.registry.listInstances({ service: "feed" });
    assert.deepEqual(
      instances.map(({ instance, live }) => [instance?.id, live]),
      [
        ["a1", true],
        ["a2", false],
      ],
    );
  });

  test("an instance that says goodbye is out at once, and saying it again is no error", async () => {
    await register(house.instance, [instanceOf("a1"), instanceOf("a2")]);
    assert.deepEqual(await house.instance.registry.deregister({ instanceId: "a2" }), { known: true });
    assert.deepEqual(await clustersOf(house), ["feed@v1: a1"]);
    assert.deepEqual(await house.instance.registry.deregister({ instanceId: "a2" }), { known: false });
    assert.deepEqual(await house.instance.registry.deregister({ instanceId: "nobody" }), { known: false });
  });

  test("an instance that starts or drains gets no requests, and its heartbeat says so", async () => {
    await register(house.instance, [instanceOf("a1")]);
    await house.instance.registry.register({ instance: instanceOf("a2"), state: State.STARTING });
    assert.deepEqual(await clustersOf(house), ["feed@v1: a1"]);
    await beat("a2", State.SERVING);
    await beat("a1", State.DRAINING);
    assert.deepEqual(await clustersOf(house), ["feed@v1: a2"]);
  });

  test("heartbeats and repeated registrations make no revision and no entry", async () => {
    await register(house.instance, [instanceOf("a1")]);
    const { revision } = await snapshotOf(house);
    const entries = await entriesOf(house);
    await pass(5000, ["a1"]);
    await register(house.instance, [instanceOf("a1")]);
    assert.equal((await snapshotOf(house)).revision, revision);
    assert.deepEqual(await entriesOf(house), entries);
  });

  test("when all instances vanish the last known endpoints stay, and the page is told since when", async () => {
    await register(house.instance, [instanceOf("a1"), instanceOf("a2"), instanceOf("b1", { version: "v2" })]);
    await pass(1000, ["a1", "a2", "b1"]);
    const vanishedAtMs = clock.nowMs();
    await clock.advance(60_000);
    assert.deepEqual(await clustersOf(house), ["feed@v1: a1 a2", "feed@v2: b1"]);
    const views = house.admin.releases.watchRelease({ service: "feed" })[Symbol.asyncIterator]();
    const { value: view } = await views.next();
    await views.return?.();
    assert.equal(view?.registryEmpty, true);
    const sinceMs = Number(view?.registryChangedAtMs) - vanishedAtMs;
    assert.ok(sinceMs > 500 && sinceMs < 2000, `since ${sinceMs} ms after they vanished`);
    assert.deepEqual(
      view?.instances.map(({ id, state }: { id: string; state: string }) => [id, state]),
      [
        ["a1", "GONE"],
        ["a2", "GONE"],
        ["b1", "GONE"],
      ],
    );
    await register(house.instance, [instanceOf("a3")]);
    assert.deepEqual(await clustersOf(house), ["feed@v1: a3", "feed@v2:"]);
  });

  test("the last known endpoints outlive the quarter of an hour and a restart", async () => {
    await register(house.instance, [instanceOf("a1"), instanceOf("old")]);
    await pass(1000, ["a1"]);
    await pass(10_000, ["a1"]);
    await clock.advance(20 * 60_000);
    const { instances } = await house.admin.registry.listInstances({});
    assert.deepEqual(
      instances.map(({ instance }) => instance?.id),
      ["a1"],
    );
    house = await house.reopen();
    await clock.advance(20 * 60_000);
    assert.deepEqual(await clustersOf(house), ["feed@v1: a1"]);
  });

  test("a restarted control serves the last known endpoints at once and gives them one lease to come back", async () => {
    await register(house.instance, [instanceOf("a1"), instanceOf("a2")]);
    const before = await snapshotOf(house);
    house = await house.reopen();
    assert.deepEqual(await snapshotOf(house), before);
    await clock.advance(1000);
    assert.deepEqual(await clustersOf(house), ["feed@v1: a1 a2"]);
    await pass(2000, ["a1"]);
    assert.deepEqual(await clustersOf(house), ["feed@v1: a1"]);
  });

  test("a control that stood still for a minute takes nobody out who is alive", async () => {
    await register(house.instance, [instanceOf("a1")]);
    await pass(1000, ["a1"]);
    const { revision } = await snapshotOf(house);
    // Timers that fall due together are what a stopped process sees when it goes on.
    const still = clock.monotonicMs() + 60_000;
    clock.monotonicMs = (
      (original) => () =>
        Math.max(original(), still)
    )(clock.monotonicMs.bind(clock));
    await clock.advance(300);
    await beat("a1");
    await clock.advance(300);
    assert.equal((await snapshotOf(house)).revision, revision);
  });

  test("an instance that cannot stand as it is is refused by field, and nothing changes", async () => {
    const before = [await snapshotOf(house), (await house.admin.registry.listInstances({})).instances];
    const bad = [
      { id: "" },
      { id: "x".repeat(129) },
      { id: "a b" },
      { service: "Feed" },
      { service: "" },
      { version: "" },
      { version: "v 2" },
      { address: "localhost" },
      { address: "127.0.0.1:0" },
      { address: "127.0.0.1:70000" },
      { address: "http://127.0.0.1:80" },
      { adminAddress: "nowhere" },
      { startedAtMs: -1n },
      { contracts: ["not a name"] },
      { contracts: Array.from({ length: 65 }, (_, index) => `c${index}`) },
      { labels: { "": "x" } },
      { labels: { zone: "x".repeat(257) } },
    ];
    for (const fields of bad) {
      const instance = Object.assign(instanceOf("a1"), fields);
      assert.equal(
        await reasonOf(house.instance.registry.register({ instance, state: State.SERVING })),
        "INSTANCE_INVALID",
        JSON.stringify(Object.keys(fields)),
      );
    }
    assert.equal(await reasonOf(house.instance.registry.register({ instance: instanceOf("a1") })), "INSTANCE_INVALID");
    assert.equal(await reasonOf(house.instance.registry.register({ state: State.SERVING })), "INSTANCE_INVALID");
    assert.deepEqual([await snapshotOf(house), (await house.admin.registry.listInstances({})).instances], before);
  });
});
