import type { AuditMark } from "./audit.ts";
import type { HeatMap, HeatPlace, HeatRow } from "./heat.ts";

/** Heights of the map's parts, in CSS pixels. */
export const heights = { group: 24, row: 20, axis: 20 } as const;

/** One line of the map from top to bottom: the heading of a version, or an instance. */
export type HeatLine =
  | { readonly kind: "group"; readonly version: string; readonly top: number }
  | { readonly kind: "row"; readonly row: HeatRow; readonly index: number; readonly top: number };

/** All lines with their places, and the height of them together without the axis. */
export interface HeatLayout {
  readonly lines: readonly HeatLine[];
  readonly height: number;
}

/** Stacks groups and rows. */
export function heatLayoutOf(map: HeatMap): HeatLayout {
  const lines: HeatLine[] = [];
  let top = 0;
  let index = 0;
  for (const group of map.groups) {
    lines.push({ kind: "group", version: group.version, top });
    top += heights.group;
    for (const row of group.rows) {
      lines.push({ kind: "row", row, index: index++, top });
      top += heights.row;
    }
  }
  return { lines, height: top };
}

/** The cell under a point of the plot, or undefined when there is none. */
export function placeAt(
  layout: HeatLayout,
  point: { readonly x: number; readonly y: number; readonly width: number; readonly columns: number },
): HeatPlace | undefined {
  const { x, y, width, columns } = point;
  const line = layout.lines.find((one) => one.kind === "row" && y >= one.top && y < one.top + heights.row);
  if (line?.kind !== "row" || x < 0 || x >= width) return undefined;
  return { row: line.index, column: Math.floor((x / width) * columns) };
}

/** A mark on the plot. Its label stands right of it, left of it near the edge, or nowhere where it would run into a newer one's. */
export interface MarkPlace {
  readonly mark: AuditMark;
  readonly x: number;
  readonly label: "right" | "left" | "none";
}

/** Where marks stand over a plot of the width; those outside the map's time are left out. */
export function markPlacesOf(
  marks: readonly AuditMark[],
  map: HeatMap,
  options: { readonly width: number; readonly labelWidth: number },
): MarkPlace[] {
  const [fromMs, untilMs] = spanOf(map);
  const places: MarkPlace[] = [];
  let free = options.width;
  for (const mark of marks.toReversed()) {
    if (mark.atMs < fromMs || mark.atMs > untilMs) continue;
    const x = ((mark.atMs - fromMs) / (untilMs - fromMs)) * options.width;
    const label = x + options.labelWidth <= free ? "right" : x <= free && free === options.width ? "left" : "none";
    if (label !== "none") free = label === "right" ? x : x - options.labelWidth;
    places.unshift({ mark, x, label });
  }
  return places;
}

/** Time at the left and right end of the map. */
export function spanOf(map: HeatMap): readonly [fromMs: number, untilMs: number] {
  const first = map.fromMs[0] ?? 0;
  return [first, first + map.fromMs.length * map.columnSeconds * 1000];
}

/** Times for the axis: on round numbers, about one in every `spacing` pixels. */
export function ticksOf(
  map: HeatMap,
  options: { readonly width: number; readonly spacing: number },
): { readonly atMs: number; readonly x: number }[] {
  const [fromMs, untilMs] = spanOf(map);
  const wanted = Math.max(1, Math.floor(options.width / options.spacing));
  const stepMs =
    [5, 10, 15, 30, 60, 120, 300].map((seconds) => seconds * 1000).find((step) => (untilMs - fromMs) / step <= wanted) ?? 300_000;
  const ticks: { atMs: number; x: number }[] = [];
  for (let atMs = Math.ceil(fromMs / stepMs) * stepMs; atMs < untilMs; atMs += stepMs) {
    ticks.push({ atMs, x: ((atMs - fromMs) / (untilMs - fromMs)) * options.width });
  }
  return ticks;
}

/**
 * Short names that still tell the instances apart: of the addresses only what differs, ":9101" where all are on one host,
 * "10.1.4.7" where all have one port. An instance without an address goes by the end of its id.
 */
export function rowNames(rows: readonly Pick<HeatRow, "instance" | "address">[]): Map<string, string> {
  const parts = rows.filter((row) => row.address !== "").map((row) => splitAddress(row.address));
  const oneHost = parts.length > 0 && parts.every(([host]) => host === parts[0]?.[0]);
  const onePort = parts.length > 1 && parts.every(([, port]) => port === parts[0]?.[1]);
  return new Map(
    rows.map((row) => {
      const [host, port] = splitAddress(row.address);
      if (row.address === "") return [row.instance, row.instance.length > 12 ? `…${row.instance.slice(-10)}` : row.instance];
      return [row.instance, oneHost ? `:${port}` : onePort ? host : row.address];
    }),
  );
}

function splitAddress(address: string): readonly [host: string, port: string] {
  const cut = address.lastIndexOf(":");
  return cut < 0 ? [address, ""] : [address.slice(0, cut), address.slice(cut + 1)];
}
