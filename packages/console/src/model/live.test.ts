import assert from "node:assert/strict";
import { test } from "node:test";
import { fault } from "@weir/kit/fault";
import { InstanceView, Release, WatchReleaseResponse } from "@weir/api/releases";
import { DataPlane } from "@weir/api/snapshots";
import { TrafficColumn, WatchTrafficResponse } from "@weir/api/traffic";
import { freshnessOf, sourcesOf } from "./freshness.ts";
import type { LiveEvent, LiveState } from "./live.ts";
import { liveAfter, liveAtStart, mergedColumns, serverNowMs } from "./live.ts";

const gone = fault({ reason: "PEER_UNREACHABLE", code: "UNAVAILABLE" }, "gone");
const column = (at: number, requests: number): TrafficColumn =>
  TrafficColumn.create({ fromMs: BigInt(at), cells: [{ version: "v1", instance: "a", requests, errors: 0, p99Ms: 0 }] });
const release = (more: Partial<WatchReleaseResponse> = {}): WatchReleaseResponse =>
  WatchReleaseResponse.create({ release: Release.create({ service: "feed" }), nowMs: 100_000n, ...more });

function after(...events: LiveEvent[]): LiveState {
  return events.reduce(liveAfter, liveAtStart);
}

test("live state keeps what it heard when a stream is lost, and since when", () => {
  const heard = after({ kind: "release", message: release(), atMs: 1000 });
  const lost = liveAfter(heard, { kind: "lost", stream: "release", fault: gone, attempt: 1, atMs: 9000, retryInMs: 500 });
  assert.equal(lost.release, heard.release);
  assert.deepEqual(lost.links.release, { kind: "lost", sinceMs: 1000, retryAtMs: 9500, attempt: 1, fault: gone });
  const again = liveAfter(lost, { kind: "lost", stream: "release", fault: gone, attempt: 2, atMs: 10_000, retryInMs: 1000 });
  assert.deepEqual([again.links.release.kind === "lost" && again.links.release.sinceMs, again.links.traffic.kind], [1000, "connecting"]);
  assert.equal(liveAfter(again, { kind: "release", message: release(), atMs: 11_000 }).links.release.kind, "live");
});

test("columns of the same time are replaced, kept in order and bounded", () => {
  const merged = mergedColumns([column(0, 1), column(5000, 2)], [column(5000, 7), column(10_000, 1)]);
  assert.deepEqual(
    merged.map((one) => [Number(one.fromMs), one.cells[0]?.requests]),
    [
      [0, 1],
      [5000, 7],
      [10_000, 1],
    ],
  );
  const many = Array.from({ length: 500 }, (_, index) => column(index, index));
  assert.equal(mergedColumns(many, []).length, 62);
  assert.equal(Number(mergedColumns(many, []).at(-1)?.fromMs), 499);
});

test("another window forgets the columns of the one before", () => {
  const message = WatchTrafficResponse.create({ columns: [column(0, 1)], nowMs: 1n });
  const state = after({ kind: "traffic", message, atMs: 1 }, { kind: "window" });
  assert.deepEqual([state.columns.length, state.traffic?.message, state.links.traffic.kind], [0, message, "connecting"]);
});

test("server time goes on by the monotonic clock, whatever the browser's wall clock says", () => {
  assert.equal(serverNowMs({ nowMs: 100_000, heardMs: 500 }, 2500), 102_000);
});

test("ages turn late after 5 seconds and stale after 15", () => {
  assert.deepEqual([undefined, 0, 5000, 5001, 15_000, 15_001].map(freshnessOf), ["never", "fresh", "fresh", "late", "late", "stale"]);
});

test("sources grow old together when control falls silent", () => {
  const planes = [
    DataPlane.create({ name: "g1", connected: true, lastHeardAtMs: 99_600n, acknowledgedRevision: 3n }),
    DataPlane.create({ name: "g2", connected: false, lastHeardAtMs: 40_000n }),
  ];
  const instances = [InstanceView.create({ id: "a", lastHeardAtMs: 99_000n }), InstanceView.create({ id: "b", lastHeardAtMs: 1000n })];
  const state = after(
    { kind: "release", message: release({ dataPlanes: planes, instances }), atMs: 0 },
    { kind: "traffic", message: WatchTrafficResponse.create({ nowMs: 100_000n, newestReportAtMs: 98_000n }), atMs: 0 },
  );
  const look = (atMs: number) => sourcesOf(state, atMs).map((source) => [source.kind, source.name, source.ageMs, source.freshness]);
  assert.deepEqual(look(200), [
    ["control", "", 200, "fresh"],
    ["traffic", "", 2200, "fresh"],
    ["plane", "g1", 600, "fresh"],
    ["plane", "g2", 60_200, "off"],
    ["registry", "", 1200, "fresh"],
  ]);
  assert.deepEqual(
    look(16_000).map((source) => source[3]),
    ["stale", "stale", "stale", "off", "stale"],
  );
});

test("sources say since when an empty registry is bridged", () => {
  const state = after({ kind: "release", message: release({ registryEmpty: true, registryChangedAtMs: 70_000n }), atMs: 0 });
  const registry = sourcesOf(state, 0).at(-1);
  assert.deepEqual([registry?.kind, registry?.emptySinceMs, registry?.freshness], ["registry", 70_000, "never"]);
});

test("sources without anything heard say so", () => {
  assert.deepEqual(
    sourcesOf(liveAtStart, 5).map((source) => source.freshness),
    ["never", "never"],
  );
});
