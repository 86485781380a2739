import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { SubscribeRequest, SubscribeResponse } from "@weir/api/snapshots";
import type { WatchReleaseResponse } from "@weir/api/releases";
import type { VirtualClock } from "@weir/kit/testing/virtual-clock";
import { createVirtualClock } from "@weir/kit/testing/virtual-clock";
import { openDatabase } from "@weir/kit/store";
import type { ControlTables } from "../tables.ts";
import type { TestHouse } from "../fixtures/house.ts";
import { createSqliteFile } from "../fixtures/databases.ts";
import { entriesOf, furnishFeed, openHouse, reasonOf, sharesOf, until } from "../fixtures/house.ts";

describe("snapshots", { timeout: 20_000 }, () => {
  let clock: VirtualClock;
  let house: TestHouse;
  const open: AsyncIterator<unknown>[] = [];
  beforeEach(async () => {
    clock = createVirtualClock();
    house = await openHouse({ clock });
    await furnishFeed(house);
  });
  afterEach(async () => {
    for (const stream of open.splice(0)) void stream.return?.();
    await house.close();
  });

  function subscribe(request: Partial<SubscribeRequest>): AsyncIterator<SubscribeResponse> {
    const stream = house.dataPlane.snapshots.subscribe({ dataPlane: "gateway-1", ...request })[Symbol.asyncIterator]();
    open.push(stream);
    return stream;
  }

  /** The page of the release as it is once all that was going on has settled. */
  async function page(): Promise<WatchReleaseResponse> {
    const stream = house.admin.releases.watchRelease({ service: "feed" })[Symbol.asyncIterator]();
    const { value } = await stream.next();
    await stream.return?.();
    return value as WatchReleaseResponse;
  }

  const move = (weight: number): Promise<unknown> =>
    house.admin.releases.setWeights({ service: "feed", shares: sharesOf(weight), reason: `to ${weight}` });

  test("a subscriber is sent the newest Snapshot at once, then every newer one, with a beat each second between", async () => {
    const stream = subscribe({});
    const first = (await stream.next()).value as SubscribeResponse;
    assert.equal(first.snapshot?.routes[0]?.name, "feed");
    const beat = stream.next();
    await clock.advance(999);
    assert.equal(await Promise.race([beat, Promise.resolve("waiting")]), "waiting");
    await clock.advance(1);
    assert.deepEqual((await beat).value, { snapshot: undefined });
    const next = stream.next();
    await move(700);
    assert.deepEqual(((await next).value as SubscribeResponse).snapshot?.routes[0]?.shares, sharesOf(700));
  });

  test("a subscriber that holds the newest is sent beats only", async () => {
    const { snapshot } = (await subscribe({}).next()).value as SubscribeResponse;
    const again = subscribe({ dataPlane: "gateway-2", epoch: snapshot?.epoch, revision: snapshot?.revision });
    assert.deepEqual((await again.next()).value, { snapshot: undefined });
    assert.equal((await page()).dataPlanes.find(({ name }) => name === "gateway-2")?.acknowledgedRevision, snapshot?.revision);
  });

  test("a slow subscriber is sent the newest only", async () => {
    const stream = subscribe({});
    await stream.next();
    // In memory a little is read ahead; what a reader has not asked for is merged beyond that.
    for (let weight = 1; weight <= 40; weight++) await move(weight);
    const seen: number[] = [];
    await until(stream, ({ snapshot }) => {
      const weight = snapshot?.routes[0]?.shares[0]?.weight ?? -1;
      seen.push(weight);
      return weight === 40;
    });
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
    );
    assert.ok(seen.length <= 40, `${seen.length} messages for 40 changes`);
  });

  test("acknowledgements are counted, and the weight is the lowest that a connected data plane holds", async () => {
    const streams = ["gateway-1", "gateway-2"].map((dataPlane) => subscribe({ dataPlane }));
    const [{ snapshot }] = (await Promise.all(streams.map(async (stream) => (await stream.next()).value as SubscribeResponse))) as [
      SubscribeResponse,
    ];
    const epoch = snapshot?.epoch ?? "";
    const acknowledge = (dataPlane: string, revision: bigint): Promise<unknown> =>
      house.dataPlane.snapshots.acknowledge({ dataPlane, epoch, revision });
    assert.deepEqual(counts(await page()), { weight: 0, count: 0, of: 2 });
    for (const name of ["gateway-1", "gateway-2"]) await acknowledge(name, snapshot?.revision ?? 0n);
    assert.deepEqual(counts(await page()), { weight: 0, count: 2, of: 2 });
    await move(500);
    const second = (await page()).revision;
    for (const name of ["gateway-1", "gateway-2"]) await acknowledge(name, second);
    await move(2000);
    assert.deepEqual(counts(await page()), { weight: 500, count: 0, of: 2 });
    await acknowledge("gateway-1", (await page()).revision);
    assert.deepEqual(counts(await page()), { weight: 500, count: 1, of: 2 });
    await acknowledge("gateway-2", (await page()).revision);
    assert.deepEqual(counts(await page()), { weight: 2000, count: 2, of: 2 });
    void streams[1]?.return?.();
    await clock.advance(1000);
    assert.deepEqual(counts(await page()), { weight: 2000, count: 1, of: 1 });
  });

  test("an acknowledgement that was overtaken does not take a data plane back, a new subscription does", async () => {
    const { snapshot } = (await subscribe({}).next()).value as SubscribeResponse;
    const { epoch = "", revision: first = 0n } = snapshot ?? {};
    await move(500);
    const { revision: second } = await page();
    await house.dataPlane.snapshots.acknowledge({ dataPlane: "gateway-1", epoch, revision: second });
    await house.dataPlane.snapshots.acknowledge({ dataPlane: "gateway-1", epoch, revision: first });
    assert.equal((await page()).dataPlanes[0]?.acknowledgedRevision, second);
    await subscribe({ epoch, revision: first }).next();
    assert.equal((await page()).dataPlanes[0]?.acknowledgedRevision, first);
  });

  test("a refusal is shown with its text, outlives a restart, and counts as not holding", async () => {
    const { snapshot } = (await subscribe({}).next()).value as SubscribeResponse;
    const { epoch = "", revision = 0n } = snapshot ?? {};
    await house.dataPlane.snapshots.acknowledge({ dataPlane: "gateway-1", epoch, revision });
    await move(2000);
    const refusals = [
      { resource: "route/feed", reason: "ROUTE_SHARES_INVALID", message: "expected weights that sum to 10000, found 9999" },
    ];
    const refused = { dataPlane: "gateway-1", epoch, revision: (await page()).revision, refusals };
    await house.dataPlane.snapshots.acknowledge(refused);
    assert.deepEqual((await page()).dataPlanes[0]?.refusals, refusals);
    assert.deepEqual(counts(await page()), { weight: 0, count: 0, of: 1 });
    house = await house.reopen();
    const [plane] = (await house.admin.snapshots.listDataPlanes({})).dataPlanes;
    assert.deepEqual([plane?.connected, plane?.acknowledgedRevision, plane?.refusals], [false, refused.revision, refusals]);
    await house.dataPlane.snapshots.acknowledge({ ...refused, refusals: [] });
    assert.deepEqual((await page()).dataPlanes[0]?.refusals, []);
  });

  test("an acknowledgement of another epoch is heard and not believed, one of the future is refused", async () => {
    await house.dataPlane.snapshots.acknowledge({ dataPlane: "gateway-1", epoch: "another", revision: 5n });
    assert.equal((await page()).dataPlanes[0]?.acknowledgedRevision, 0n);
    const { snapshot } = (await subscribe({}).next()).value as SubscribeResponse;
    const future = { dataPlane: "gateway-1", epoch: snapshot?.epoch, revision: (snapshot?.revision ?? 0n) + 1n };
    assert.equal(await reasonOf(house.dataPlane.snapshots.acknowledge(future)), "REVISION_UNKNOWN");
    assert.equal(await reasonOf(house.dataPlane.snapshots.acknowledge({ ...future, dataPlane: "Not A Name" })), "DATA_PLANE_INVALID");
    assert.equal(await reasonOf(subscribe({ dataPlane: "" }).next()), "DATA_PLANE_INVALID");
  });

  test("a data plane that holds more than the database has made brings a new epoch: the database was restored", async () => {
    const { snapshot } = (await subscribe({}).next()).value as SubscribeResponse;
    const held = { epoch: snapshot?.epoch, revision: (snapshot?.revision ?? 0n) + 100n };
    await clock.advance(2000);
    const { snapshot: renewed } = (await subscribe({ dataPlane: "gateway-2", ...held }).next()).value as SubscribeResponse;
    assert.notEqual(renewed?.epoch, held.epoch);
    assert.deepEqual(renewed?.routes, snapshot?.routes);
    const [entry] = await entriesOf(house, 1);
    assert.deepEqual([entry?.actor, entry?.action], ["control", "Snapshots.RenewEpoch"]);
  });

  test("a fresh database does not wipe a data plane that still serves well", async () => {
    const { snapshot: old } = (await subscribe({}).next()).value as SubscribeResponse;
    await house.close();
    house = await openHouse({ clock, database: createSqliteFile() });
    const stream = subscribe({ epoch: old?.epoch, revision: old?.revision });
    assert.deepEqual((await stream.next()).value, { snapshot: undefined });
    const fresh = (await subscribe({ dataPlane: "new-gateway" }).next()).value as SubscribeResponse;
    assert.deepEqual(fresh.snapshot?.clusters, []);
    await furnishFeed(house);
    await clock.advance(1500);
    const { snapshot } = await until(stream, (message) => message.snapshot !== undefined);
    assert.equal(snapshot?.routes.length, 1);
  });

  test("a route that went bad in the database is sent as it is, for data planes to name, and the others with it", async () => {
    const database = await openDatabase<ControlTables>({ url: house.database.url });
    await database.query
      .insertInto("control_routes")
      .values({ name: "bad", host: "", path_prefix: "/x", service: "nobody", user_id_sources: "[]", timeout_ms: 0, idempotent: 0 })
      .execute();
    await database.close();
    await move(100);
    const { snapshot } = (await subscribe({}).next()).value as SubscribeResponse;
    assert.deepEqual(
      snapshot?.routes.map(({ name, shares }) => [name, shares.length]),
      [
        ["bad", 0],
        ["feed", 2],
      ],
    );
  });
});

function counts(page: WatchReleaseResponse): { weight: number; count: number; of: number } {
  return { weight: page.acknowledgedWeight, count: page.acknowledgedCount, of: page.dataPlaneCount };
}
