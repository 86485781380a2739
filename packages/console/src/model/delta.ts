import type { VersionWindow } from "@weir/api/traffic";

/** Requests that each side needs before a difference says anything; a p99 of 200 rests on two of them. */
export const requestsMin = { errors: 50, p50: 50, p99: 200, requests: 1 } as const;

/** What is compared. */
export type DeltaMetric = keyof typeof requestsMin;

/** "unknown": the difference may be chance. */
export type Judgement = "better" | "worse" | "same" | "unknown";

/** One comparison, new against stable over the same window. */
export interface Delta {
  readonly metric: DeltaMetric;
  readonly fresh: number;
  readonly stable: number;
  readonly freshCount: number;
  readonly stableCount: number;
  /** Too few requests on one side: the numbers are shown, nothing is concluded. */
  readonly tooFew: boolean;
  readonly judgement: Judgement;
  /** 95 % interval of the difference of the error ratios; undefined for the others. */
  readonly interval: readonly [low: number, high: number] | undefined;
}

const empty: VersionWindow = { version: "", requests: 0, errors: 0, fallbacks: 0, p50Ms: 0, p99Ms: 0, causes: [] };

/** Latency within this factor counts as the same: a p99 rests on few requests and wanders that much by itself. */
const sameFactors = { p50: 1.1, p99: 1.3 } as const;
/** Nor does a difference below this matter to anybody, whatever factor it is. */
const sameMs = 1;

/** The four comparisons. A version that was not reported counts as without requests. */
export function deltasFrom(
  windows: readonly VersionWindow[],
  versions: { readonly fresh: string; readonly stable: string },
): readonly Delta[] {
  const fresh = windows.find((one) => one.version === versions.fresh) ?? empty;
  const stable = windows.find((one) => one.version === versions.stable) ?? empty;
  return [errorDelta(fresh, stable), latencyDelta("p50", fresh, stable), latencyDelta("p99", fresh, stable), requestDelta(fresh, stable)];
}

function sides(
  metric: DeltaMetric,
  fresh: VersionWindow,
  stable: VersionWindow,
): Pick<Delta, "metric" | "freshCount" | "stableCount" | "tooFew"> {
  const tooFew = fresh.requests < requestsMin[metric] || stable.requests < requestsMin[metric];
  return { metric, freshCount: fresh.requests, stableCount: stable.requests, tooFew };
}

function errorDelta(fresh: VersionWindow, stable: VersionWindow): Delta {
  const side = sides("errors", fresh, stable);
  const [low, high] = differenceInterval([fresh.errors, fresh.requests], [stable.errors, stable.requests]);
  const judgement = side.tooFew
    ? "unknown"
    : low > 0
      ? "worse"
      : high < 0
        ? "better"
        : fresh.errors + stable.errors === 0
          ? "same"
          : "unknown";
  return {
    ...side,
    fresh: ratio(fresh.errors, fresh.requests),
    stable: ratio(stable.errors, stable.requests),
    judgement,
    interval: [low, high],
  };
}

function latencyDelta(metric: "p50" | "p99", fresh: VersionWindow, stable: VersionWindow): Delta {
  const side = sides(metric, fresh, stable);
  const [newMs, stableMs] = metric === "p50" ? [fresh.p50Ms, stable.p50Ms] : [fresh.p99Ms, stable.p99Ms];
  const factor = stableMs > 0 ? newMs / stableMs : 1;
  const sameFactor = sameFactors[metric];
  const same = Math.abs(newMs - stableMs) < sameMs || (factor <= sameFactor && factor >= 1 / sameFactor);
  const judgement = side.tooFew ? "unknown" : same ? "same" : factor > 1 ? "worse" : "better";
  return { ...side, fresh: newMs, stable: stableMs, judgement, interval: undefined };
}

function requestDelta(fresh: VersionWindow, stable: VersionWindow): Delta {
  return { ...sides("requests", fresh, stable), fresh: fresh.requests, stable: stable.requests, judgement: "same", interval: undefined };
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/**
 * 95 % interval of the difference of two ratios by Newcombe's method 10 (Statistics in Medicine 17, 1998): two Wilson
 * intervals put together. Holds for small counts and ratios near 0, where the textbook's normal interval does not.
 */
export function differenceInterval(
  first: readonly [hits: number, all: number],
  second: readonly [hits: number, all: number],
): readonly [low: number, high: number] {
  if (first[1] === 0 || second[1] === 0) return [-1, 1];
  const difference = first[0] / first[1] - second[0] / second[1];
  const [firstLow, firstHigh] = wilson(first[0], first[1]);
  const [secondLow, secondHigh] = wilson(second[0], second[1]);
  const [one, two] = [first[0] / first[1], second[0] / second[1]];
  return [difference - Math.hypot(one - firstLow, secondHigh - two), difference + Math.hypot(firstHigh - one, two - secondLow)];
}

/** 95 % interval of a ratio (Wilson, 1927). */
function wilson(hits: number, all: number): readonly [low: number, high: number] {
  const z = 1.959964;
  const part = hits / all;
  const middle = (part + (z * z) / (2 * all)) / (1 + (z * z) / all);
  const half = (z / (1 + (z * z) / all)) * Math.sqrt((part * (1 - part)) / all + (z * z) / (4 * all * all));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}
