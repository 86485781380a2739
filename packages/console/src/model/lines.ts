import type { Metric } from "./address.ts";
import type { HeatMap } from "./heat.ts";

/** One line of the chart: a value or null per column. */
export interface Line {
  readonly version: string;
  readonly values: readonly (number | null)[];
}

/** A line per version over the columns of the map: requests a second, errors a second, or the highest p99 of its instances. */
export function linesFrom(map: HeatMap, metric: Metric): Line[] {
  return map.groups.map((group) => ({
    version: group.version,
    values: map.fromMs.map((fromMs, column) => {
      const cells = group.rows.map((row) => row.cells[column]).filter((cell) => cell !== undefined);
      // What is not all in yet would draw a fall that never was.
      if (cells.length === 0 || fromMs + map.columnSeconds * 1000 > map.wholeUntilMs) return null;
      if (metric === "p99") return cells.some((cell) => cell.requests > 0) ? Math.max(...cells.map((cell) => cell.p99Ms)) : null;
      return cells.reduce((sum, cell) => sum + (metric === "requests" ? cell.requests : cell.errors), 0) / map.columnSeconds;
    }),
  }));
}
