import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { EndpointTraffic, ReportRequest, WatchTrafficRequest, WatchTrafficResponse } from "@weir/api/traffic";
import { createLatencyHistogram, latencyBucketCount } from "@weir/kit/telemetry/latency-histogram";
import type { VirtualClock } from "@weir/kit/testing/virtual-clock";
import { createVirtualClock } from "@weir/kit/testing/virtual-clock";
import type { TestHouse } from "../fixtures/house.ts";
import { furnishFeed, openHouse, reasonOf, sharesOf } from "../fixtures/house.ts";
import { mergedCounts } from "./cell.ts";
import { createSequences } from "./sequences.ts";
import { createTrafficBook } from "./traffic-book.ts";

/** A round second, so that columns are easy to name. */
const startMs = 1_750_000_000_000;

function endpoint(instance: string, more: Partial<EndpointTraffic> = {}): EndpointTraffic {
  return {
    service: "feed",
    version: instance.slice(0, 2),
    instance,
    requests: 0,
    errors: 0,
    fallbacks: 0,
    latencyCounts: [],
    causes: [],
    ...more,
  };
}

function latencies(...durationsMs: number[]): number[] {
  const histogram = createLatencyHistogram();
  for (const durationMs of durationsMs) histogram.record(durationMs);
  return histogram.toCounts();
}

