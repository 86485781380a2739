import type { VersionWindow } from "@weir/api/traffic";

/** A cause of failure and how often each version had it. */
export interface CauseRow {
  readonly cause: string;
  readonly counts: readonly { readonly version: string; readonly count: number }[];
  readonly total: number;
}

/** Causes of all versions, most frequent first. Requests answered by stable in place of new count as FALLBACK_USED. */
export function causeRowsFrom(windows: readonly VersionWindow[]): CauseRow[] {
  const names = new Set(windows.flatMap((window) => window.causes.filter((one) => one.count > 0).map((one) => one.cause)));
  if (windows.some((window) => window.fallbacks > 0)) names.add("FALLBACK_USED");
  const countOf = (window: VersionWindow, cause: string): number =>
    cause === "FALLBACK_USED" ? window.fallbacks : (window.causes.find((one) => one.cause === cause)?.count ?? 0);
  return [...names]
    .map((cause) => {
      const counts = windows.map((window) => ({ version: window.version, count: countOf(window, cause) }));
      return { cause, counts, total: counts.reduce((sum, one) => sum + one.count, 0) };
    })
    .toSorted((left, right) => right.total - left.total || left.cause.localeCompare(right.cause));
}
