import type { InstanceView } from "@weir/api/releases";
import type { TrafficCell, TrafficColumn } from "@weir/api/traffic";
import type { Metric } from "./address.ts";

/** One row of the heat map: an instance, there or gone. */
export interface HeatRow {
  readonly instance: string;
  readonly version: string;
  /** "" when control no longer knows the instance. */
  readonly address: string;
  readonly gone: boolean;
  /** When it was last heard of; 0 when control no longer knows it. */
  readonly lastHeardAtMs: number;
  /** One per column of the map: undefined where no data plane reported, else what it carried, 0 requests too. */
  readonly cells: readonly (TrafficCell | undefined)[];
}

/** Rows of one version. */
export interface HeatGroup {
  readonly version: string;
  readonly rows: readonly HeatRow[];
}

/** The heat map without colours. */
export interface HeatMap {
  /** Starts of the columns, oldest first, without gaps. */
  readonly fromMs: readonly number[];
  readonly columnSeconds: number;
  /** Seconds that the newest column has covered so far; it still grows. */
  readonly newestSeconds: number;
  /** Columns that end after this may still grow: data planes report each second what they carried in it. */
  readonly wholeUntilMs: number;
  /** New version first, stable next, others after them. */
  readonly groups: readonly HeatGroup[];
}

/** What the heat map is made from. */
export interface HeatOptions {
  readonly columns: readonly TrafficColumn[];
  readonly instances: readonly InstanceView[];
  /** Versions in the order of their groups. */
  readonly versions: readonly string[];
  readonly columnSeconds: number;
  readonly columnCount: number;
  /** By the server's clock. */
  readonly nowMs: number;
}

const reportDelayMs = 1500;

/** Lays columns and instances out as a grid that ends with the newest column; missing columns stay empty. */
export function heatMapFrom(options: HeatOptions): HeatMap {
  const { columns, columnSeconds, columnCount, nowMs } = options;
  const stepMs = columnSeconds * 1000;
  const newest = columns.at(-1);
  const newestFromMs = newest ? Number(newest.fromMs) : Math.floor(nowMs / stepMs) * stepMs;
  const fromMs = Array.from({ length: columnCount }, (_, index) => newestFromMs - (columnCount - 1 - index) * stepMs);
  const byTime = new Map(columns.map((column) => [Number(column.fromMs), column]));
  const ordered = fromMs.map((at) => byTime.get(at));
  return {
    fromMs,
    columnSeconds,
    newestSeconds: Math.min(columnSeconds, Math.max(1, (nowMs - reportDelayMs - newestFromMs) / 1000)),
    wholeUntilMs: nowMs - reportDelayMs,
    groups: groupsFrom(options, { ordered, fromMs: fromMs[0] ?? 0 }),
  };
}

function groupsFrom(
  options: HeatOptions,
  grid: { readonly ordered: readonly (TrafficColumn | undefined)[]; readonly fromMs: number },
): HeatGroup[] {
  const { ordered, fromMs } = grid;
  const known = new Map(options.instances.map((one) => [one.id, one]));
  const versionOfInstance = new Map(options.instances.map((one) => [one.id, one.version]));
  for (const column of ordered) for (const cell of column?.cells ?? []) versionOfInstance.set(cell.instance, cell.version);
  const versions = [...new Set([...options.versions, ...versionOfInstance.values()])];
  const rowsOf = (version: string): HeatRow[] =>
    [...versionOfInstance]
      .filter(([, its]) => its === version)
      .map(([instance]) => rowFrom(instance, version, { known: known.get(instance), ordered }))
      .filter((row) => !row.gone || wasThere(row, fromMs))
      .toSorted(byAge(known));
  return versions.map((version) => ({ version, rows: rowsOf(version) })).filter((group) => group.rows.length > 0);
}

