import { median } from "../verdict.ts";
import type { Turn } from "./turn.ts";

/** Under what load urgent calls were measured. */
export type Scene = "idle" | "lanes" | "first-come";

/** Scenes of one round, taken beside each other. */
export type Round = Readonly<Record<Scene, Turn>>;

/** Whether bulk work asked for more than the instance could do in a round; else there was nothing to give way to. */
export function wasSaturated(round: Round): boolean {
  return round.lanes.bulkRefused > 0 && round["first-come"].bulkRefused > 0;
}

/** What all rounds say of one scene. */
export interface SceneFigures {
  readonly scene: Scene;
  readonly calls: number;
  readonly wallMsP50: number;
  readonly wallMsP99: number;
  readonly computedMsP99: number;
  /** Median over the rounds of its P99 against the idle one of the same round; 1 for idle itself. */
  readonly wallRatio: number;
  readonly computedRatio: number;
  readonly bulkAnswered: number;
  readonly bulkRefused: number;
  readonly urgentFailures: number;
}

/** The value that a share of others does not exceed, the nearest rank; NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

/** Figures of a scene: percentiles of the calls of all rounds together, ratios of rounds. */
export function sceneFigures(scene: Scene, rounds: readonly Round[]): SceneFigures {
  const turns = rounds.map((round) => round[scene]);
  const sum = (of: (turn: Turn) => number): number => turns.reduce((total, turn) => total + of(turn), 0);
  const wall = turns.flatMap(({ wallMs }) => wallMs);
  const ratio = (of: (turn: Turn) => readonly number[]): number =>
    median(rounds.map((round) => percentile(of(round[scene]), 0.99) / percentile(of(round.idle), 0.99)));
  return {
    scene,
    calls: wall.length,
    wallMsP50: percentile(wall, 0.5),
    wallMsP99: percentile(wall, 0.99),
    computedMsP99: percentile(
      turns.flatMap(({ computedMs }) => computedMs),
      0.99,
    ),
    wallRatio: ratio(({ wallMs }) => wallMs),
    computedRatio: ratio(({ computedMs }) => computedMs),
    bulkAnswered: sum(({ bulkAnswered }) => bulkAnswered),
    bulkRefused: sum(({ bulkRefused }) => bulkRefused),
    urgentFailures: sum(({ urgentFailures }) => urgentFailures),
  };
}
