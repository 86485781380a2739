import { median } from "../verdict.ts";

/** What was asked of the front: by itself, of its neighbour, or down to the last. */
export type Route = "own" | "near" | "deep";

/** One call, by the time at which it was due, in milliseconds since the load began. */
export interface Sample {
  readonly route: Route;
  readonly dueMs: number;
  /** From when it was due until its end. */
  readonly latencyMs: number;
  readonly well: boolean;
}

/** When what was done to the last service, in milliseconds since the load began. */
export interface Phases {
  readonly normalMs: number;
  readonly slowMs: number;
  readonly failsMs: number;
  readonly backMs: number;
  readonly endMs: number;
}

/** What the calls of one phase came to. */
export interface PhaseFigures {
  readonly calls: number;
  /** Share that succeeded, 0 to 1. */
  readonly success: number;
  /** Of those that succeeded. */
  readonly p99Ms: number;
}

/** One second of the run, for the plot. */
export interface Second extends PhaseFigures {
  readonly atMs: number;
}

/** What a variant came to. */
export interface ChainFigures {
  /** Own and near together, by phase. */
  readonly others: Readonly<Record<"normal" | "slow" | "fails" | "back", PhaseFigures>>;
  readonly deep: Readonly<Record<"normal" | "slow" | "fails" | "back", PhaseFigures>>;
  /** From when the last service was back until every further call of every route was as before; Infinity when it never was. */
  readonly recoveredMs: number;
  readonly seconds: Readonly<Record<"others" | "deep", readonly Second[]>>;
}

/** What "normal" allows: as many failures, and as much more latency. */
export const normal = { successMin: 0.995, p99TimesMax: 2 } as const;
const stepMs = 250;

/** Figures of what was sampled. */
export function figuresFrom(samples: readonly Sample[], phases: Phases): ChainFigures {
  const { normalMs, slowMs, failsMs, backMs, endMs } = phases;
  const others = samples.filter(({ route }) => route !== "deep");
  const deep = samples.filter(({ route }) => route === "deep");
  const byPhase = (of: readonly Sample[]): ChainFigures["others"] => ({
    normal: figuresOf(within(of, normalMs, slowMs)),
    slow: figuresOf(within(of, slowMs, failsMs)),
    fails: figuresOf(within(of, failsMs, backMs)),
    back: figuresOf(within(of, backMs, endMs)),
  });
  const figures = { others: byPhase(others), deep: byPhase(deep) };
  const secondsOf = (of: readonly Sample[]): Second[] => {
    const count = Math.floor((endMs - normalMs) / 1000);
    return Array.from({ length: count }, (_, at) => {
      const fromMs = normalMs + at * 1000;
      return { atMs: fromMs - normalMs, ...figuresOf(within(of, fromMs, fromMs + 1000)) };
    });
  };
  const after = (fromMs: number): boolean =>
    isNormal(figuresOf(within(others, fromMs, endMs)), figures.others.normal) &&
    isNormal(figuresOf(within(deep, fromMs, endMs)), figures.deep.normal);
  let recoveredMs = Infinity;
  for (let fromMs = backMs; fromMs + 1000 <= endMs && recoveredMs === Infinity; fromMs += stepMs)
    if (after(fromMs)) recoveredMs = fromMs - backMs;
  return { ...figures, recoveredMs, seconds: { others: secondsOf(others), deep: secondsOf(deep) } };
}

/** Whether calls went as they did when nothing was wrong. */
export function isNormal(found: PhaseFigures, before: PhaseFigures): boolean {
  return found.calls > 0 && found.success >= normal.successMin && found.p99Ms <= before.p99Ms * normal.p99TimesMax;
}

function within(samples: readonly Sample[], fromMs: number, untilMs: number): Sample[] {
  return samples.filter(({ dueMs }) => dueMs >= fromMs && dueMs < untilMs);
}

function figuresOf(samples: readonly Sample[]): PhaseFigures {
  const well = samples.filter((one) => one.well).map(({ latencyMs }) => latencyMs);
  const sorted = well.toSorted((left, right) => left - right);
  const p99Ms = sorted.length < 3 ? median(sorted) : (sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0);
  return { calls: samples.length, success: samples.length === 0 ? 0 : well.length / samples.length, p99Ms };
}
