import process from "node:process";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { GuardedCall } from "./guarded-calls.ts";
import type { Interval } from "./verdict.ts";
import { intervalOfMedian, median } from "./verdict.ts";

/** What one contestant adds to a call that nothing guards. */
export interface AddedCost {
  readonly name: string;
  readonly guards: string;
  /** Microseconds of CPU a call: the median over the rounds, each round's turn less that of the bare call beside it. */
  readonly addedMicros: number;
  /** Between which two values the median lies, with a confidence of at least 93 %. */
  readonly interval: Interval | undefined;
}

/** What a run came to. */
export interface CostOutcome {
  readonly valid: boolean;
  /** Why it is not valid; empty when it is. */
  readonly why: readonly string[];
  readonly bareMicros: number;
  readonly added: readonly AddedCost[];
}

/** How often to measure. */
export interface CostOptions {
  readonly rounds: number;
  /** Calls of a turn. */
  readonly calls: number;
  say(line: string): void;
}

/** What the default policies of both sides may add to a unary call. */
export const addedMicrosMax = 3;
/** Half an interval: what the run says must be true to a tenth of the bound, or of what is found where that is more. */
const errorMicrosMax = 0.3;
const errorShareMax = 0.1;
/** As many as a busy client has under way. */
const atOnce = 32;

/**
 * Takes turns A B C A B C in one process, 32 calls at a time and the loop turned after each, so that timers, the watch of the loop and the
 * collector have their share. The first round only warms up.
 */
export async function measureCosts(contestants: readonly GuardedCall[], { rounds, calls, say }: CostOptions): Promise<CostOutcome> {
  const taken = new Map<string, number[]>();
  for (let round = 0; round <= rounds; round++) {
    for (const one of contestants) {
      const micros = await microsEach(one, calls);
      if (round > 0) taken.set(one.name, [...(taken.get(one.name) ?? []), micros]);
    }
    const shown = contestants.map(({ name }) => `${name} ${(taken.get(name)?.at(-1) ?? NaN).toFixed(2)}`);
    say(round === 0 ? "  warming up …" : `  round ${round}/${rounds} · µs a call: ${shown.join(" · ")}`);
  }
  return costsFrom(contestants, taken);
}

/** The outcome of turns by contestant, in the order of the rounds; the first contestant is the bare call. */
export function costsFrom(
  contestants: readonly Pick<GuardedCall, "name" | "guards">[],
  taken: ReadonlyMap<string, readonly number[]>,
): CostOutcome {
  const [bare, ...others] = contestants;
  const bareTurns = taken.get(bare?.name ?? "") ?? [];
  const why: string[] = [];
  const added = others.map(({ name, guards }): AddedCost => {
    const differences = (taken.get(name) ?? []).map((micros, round) => micros - (bareTurns[round] ?? NaN));
    const interval = intervalOfMedian(differences);
    const addedMicros = median(differences);
    const error = interval === undefined ? Infinity : (interval[1] - interval[0]) / 2;
    if (!(error <= Math.max(errorMicrosMax, errorShareMax * addedMicros)))
      why.push(`${name}: rounds differ: what it adds is known to ±${error.toFixed(2)} µs only`);
    return { name, guards, addedMicros, interval };
  });
  return { valid: why.length === 0, why, bareMicros: median(bareTurns), added };
}

/** A table of an outcome, for people. */
export function costTable({ valid, why, bareMicros, added }: CostOutcome): string {
  const rows = added.map(({ name, guards, addedMicros, interval }) => {
    const between = interval === undefined ? "" : `(${interval.map((end) => end.toFixed(2)).join("–")})`;
    const verdict = name === "weir" ? ` ${addedMicros <= addedMicrosMax ? "✓" : "✗"} ≤ ${addedMicrosMax.toFixed(1)}` : "";
    return `${name.padEnd(10)} +${addedMicros.toFixed(2).padStart(6)} µs ${between.padEnd(14)} ${guards}${verdict}`;
  });
  return [
    `policies: ${valid ? "valid" : `INVALID\n  ${why.join("\n  ")}`}`,
    `bare call  ${bareMicros.toFixed(2).padStart(7)} µs`,
    ...rows,
    "",
  ].join("\n");
}

async function microsEach({ name, call }: GuardedCall, calls: number): Promise<number> {
  const before = process.cpuUsage();
  for (let made = 0; made < calls; made += atOnce) {
    const answers = await Promise.all(Array.from({ length: atOnce }, () => call("ada")));
    if (answers.some(({ message }) => message !== "ada"))
      throw new Error(`expected ${name} to answer as the bare call does, found another answer`);
    await nextTurn();
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}
