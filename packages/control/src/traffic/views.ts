import type { TrafficCell, TrafficColumn, VersionWindow } from "@weir/api/traffic";
import { createLatencyHistogram } from "@weir/kit/telemetry/latency-histogram";
import type { Cell } from "./cell.ts";
import { addToCell, causesOf, emptyCell } from "./cell.ts";
import type { Slot } from "./traffic-book.ts";

/** Used by one view at a time, so that a column of many instances makes one histogram and not one for each. */
const histogram = createLatencyHistogram();

/** The columns of a heat map that slots fall into, oldest first, with one cell for each instance of the service. */
export function columnsFrom(
  slots: readonly Slot[],
  options: { readonly service: string; readonly columnSeconds: number },
): TrafficColumn[] {
  const { service, columnSeconds } = options;
  const columns = Map.groupBy(slots, ({ second }) => Math.floor(second / columnSeconds));
  return [...columns]
    .toSorted(([left], [right]) => left - right)
    .map(([index, own]) => ({ fromMs: BigInt(index * columnSeconds * 1000), cells: cellsFrom(own, service) }))
    .filter(({ cells }) => cells.length > 0);
}

/** What each version did in some slots, in the order of `versions`; one without traffic is there with nothing. */
export function windowsFrom(
  slots: readonly Slot[],
  options: { readonly service: string; readonly versions: readonly string[] },
): VersionWindow[] {
  return options.versions.map((version) => {
    const sum = emptyCell({ service: options.service, version, instance: "" });
    for (const cell of cellsOf(slots, options.service)) if (cell.version === version) add(sum, cell);
    const { requests, errors, fallbacks } = sum;
    return { version, requests, errors, fallbacks, ...quantiles(sum), causes: causesOf(sum) };
  });
}

/**
 * The share of requests, of 10000, for which the new version was chosen, and of how many. A request that failed on the new
 * version and was answered by the stable one was asked of both, but chosen once: for the new one.
 */
export function observedFrom(
  slots: readonly Slot[],
  options: { readonly service: string; readonly newVersion: string; readonly stableVersion: string },
): { readonly weight: number; readonly requests: number } {
  let [chosen, stable, rescued] = [0, 0, 0];
  for (const cell of cellsOf(slots, options.service)) {
    if (cell.version === options.newVersion) {
      chosen += cell.requests;
      rescued += cell.fallbacks;
    } else if (cell.version === options.stableVersion) {
      stable += cell.requests;
    }
  }
  const requests = chosen + Math.max(0, stable - rescued);
  return { weight: requests === 0 ? 0 : Math.round((chosen * 10_000) / requests), requests };
}

function cellsFrom(slots: readonly Slot[], service: string): TrafficCell[] {
  const sums = new Map<string, Cell>();
  for (const cell of cellsOf(slots, service)) {
    const key = `${cell.version}\n${cell.instance}`;
    const sum = sums.get(key) ?? emptyCell(cell);
    sums.set(key, sum);
    add(sum, cell);
  }
  const cells = [...sums].toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([, sum]) => sum);
  return cells.map((sum) => {
    const { version, instance, requests, errors } = sum;
    return { version, instance, requests, errors, p99Ms: quantiles(sum).p99Ms };
  });
}

function* cellsOf(slots: readonly Slot[], service: string): Generator<Cell, void, undefined> {
  for (const slot of slots) for (const cell of slot.cells.values()) if (cell.service === service) yield cell;
}

function add(sum: Cell, cell: Cell): void {
  addToCell(sum, { ...cell, causes: causesOf(cell) });
}

function quantiles(sum: Cell): { p50Ms: number; p99Ms: number } {
  histogram.clear();
  histogram.addCounts(sum.latencyCounts);
  return { p50Ms: histogram.quantile(0.5) ?? 0, p99Ms: histogram.quantile(0.99) ?? 0 };
}
