import assert from "node:assert/strict";
import { test } from "node:test";
import { InstanceView } from "@weir/api/releases";
import { AuditEntry } from "@weir/api/audit";
import { TrafficCell, TrafficColumn } from "@weir/api/traffic";
import type { AuditMark } from "./audit.ts";
import { cellValue, hasErrorGlyph, heatMapFrom, heatRows, placeAfterKey } from "./heat.ts";
import type { HeatOptions } from "./heat.ts";
import { heatLayoutOf, heights, markPlacesOf, placeAt, rowNames, ticksOf } from "./heat-layout.ts";
import { linesFrom } from "./lines.ts";

const cell = (instance: string, version: string, requests: number, errors = 0): TrafficCell =>
  TrafficCell.create({ instance, version, requests, errors, p99Ms: requests });
const column = (fromMs: number, ...cells: TrafficCell[]): TrafficColumn => TrafficColumn.create({ fromMs: BigInt(fromMs), cells });
const instance = (id: string, version: string, more: Partial<InstanceView> = {}): InstanceView =>
  InstanceView.create({ id, version, state: "SERVING", address: `127.0.0.1:${id.length}`, startedAtMs: 1n, ...more });

const options: HeatOptions = {
  columns: [column(0, cell("a", "v1", 10)), column(10_000, cell("a", "v1", 20), cell("b", "v2", 4, 1)), column(15_000)],
  instances: [instance("a", "v1"), instance("b", "v2", { state: "GONE", lastHeardAtMs: 12_000n }), instance("c", "v2")],
  versions: ["v2", "v1"],
  columnSeconds: 5,
  columnCount: 5,
  nowMs: 17_000,
};

test("heat map is a grid without gaps that ends with the newest column", () => {
  const map = heatMapFrom(options);
  assert.deepEqual(map.fromMs, [-5000, 0, 5000, 10_000, 15_000]);
  assert.equal(map.newestSeconds, 1);
  assert.deepEqual(
    map.groups.map((group) => [group.version, group.rows.map((row) => row.instance)]),
    [
      ["v2", ["b", "c"]],
      ["v1", ["a"]],
    ],
  );
});

test("heat map tells no report from no requests", () => {
  const [b, c, a] = heatRows(heatMapFrom(options));
  assert.deepEqual(
    a?.cells.map((one) => one?.requests),
    [undefined, 10, undefined, 20, 0],
  );
  assert.deepEqual(
    c?.cells.map((one) => one?.requests),
    [undefined, 0, undefined, 0, 0],
  );
  assert.equal(b?.cells[3]?.errors, 1);
});

test("heat map keeps instances that are gone, and those that only traffic knows", () => {
  const rows = heatRows(heatMapFrom({ ...options, columns: [...options.columns, column(20_000, cell("ghost", "v1", 1))] }));
  assert.equal(rows.find((row) => row.instance === "b")?.gone, true);
  const ghost = rows.find((row) => row.instance === "ghost");
  assert.deepEqual([ghost?.gone, ghost?.version, ghost?.address], [true, "v1", ""]);
  assert.equal(rows.at(-1)?.instance, "ghost");
});

test("heat map drops an instance that had gone before it begins", () => {
  const before = instance("old", "v1", { state: "GONE", lastHeardAtMs: -6000n });
  const during = instance("new", "v1", { state: "GONE", lastHeardAtMs: -4000n });
  const rows = heatRows(heatMapFrom({ ...options, instances: [...options.instances, before, during] }));
  assert.deepEqual(
    rows.map((row) => row.instance).filter((id) => id === "old" || id === "new"),
    ["new"],
  );
});

test("cells show requests a second, errors or latency, and nothing where nothing was", () => {
  assert.equal(cellValue(cell("a", "v1", 10, 2), "requests", 5), 2);
  assert.equal(cellValue(cell("a", "v1", 10, 2), "errors", 5), 2);
  assert.equal(cellValue(cell("a", "v1", 10, 2), "p99", 5), 10);
  assert.equal(cellValue(cell("a", "v1", 10), "errors", 5), 0);
  for (const metric of ["requests", "errors", "p99"] as const) {
    assert.equal(cellValue(cell("a", "v1", 0), metric, 5), undefined);
    assert.equal(cellValue(undefined, metric, 5), undefined);
  }
});

