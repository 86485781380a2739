import type { CauseCount } from "@weir/api/traffic";

/** What one instance did in one second, or what several did in several: cells are added to each other. */
export interface Cell {
  readonly service: string;
  readonly version: string;
  readonly instance: string;
  requests: number;
  errors: number;
  fallbacks: number;
  /** Indexes, rising, and counts of latency buckets in turn; most of them are empty and left out. */
  latencyCounts: readonly number[];
  causes: Map<string, number> | undefined;
}

/** A cell in which nothing has happened. */
export function emptyCell(of: { readonly service: string; readonly version: string; readonly instance: string }): Cell {
  const { service, version, instance } = of;
  return { service, version, instance, requests: 0, errors: 0, fallbacks: 0, latencyCounts: [], causes: undefined };
}

/** What is added to a cell: an endpoint of a report, or another cell. */
export interface CellCounts {
  readonly requests: number;
  readonly errors: number;
  readonly fallbacks: number;
  readonly latencyCounts: readonly number[];
  readonly causes: readonly CauseCount[];
}

/** Adds to a cell in place. */
export function addToCell(cell: Cell, more: CellCounts): void {
  cell.requests += more.requests;
  cell.errors += more.errors;
  cell.fallbacks += more.fallbacks;
  cell.latencyCounts = mergedCounts(cell.latencyCounts, more.latencyCounts);
  for (const { cause, count } of more.causes) {
    cell.causes ??= new Map();
    cell.causes.set(cause, (cell.causes.get(cause) ?? 0) + count);
  }
}

/** The causes of a cell, the most frequent first. */
export function causesOf(cell: Cell): CauseCount[] {
  const causes = [...(cell.causes ?? [])].map(([cause, count]) => ({ cause, count }));
  return causes.sort((left, right) => right.count - left.count || (left.cause < right.cause ? -1 : 1));
}

/** Adds two sparse lists of indexes and counts. Both rise; so does the sum. */
export function mergedCounts(left: readonly number[], right: readonly number[]): readonly number[] {
  if (left.length === 0) return right;
  if (right.length === 0) return left;
  const sum: number[] = [];
  let [a, b] = [0, 0];
  while (a < left.length || b < right.length) {
    const indexLeft = left[a] ?? Infinity;
    const indexRight = right[b] ?? Infinity;
    let count = 0;
    if (indexLeft <= indexRight) {
      count += left[a + 1] ?? 0;
      a += 2;
    }
    if (indexRight <= indexLeft) {
      count += right[b + 1] ?? 0;
      b += 2;
    }
    sum.push(Math.min(indexLeft, indexRight), count);
  }
  return sum;
}
