import assert from "node:assert/strict";
import { test } from "node:test";
import { Release, WatchReleaseResponse } from "@weir/api/releases";
import { DataPlane } from "@weir/api/snapshots";
import { WatchTrafficResponse } from "@weir/api/traffic";
import { acknowledgementOf, isHeldByAll, isSettling, observationOf, standingOf } from "./agreement.ts";

const release = Release.create({
  service: "feed",
  stableVersion: "v1",
  newVersion: "v2",
  newWeight: 2000,
  revision: 5n,
  changedAtMs: 1000n,
});
const plane = (name: string, more: Partial<DataPlane> = {}): DataPlane =>
  DataPlane.create({ name, connected: true, acknowledgedRevision: 5n, ...more });
const refusal = { resource: "route/films", reason: "ROUTE_SHARES_INVALID", message: "no" };

function viewOf(more: Partial<WatchReleaseResponse> = {}): WatchReleaseResponse {
  const planes = { dataPlanes: [plane("g1"), plane("g2")], acknowledgedCount: 2, dataPlaneCount: 2 };
  return WatchReleaseResponse.create({ release, acknowledgedWeight: 2000, ...planes, ...more });
}

const traffic = (weight: number, requests: number): WatchTrafficResponse =>
  WatchTrafficResponse.create({ observedWeight: weight, observedRequests: requests });

test("acknowledgement agrees only when every connected data plane holds the desired weight", () => {
  assert.equal(acknowledgementOf(viewOf()).kind, "agrees");
  assert.equal(acknowledgementOf(viewOf({ acknowledgedCount: 1 })).kind, "waiting");
  assert.equal(acknowledgementOf(viewOf({ acknowledgedWeight: 500 })).kind, "waiting");
  assert.equal(acknowledgementOf(viewOf({ dataPlaneCount: 0, acknowledgedCount: 0 })).kind, "none");
});

test("acknowledgement tells a refusal before anything else, but not one of a data plane that is away", () => {
  const refused = viewOf({ dataPlanes: [plane("g1", { refusals: [refusal] }), plane("g2")] });
  assert.equal(acknowledgementOf(refused).kind, "refused");
  assert.equal(isHeldByAll(refused), true);
  assert.equal(
    acknowledgementOf(viewOf({ dataPlanes: [plane("g1", { refusals: [refusal], connected: false }), plane("g2")] })).kind,
    "agrees",
  );
});

test("observation allows for chance and for users who ask more than others", () => {
  const observe = (weight: number, requests: number, settling = false): string =>
    observationOf(2000, { traffic: traffic(weight, requests), settling }).kind;
  assert.equal(observe(2400, 400), "agrees");
  assert.equal(observe(3500, 400), "differs");
  assert.equal(observe(3500, 400, true), "settling");
  assert.equal(observe(9000, 5), "unknown");
  assert.equal(observationOf(2000, { traffic: undefined, settling: false }).kind, "unknown");
});

test("observation takes no notice of nothing at the ends", () => {
  assert.equal(observationOf(0, { traffic: traffic(0, 5000), settling: false }).kind, "agrees");
  assert.equal(observationOf(0, { traffic: traffic(500, 5000), settling: false }).kind, "differs");
  assert.equal(observationOf(10000, { traffic: traffic(10000, 5000), settling: false }).kind, "agrees");
});

test("standing names the worst first", () => {
  const stand = (view: WatchReleaseResponse, seen = traffic(2000, 500), live = true): string =>
    standingOf(view, { traffic: seen, live, settling: false }).kind;
  assert.equal(stand(viewOf()), "agrees");
  assert.equal(stand(viewOf(), traffic(2000, 3)), "unseen");
  assert.equal(stand(viewOf(), traffic(6000, 500)), "differs");
  assert.equal(stand(viewOf({ acknowledgedCount: 1 }), traffic(6000, 500)), "waiting");
  assert.equal(stand(viewOf({ acknowledgedCount: 1, dataPlanes: [plane("g1", { refusals: [refusal] })] })), "refused");
  assert.equal(stand(viewOf({ dataPlaneCount: 0 })), "no_planes");
  assert.equal(stand(viewOf(), traffic(2000, 500), false), "lost");
  assert.equal(
    stand(viewOf({ release: Release.create({ ...release, newVersion: "", newWeight: 0 }), acknowledgedWeight: 0 })),
    "no_release",
  );
});

test("settling lasts as long as observed requests may be from before the change", () => {
  assert.equal(isSettling(viewOf(), 9000), true);
  assert.equal(isSettling(viewOf(), 14_000), false);
});
