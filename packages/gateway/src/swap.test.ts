import assert from "node:assert/strict";
import { test } from "node:test";
import { snapshotOf, startBackend, startHouse } from "./fixtures/house.ts";
import { connectRaw, getRequest } from "./fixtures/raw-client.ts";
import { until } from "./fixtures/until.ts";

test("gateway changes weights 500 times under load without a failed request or a closed connection", async () => {
  const backends = [await startBackend("a", "v1"), await startBackend("b", "v1"), await startBackend("c", "v2")];
  const house = await startHouse(snapshotOf(backends, { newWeight: 0 }), backends);
  const clients = Array.from({ length: 64 }, () => connectRaw(house.gateway.url));
  let running = true;
  let asked = 0;
  const versions = new Set<string | undefined>();
  const users = clients.map(async (client, index) => {
    for (let turn = 0; running; turn++) {
      const answer = await client.ask(getRequest(`/v1/feed?userId=u${index}-${turn}`));
      assert.equal(answer.status, 200, answer.body);
      versions.add(answer.headers.get("x-weir-version"));
      asked++;
    }
  });
  for (let change = 1; change <= 500; change++) {
    await house.gateway.apply(snapshotOf(backends, { newWeight: (change * 137) % 10_001, revision: change + 1 }));
    const enough = asked + 4;
    await until(() => asked >= enough, "requests between two changes");
  }
  running = false;
  await Promise.all(users);
  assert.equal(clients.filter((client) => client.closedByPeer()).length, 0);
  assert.deepEqual(versions, new Set(["v1", "v2"]));
  assert.ok(asked > 1000, `${asked} requests`);
  const metrics = await (await fetch(`${house.gateway.adminUrl}/metrics`)).text();
  assert.match(metrics, /weir_gateway_endpoints 3\n/);
  assert.match(metrics, /weir_gateway_in_flight 0\n/);
  assert.match(metrics, /weir_gateway_snapshot_revision 501\n/);
  for (const client of clients) client.close();
  await house.stop();
});

test("gateway finishes requests on the snapshot they began with, and closes endpoints after their last one", async () => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let arrived = (): void => undefined;
  const arrival = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const old = await startBackend("old", "v1", async () => {
    arrived();
    await held;
    return { status: 200, headers: [], body: Buffer.from("from the old one") };
  });
  const fresh = await startBackend("fresh", "v1");
  const house = await startHouse(snapshotOf([old]), [old, fresh]);
  const slow = fetch(house.gateway.url);
  await arrival;
  await house.gateway.apply(snapshotOf([fresh], { revision: 2 }));
  assert.equal(await (await fetch(house.gateway.url)).text(), "v1 fresh");
  assert.match(await (await fetch(`${house.gateway.adminUrl}/metrics`)).text(), /weir_gateway_endpoints 2\n/);
  release();
  assert.equal(await (await slow).text(), "from the old one");
  const metrics = await (await fetch(`${house.gateway.adminUrl}/metrics`)).text();
  assert.match(metrics, /weir_gateway_endpoints 1\n/);
  assert.ok(!metrics.includes('endpoint="old"'), "series of the endpoint that left are gone");
  await house.stop();
});

test("gateway asks again within the snapshot that a request began with", async () => {
  const broken = Promise.withResolvers<void>();
  const first = await startBackend("first", "v1", async () => {
    await broken.promise;
    throw new Error("the test drops the connection");
  });
  const second = await startBackend("second", "v1");
  const fresh = await startBackend("fresh", "v1");
  const house = await startHouse(snapshotOf([first]), [first, second, fresh]);
  await house.gateway.apply(snapshotOf([first, second], { revision: 2 }));
  const asked = Promise.all([fetch(house.gateway.url), fetch(house.gateway.url)]);
  await until(() => first.count === 1 && second.count === 1, "both to be asked");
  await house.gateway.apply(snapshotOf([fresh], { revision: 3 }));
  await first.server.close();
  broken.resolve();
  const texts = await Promise.all((await asked).map((answer) => answer.text()));
  assert.deepEqual(texts, ["v1 second", "v1 second"]);
  await until(
    async () => /weir_gateway_endpoints 1\n/.test(await (await fetch(`${house.gateway.adminUrl}/metrics`)).text()),
    "the old ones to be let go",
  );
  await house.stop();
});

test("gateway keeps the good routes when one is bad, and the held one in its place", async () => {
  const backend = await startBackend("a", "v1");
  const house = await startHouse(snapshotOf([backend]), [backend]);
  const snapshot = snapshotOf([backend], { revision: 2 });
  const [route] = snapshot.routes;
  assert.ok(route);
  await house.gateway.apply({
    ...snapshot,
    routes: [
      { ...route, shares: [{ version: "v1", weight: 9999 }] },
      { ...route, name: "new", pathPrefix: "/new" },
    ],
  });
  assert.deepEqual(
    house.gateway
      .snapshot()
      ?.routes.map(({ name }) => name)
      .toSorted(),
    ["feed", "new"],
  );
  assert.equal((await fetch(house.gateway.url)).status, 200);
  assert.equal((await fetch(`${house.gateway.url}/new`)).status, 200);
  await house.stop();
});

test("gateway swaps a snapshot of 5,000 routes within the time of a slow request", async () => {
  const backend = await startBackend("a", "v1");
  const snapshot = snapshotOf([backend], { revision: 2 });
  const [route] = snapshot.routes;
  assert.ok(route);
  const house = await startHouse(snapshotOf([backend]), [backend]);
  const routes = Array.from({ length: 5000 }, (_, index) => ({ ...route, name: `r${index}`, pathPrefix: `/r${index}` }));
  await house.gateway.apply({ ...snapshot, routes });
  const begunMs = performance.now();
  await house.gateway.apply({ ...snapshot, revision: 3n, routes });
  assert.ok(performance.now() - begunMs < 1000, `${performance.now() - begunMs} ms`);
  assert.equal((await fetch(`${house.gateway.url}/r4999/x`)).status, 200);
  await house.stop();
});