describe("traffic", { timeout: 20_000 }, () => {
  let clock: VirtualClock;
  let house: TestHouse;
  let sequence = 0n;
  beforeEach(async () => {
    clock = createVirtualClock({ startMs });
    house = await openHouse({ clock, daemons: false });
    await furnishFeed(house);
    await house.admin.releases.setWeights({ service: "feed", shares: sharesOf(2000), reason: "test" });
  });
  afterEach(() => house.close());

  const report = (endpoints: EndpointTraffic[], more: Partial<ReportRequest> = {}): Promise<unknown> => {
    sequence += 1n;
    const fixed = { dataPlane: "gateway-1", startId: "s1", sequence, endedAtMs: BigInt(clock.nowMs()), causes: [] };
    return house.dataPlane.traffic.report({ ...fixed, endpoints, ...more });
  };
  async function look(request: Partial<WatchTrafficRequest> = {}): Promise<WatchTrafficResponse> {
    for await (const view of house.admin.traffic.watchTraffic({ service: "feed", ...request })) return view;
    throw new Error("Expected a view, found the end of the stream.");
  }

  test("what data planes report is seen by instance and column, with errors and p99", async () => {
    await clock.advance(1000);
    await report([
      endpoint("v1-1", { requests: 90, errors: 1, latencyCounts: latencies(5, 5, 5, 80) }),
      endpoint("v2-1", { requests: 10 }),
    ]);
    await report([endpoint("v1-1", { requests: 10, latencyCounts: latencies(5) })], { dataPlane: "gateway-2" });
    await clock.advance(5000);
    await report([endpoint("v1-1", { requests: 3 })]);
    const { columns } = await look({ columnSeconds: 5 });
    assert.deepEqual(
      columns.map(({ fromMs, cells }) => [
        Number(fromMs) - startMs,
        cells.map(({ instance, requests, errors }) => [instance, requests, errors]),
      ]),
      [
        [
          0,
          [
            ["v1-1", 100, 1],
            ["v2-1", 10, 0],
          ],
        ],
        [5000, [["v1-1", 3, 0]]],
      ],
    );
    const p99Ms = columns[0]?.cells[0]?.p99Ms ?? 0;
    assert.ok(Math.abs(p99Ms / 80 - 1) < 0.04, `p99 ${p99Ms}`);
  });

  test("new and stable are compared over the same window, which begins at the last change of weight", async () => {
    await clock.advance(1000);
    await report([endpoint("v2-1", { requests: 1000, errors: 1000 })]);
    await clock.advance(1500);
    await house.admin.releases.setWeights({ service: "feed", shares: sharesOf(500), reason: "less" });
    await clock.advance(2000);
    const causes = [
      { cause: "RESET", count: 2 },
      { cause: "TIMEOUT", count: 7 },
    ];
    await report([
      endpoint("v2-1", { requests: 10, errors: 9, fallbacks: 4, latencyCounts: latencies(10, 20, 30), causes }),
      endpoint("v1-1", { requests: 90 }),
    ]);
    const { windows, windowFromMs } = await look();
    assert.equal(Number(windowFromMs) - startMs, 3000, "the first whole second after the change");
    assert.deepEqual(
      windows.map(({ version, requests, errors, fallbacks }) => [version, requests, errors, fallbacks]),
      [
        ["v2", 10, 9, 4],
        ["v1", 90, 0, 0],
      ],
    );
    assert.deepEqual(windows[0]?.causes, causes.toReversed());
    await clock.advance(600_000);
    const later = await look();
    const backMs = Number(later.nowMs - later.windowFromMs);
    assert.ok(backMs > 299_000 && backMs <= 300_000, `${backMs} ms back`);
    assert.deepEqual(
      later.windows.map(({ version, requests }) => [version, requests]),
      [
        ["v2", 0],
        ["v1", 0],
      ],
    );
  });

  test("the observed weight counts what was chosen, not who helped out", async () => {
    await clock.advance(1000);
    // 200 were given to v2; 50 of them failed and were answered by v1 on top of its own 800.
    await report([endpoint("v2-1", { requests: 200, errors: 50, fallbacks: 50 }), endpoint("v1-1", { requests: 850 })]);
    const { observedWeight, observedRequests } = await look();
    assert.deepEqual([observedWeight, observedRequests], [2000, 1000]);
    await clock.advance(12_000);
    const none = await look();
    assert.deepEqual([none.observedWeight, none.observedRequests], [0, 0]);
    assert.equal(Number(none.newestReportAtMs) - startMs, 1000);
  });

  test("a report that comes twice counts once, and one that comes late stands where it belongs", async () => {
    await clock.advance(10_000);
    const first = { sequence: 500n, endedAtMs: BigInt(startMs + 2000) };
    await report([endpoint("v1-1", { requests: 7 })], first);
    await report([endpoint("v1-1", { requests: 7 })], first);
    await report([endpoint("v1-1", { requests: 5 })], { ...first, startId: "s2" });
    await report([endpoint("v1-1", { requests: 1 })], { sequence: 499n });
    const { columns } = await look({ columnSeconds: 1 });
    assert.deepEqual(
      columns.map(({ fromMs, cells }) => [Number(fromMs) - startMs, cells[0]?.requests]),
      [
        [1000, 12],
        [9000, 1],
      ],
    );
  });

  test("a watcher is sent what is new each second, also what came late", async () => {
    await clock.advance(10_000);
    await report([endpoint("v1-1", { requests: 1 })]);
    const views = house.admin.traffic.watchTraffic({ service: "feed", columnSeconds: 1 })[Symbol.asyncIterator]();
    const columnsOf = async (): Promise<unknown[]> => {
      const next = views.next();
      await clock.advance(1000);
      const { columns } = (await next).value as WatchTrafficResponse;
      return columns.map(({ fromMs, cells }) => [Number(fromMs) - startMs, cells[0]?.requests]);
    };
    assert.deepEqual(await columnsOf(), [[9000, 1]]);
    assert.deepEqual(await columnsOf(), []);
    await report([endpoint("v1-1", { requests: 2 })], { endedAtMs: BigInt(startMs + 4000) });
    // A message may have been on its way already.
    const later = [await columnsOf(), await columnsOf(), await columnsOf()].filter((columns) => columns.length > 0);
    assert.deepEqual(later, [[[3000, 2]]]);
    await views.return?.();
  });

  test("what is older than a quarter of an hour is forgotten", async () => {
    await report([endpoint("v1-1", { requests: 1 })]);
    await clock.advance(901_000);
    await report([endpoint("v1-1", { requests: 2 })], { endedAtMs: BigInt(startMs) });
    await report([endpoint("v1-1", { requests: 3 })]);
    const { columns } = await look({ secondsBack: 900 });
    assert.deepEqual(
      columns.flatMap(({ cells }) => cells.map(({ requests }) => requests)),
      [3],
    );
  });

  test("a report that cannot be counted is refused whole, and a look too far back too", async () => {
    const before = await look({ secondsBack: 900 });
    const bad: [EndpointTraffic[], Partial<ReportRequest>?][] = [
      [[], { dataPlane: "No Name" }],
      [[], { startId: "" }],
      [[], { endedAtMs: BigInt(startMs + 6000) }],
      [[], { causes: [{ cause: "no route", count: 1 }] }],
      [[], { causes: Array.from({ length: 33 }, (_, index) => ({ cause: `C${index}`, count: 1 })) }],
      [Array.from({ length: 2001 }, () => endpoint("v1-1"))],
      [[endpoint("v1-1", { requests: 1 }), endpoint("v1-2", { service: "" })]],
      [[endpoint("v1-1", { version: "" })]],
      [[endpoint("v1-1", { instance: "a b" })]],
      [[endpoint("v1-1", { latencyCounts: [1] })]],
      [[endpoint("v1-1", { latencyCounts: [5, 1, 4, 1] })]],
      [[endpoint("v1-1", { latencyCounts: [latencyBucketCount, 1] })]],
    ];
    for (const [endpoints, more] of bad)
      assert.equal(await reasonOf(report(endpoints, more)), "REPORT_INVALID", Object.keys(more ?? endpoints.at(-1) ?? {}).join());
    assert.deepEqual(await look({ secondsBack: 900 }), before);
    assert.equal(await reasonOf(look({ secondsBack: 901 })), "PAGE_INVALID");
    assert.equal(await reasonOf(look({ columnSeconds: 61 })), "PAGE_INVALID");
    assert.equal(await reasonOf(look({ service: "nobody" })), "SERVICE_UNKNOWN");
  });
});