/** Whether a gone instance was still there when the map begins; one that had gone before has nothing to show. */
function wasThere(row: HeatRow, fromMs: number): boolean {
  return row.lastHeardAtMs >= fromMs || row.cells.some((cell) => cell !== undefined && cell.requests > 0);
}

function rowFrom(
  instance: string,
  version: string,
  options: { readonly known: InstanceView | undefined; readonly ordered: readonly (TrafficColumn | undefined)[] },
): HeatRow {
  const { known, ordered } = options;
  const idle: TrafficCell = { version, instance, requests: 0, errors: 0, p99Ms: 0 };
  return {
    instance,
    version,
    address: known?.address ?? "",
    gone: known === undefined || known.state === "GONE",
    lastHeardAtMs: Number(known?.lastHeardAtMs ?? 0n),
    cells: ordered.map((column) => column && (column.cells.find((cell) => cell.instance === instance) ?? idle)),
  };
}

/** Oldest first, so that rows keep their places; what control has forgotten comes last. */
function byAge(known: ReadonlyMap<string, InstanceView>): (left: HeatRow, right: HeatRow) => number {
  const startOf = (row: HeatRow): number => Number(known.get(row.instance)?.startedAtMs ?? BigInt(Number.MAX_SAFE_INTEGER));
  return (left, right) => startOf(left) - startOf(right) || left.instance.localeCompare(right.instance);
}

/** What a cell shows: requests a second, errors, or milliseconds. Undefined where there is nothing to show. */
export function cellValue(cell: TrafficCell | undefined, metric: Metric, seconds: number): number | undefined {
  if (!cell) return undefined;
  if (metric === "errors") return cell.requests === 0 && cell.errors === 0 ? undefined : cell.errors;
  if (cell.requests === 0) return undefined;
  return metric === "requests" ? cell.requests / seconds : cell.p99Ms;
}

/** Part of a cell's requests that must have failed for it to carry a glyph while the map shows something else than errors. */
export const errorPartMin = 0.05;

/** Whether a cell is marked by a glyph: any error where errors are shown, else only when a good part failed. */
export function hasErrorGlyph(cell: TrafficCell, metric: Metric): boolean {
  if (cell.errors === 0) return false;
  return metric === "errors" || cell.errors >= cell.requests * errorPartMin;
}

/** All values that the map shows, for its scale. */
export function heatValues(map: HeatMap, metric: Metric): number[] {
  return map.groups.flatMap((group) =>
    group.rows.flatMap((row) => row.cells.map((cell, index) => cellValue(cell, metric, secondsOf(map, index)) ?? 0)),
  );
}

/** Seconds that a column covers; the newest has only begun. */
export function secondsOf(map: HeatMap, column: number): number {
  return column === map.fromMs.length - 1 ? map.newestSeconds : map.columnSeconds;
}

/** A place of the map. Rows are counted over all groups. */
export interface HeatPlace {
  readonly row: number;
  readonly column: number;
}

/** All rows, in order. */
export function heatRows(map: HeatMap): HeatRow[] {
  return map.groups.flatMap((group) => group.rows);
}

/** The place after a key, or undefined when the key means nothing on the map. */
export function placeAfterKey(place: HeatPlace, key: string, map: Pick<HeatMap, "fromMs" | "groups">): HeatPlace | undefined {
  const lastColumn = map.fromMs.length - 1;
  const lastRow = map.groups.reduce((sum, group) => sum + group.rows.length, 0) - 1;
  const to = (row: number, column: number): HeatPlace => ({
    row: Math.min(lastRow, Math.max(0, row)),
    column: Math.min(lastColumn, Math.max(0, column)),
  });
  if (key === "ArrowLeft") return to(place.row, place.column - 1);
  if (key === "ArrowRight") return to(place.row, place.column + 1);
  if (key === "ArrowUp") return to(place.row - 1, place.column);
  if (key === "ArrowDown") return to(place.row + 1, place.column);
  if (key === "Home") return to(place.row, 0);
  if (key === "End") return to(place.row, lastColumn);
  return undefined;
}
