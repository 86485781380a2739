import type { Suite } from "./contest.ts";
import type { Running } from "./contestant.ts";
import { takeTurn } from "./turn.ts";
import type { Outcome, Turn } from "./verdict.ts";
import { disturbance, median } from "./verdict.ts";

/** What a contest knows once its turns are over. */
export interface LatencyContest {
  readonly suite: Suite;
  readonly contestants: readonly Running[];
  readonly options: { readonly seconds: number; readonly say: (line: string) => void };
}

/** The share of its throughput at which a contestant's latency is told: at all of it, latency says only how long the queue was. */
export const latencyShare = 0.7;
const rounds = 3;
/** A load that made fewer requests than were due measures itself. */
const madeShareMin = 0.98;

/**
 * The outcome with the P99 of each contestant at 70 % of what it could do, the median of three turns; for loads that have a rate (gRPC).
 * Where two of three were disturbed, failed or did not keep the rate, the outcome is not valid.
 */
export async function withLatencies(outcome: Outcome, contest: LatencyContest): Promise<Outcome> {
  const { suite, contestants, options } = contest;
  if (suite.scheme !== "grpc" && suite.scheme !== "grpcs") return outcome;
  const { path, connections, scheme, streams } = suite;
  const turns = new Map<string, Turn[]>();
  let again = contestants.length * rounds;
  for (let round = 1; round <= rounds; round++) {
    for (const one of contestants) {
      const throughput = outcome.standings.find((standing) => standing.name === one.name)?.requestsPerSecond ?? 0;
      const rate = Math.floor(throughput * latencyShare);
      if (rate < 1) continue;
      const taken = (): Promise<Turn> => takeTurn(one, { path, connections, seconds: options.seconds, scheme, streams, rate });
      let turn = await taken();
      for (; again > 0 && turn.failures === 0 && latencyFault(turn) !== undefined; again--) turn = await taken();
      turns.set(one.name, [...(turns.get(one.name) ?? []), turn]);
      options.say(
        `  at 70 % · ${round}/${rounds} · ${one.name} · ${rate} a second · p99 ${turn.latencyMsP99.toFixed(2)} ms · ${latencyFault(turn) ?? "good"}`,
      );
    }
  }
  const why = [...outcome.why];
  const standings = outcome.standings.map((standing) => {
    const own = turns.get(standing.name) ?? [];
    const good = own.filter((turn) => latencyFault(turn) === undefined);
    if (good.length < own.length / 2) why.push(`${standing.name} at 70 %: ${own.map(latencyFault).find((fault) => fault !== undefined)}`);
    return good.length === 0 ? standing : { ...standing, latencyMsP99At70: median(good.map((turn) => turn.latencyMsP99)) };
  });
  return { ...outcome, valid: outcome.valid && why.length === outcome.why.length, why, standings };
}

/** Why a turn at a rate says nothing; undefined when it does. */
export function latencyFault(turn: Turn): string | undefined {
  if (turn.due !== undefined && turn.requests < turn.due * madeShareMin) return `${turn.requests} of ${turn.due} calls were made`;
  return disturbance(turn);
}