test("glyphs mark every error where errors are shown, and a good part of failures elsewhere", () => {
  assert.equal(hasErrorGlyph(cell("a", "v1", 100, 1), "errors"), true);
  assert.equal(hasErrorGlyph(cell("a", "v1", 100, 1), "requests"), false);
  assert.equal(hasErrorGlyph(cell("a", "v1", 100, 5), "p99"), true);
  assert.equal(hasErrorGlyph(cell("a", "v1", 100, 0), "errors"), false);
  assert.equal(hasErrorGlyph(cell("a", "v1", 0, 2), "requests"), true, "attempts that brought no answer");
});

test("keys move over the map and stop at its edges", () => {
  const map = heatMapFrom(options);
  assert.deepEqual(placeAfterKey({ row: 0, column: 5 }, "ArrowLeft", map), { row: 0, column: 4 });
  assert.deepEqual(placeAfterKey({ row: 2, column: 0 }, "ArrowDown", map), { row: 2, column: 0 });
  assert.deepEqual(placeAfterKey({ row: 1, column: 2 }, "Home", map), { row: 1, column: 0 });
  assert.equal(placeAfterKey({ row: 1, column: 2 }, "x", map), undefined);
});

test("layout finds the cell under a point and none under a heading", () => {
  const map = heatMapFrom(options);
  const layout = heatLayoutOf(map);
  assert.equal(layout.height, 2 * heights.group + 3 * heights.row);
  const at = (x: number, y: number) => placeAt(layout, { x, y, width: 100, columns: 5 });
  assert.deepEqual(at(99, heights.group + 1), { row: 0, column: 4 });
  assert.deepEqual(at(0, layout.height - 1), { row: 2, column: 0 });
  assert.equal(at(50, 3), undefined);
  assert.equal(at(100, heights.group + 1), undefined);
});

test("labels of marks stay inside the plot and off each other", () => {
  const map = heatMapFrom(options);
  const mark = (atMs: number): AuditMark => ({ sequence: BigInt(atMs + 9000), atMs, weight: 0, entry: AuditEntry.create() });
  const places = markPlacesOf([mark(-9000), mark(-4000), mark(14_000), mark(15_000), mark(19_900)], map, { width: 250, labelWidth: 50 });
  assert.deepEqual(
    places.map((place) => place.label),
    ["right", "none", "none", "left"],
  );
  assert.ok(places.every((place) => place.x >= 0 && place.x <= 250));
});

test("ticks stand on round times and fit the width", () => {
  const map = heatMapFrom({ ...options, columnCount: 60 });
  const ticks = ticksOf(map, { width: 600, spacing: 84 });
  assert.ok(ticks.length > 2 && ticks.length <= 8);
  assert.ok(ticks.every((tick) => tick.atMs % 60_000 === 0));
});

test("row names are only what differs", () => {
  const row = (address: string, id = address) => ({ instance: id, address });
  assert.deepEqual([...rowNames([row("10.0.0.1:80"), row("10.0.0.2:80")]).values()], ["10.0.0.1", "10.0.0.2"]);
  assert.deepEqual([...rowNames([row("127.0.0.1:1"), row("127.0.0.1:2")]).values()], [":1", ":2"]);
  assert.deepEqual([...rowNames([row("10.0.0.1:1"), row("10.0.0.2:2")]).values()], ["10.0.0.1:1", "10.0.0.2:2"]);
  assert.deepEqual([...rowNames([row("", "feed-0123456789abcdef")]).values()], ["…6789abcdef"]);
});

test("lines sum up a version and leave out the column that still grows", () => {
  const map = heatMapFrom(options);
  const lines = linesFrom(map, "requests");
  assert.deepEqual(lines.find((line) => line.version === "v1")?.values, [null, 2, null, 4, null]);
  assert.deepEqual(linesFrom(map, "errors").find((line) => line.version === "v2")?.values, [null, 0, null, 0.2, null]);
  assert.deepEqual(linesFrom(map, "p99").find((line) => line.version === "v2")?.values, [null, null, null, 4, null]);
});