test("sparse counts are added bucket by bucket", () => {
  assert.deepEqual(mergedCounts([1, 2, 5, 1], [0, 1, 5, 4, 9, 9]), [0, 1, 1, 2, 5, 5, 9, 9]);
  assert.deepEqual(mergedCounts([], [1, 1]), [1, 1]);
  assert.deepEqual(mergedCounts([1, 1], []), [1, 1]);
});

test("sequences know the last 64 numbers of a source, in whatever order they come", () => {
  const sequences = createSequences();
  assert.equal(sequences.isNew("a", 100n), true);
  assert.equal(sequences.isNew("a", 102n), true);
  assert.equal(sequences.isNew("a", 101n), true);
  assert.equal(sequences.isNew("a", 101n), false);
  assert.equal(sequences.isNew("a", 39n), true);
  assert.equal(sequences.isNew("a", 38n), false, "too old to tell");
  assert.equal(sequences.isNew("b", 101n), true);
  assert.equal(sequences.isNew("a", 5000n), true);
  assert.equal(sequences.isNew("a", 102n), false);
});

test("a traffic book is bounded: the oldest seconds go when it is full", () => {
  const book = createTrafficBook({ cellsMax: 100 });
  for (let second = 0; second < 50; second++) {
    const endedAtMs = BigInt(startMs + second * 1000);
    const endpoints = Array.from({ length: 10 }, (_, index) => endpoint(`v1-${index}`, { requests: 1 }));
    book.take({ dataPlane: "g", startId: "s", sequence: BigInt(second), endedAtMs, endpoints, causes: [] }, startMs + second * 1000);
  }
  assert.ok(book.cells <= 110, `${book.cells} cells`);
  assert.ok(book.slots(0).length >= 10);
});
