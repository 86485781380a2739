import { median } from "./verdict.ts";

/** Resident memory over a run. */
export interface MemoryTrend {
  /** Medians of the second and of the last tenth of the run; the first tenth is still warming up. */
  readonly earlyBytes: number;
  readonly lateBytes: number;
  readonly bytesMax: number;
  /** (late − early) / early. */
  readonly growth: number;
}

/** The trend of samples that were taken at equal distances. */
export function memoryTrend(samples: readonly number[]): MemoryTrend {
  const tenth = Math.max(1, Math.floor(samples.length / 10));
  const earlyBytes = median(samples.slice(tenth, 2 * tenth));
  const lateBytes = median(samples.slice(-tenth));
  return { earlyBytes, lateBytes, bytesMax: Math.max(0, ...samples), growth: earlyBytes === 0 ? 0 : (lateBytes - earlyBytes) / earlyBytes };
}
