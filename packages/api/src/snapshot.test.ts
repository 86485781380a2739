import assert from "node:assert/strict";
import { test } from "node:test";
import { snapshotChanges, validateSnapshot } from "./snapshot.ts";
import { Cluster, Endpoint, Route, Snapshot } from "./snapshot.weir.ts";

const clusters = [
  Cluster.create({ service: "feed", version: "v1", endpoints: [endpointAt("a", "127.0.0.1:9000")] }),
  Cluster.create({ service: "feed", version: "v2", endpoints: [endpointAt("b", "[::1]:9001")] }),
];
const shares = [
  { version: "v2", weight: 500 },
  { version: "v1", weight: 9500 },
];

function endpointAt(id: string, address: string): Endpoint {
  return Endpoint.create({ id, address });
}

function routeOf(changes: Partial<Route> = {}): Route {
  return Route.create({ name: "feed", pathPrefix: "/v1/feed", service: "feed", shares, salt: "s", ...changes });
}

function snapshotOf(routes: Route[], changes: Partial<Snapshot> = {}): Snapshot {
  return Snapshot.create({ revision: 1n, epoch: "e", clusters, routes, ...changes });
}

test("validateSnapshot takes a whole Snapshot as it is", () => {
  const incoming = snapshotOf([routeOf(), routeOf({ name: "all", pathPrefix: "/" })]);
  assert.deepEqual(validateSnapshot(incoming, undefined), { snapshot: incoming, refusals: [] });
});

const bad: [reason: string, route: Route][] = [
  ["ROUTE_NAME_INVALID", routeOf({ name: "Films!" })],
  ["ROUTE_NAME_INVALID", routeOf({ name: "" })],
  ["ROUTE_NAME_INVALID", routeOf({ name: "good", pathPrefix: "/twice" })],
  ["ROUTE_HOST_INVALID", routeOf({ host: "example.com:80" })],
  ["ROUTE_PATH_INVALID", routeOf({ pathPrefix: "v1" })],
  ["ROUTE_PATH_INVALID", routeOf({ pathPrefix: "/a/../b" })],
  ["ROUTE_PATH_INVALID", routeOf({ pathPrefix: "/a b" })],
  ["ROUTE_PATH_TAKEN", routeOf({ name: "other", pathPrefix: "/good/" })],
  ["ROUTE_SHARES_INVALID", routeOf({ shares: [{ version: "v1", weight: 9999 }] })],
  ["ROUTE_SHARES_INVALID", routeOf({ shares: [] })],
  [
    "ROUTE_SHARES_INVALID",
    routeOf({
      shares: [
        { version: "v1", weight: 5000 },
        { version: "v1", weight: 5000 },
      ],
    }),
  ],
  ["ROUTE_CLUSTER_UNKNOWN", routeOf({ service: "films" })],
  ["ROUTE_USER_ID_INVALID", routeOf({ userIdSources: [{ source: { case: undefined } }] })],
  ["ROUTE_USER_ID_INVALID", routeOf({ userIdSources: [{ source: { case: "header", value: "X-User" } }] })],
  ["ROUTE_TIMEOUT_INVALID", routeOf({ timeoutMs: 3_600_001 })],
];

test("validateSnapshot refuses one bad route with its reason while the others apply", () => {
  const good = routeOf({ name: "good", pathPrefix: "/good" });
  for (const [reason, route] of bad) {
    const { snapshot, refusals } = validateSnapshot(snapshotOf([good, route]), undefined);
    assert.deepEqual(
      refusals.map((refusal) => refusal.reason),
      [reason],
      JSON.stringify(route),
    );
    assert.equal(refusals[0]!.resource, `route/${route.name}`);
    assert.match(refusals[0]!.message, /expected .*found/);
    assert.deepEqual(snapshot.routes, [good]);
  }
});

test("validateSnapshot keeps the held route in place of a refused one, as long as it fits", () => {
  const held = snapshotOf([routeOf()]);
  const incoming = snapshotOf([routeOf({ shares: [] })], { revision: 2n });
  assert.deepEqual(validateSnapshot(incoming, held).snapshot.routes, [routeOf()]);
  const withoutClusters = snapshotOf([routeOf({ shares: [] })], { revision: 3n, clusters: [] });
  assert.deepEqual(validateSnapshot(withoutClusters, held).snapshot.routes, []);
});

test("validateSnapshot refuses a bad cluster, keeps the held one, and refuses routes to one that was never there", () => {
  const broken = Cluster.create({ service: "feed", version: "v2", endpoints: [endpointAt("b", "nowhere")] });
  const incoming = snapshotOf([routeOf()], { clusters: [clusters[0]!, broken] });
  const first = validateSnapshot(incoming, undefined);
  assert.deepEqual(
    first.refusals.map(({ resource, reason }) => [resource, reason]),
    [
      ["cluster/feed@v2", "ENDPOINT_INVALID"],
      ["route/feed", "ROUTE_CLUSTER_UNKNOWN"],
    ],
  );
  const later = validateSnapshot(incoming, snapshotOf([routeOf()]));
  assert.deepEqual(
    later.refusals.map(({ resource }) => resource),
    ["cluster/feed@v2"],
  );
  assert.deepEqual(later.snapshot.clusters, clusters);
});

test("snapshotChanges names what is new, gone and different", () => {
  const to = snapshotOf([routeOf({ timeoutMs: 10 }), routeOf({ name: "new", pathPrefix: "/new" })], { clusters: [clusters[0]!] });
  const changes = snapshotChanges(snapshotOf([routeOf()]), to);
  assert.deepEqual(
    changes.map(({ kind, name, from, to: now }) => [kind, name, from !== undefined, now !== undefined]),
    [
      ["cluster", "feed@v2", true, false],
      ["route", "feed", true, true],
      ["route", "new", false, true],
    ],
  );
  assert.deepEqual(snapshotChanges(to, to), []);
});
