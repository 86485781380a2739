/** What one turn of one contestant cost. */
export interface Turn {
  readonly name: string;
  readonly requests: number;
  readonly failures: number;
  readonly durationMs: number;
  /** CPU time of the contestant. */
  readonly cpuMs: number;
  /** CPU time that others took on the contestant's core, and on the cores of load and backend. */
  readonly othersMs: number;
  readonly othersMsAtLoad: number;
  readonly stealMs: number;
  /** CPU time that load and backend took, per core that they had. */
  readonly loadMs: number;
  readonly latencyMsP99: number;
  /** For how long the load itself ran, when it says so; a turn is longer by the start of its process. */
  readonly loadedMs?: number | undefined;
  /** Requests that were to be made, when there was a rate. */
  readonly due?: number | undefined;
}

/** A turn and the round in which it was taken: turns of one round stand beside each other in time. */
export interface RoundTurn extends Turn {
  readonly round: number;
}

/** What a contestant came to, over all its turns. */
export interface Standing {
  readonly name: string;
  /** Microseconds of CPU per request: the median of its good turns, and (max − min) / median, which says how calm the machine was. */
  readonly cpuMicros: number;
  readonly spread: number;
  /** Share of the time that its core, and the cores of load and backend, were busy with the run. */
  readonly utilisation: number;
  readonly loadUtilisation: number;
  readonly requestsPerSecond: number;
  readonly latencyMsP99: number;
  /** At 70 % of its own throughput, from the time at which each request was due. Absent where the load has no rate. */
  readonly latencyMsP99At70?: number;
  readonly turns: number;
}

/**
 * The outcome of a suite. `ratios` holds the CPU per request of each peer divided by ours: above 1 means that we are ahead.
 * A ratio is the median over the rounds, each round's two turns divided by each other, so that a machine that is slower for a
 * while slows both.
 */
export interface Outcome {
  readonly valid: boolean;
  readonly ratios: Readonly<Record<string, number>>;
  /** Between which two values each ratio lies, with a confidence of at least 93 %. Absent where turns are not paired. */
  readonly intervals?: Readonly<Record<string, Interval>>;
  /** Why it is not valid; empty when it is. */
  readonly why: readonly string[];
  readonly standings: readonly Standing[];
}

/** The lower and the upper end. */
export type Interval = readonly [low: number, high: number];

/** When a turn or a suite does not count. */
export const bounds = {
  /** The contestant must have been what limited the run. */
  utilisationMin: 0.9,
  othersMax: 0.05,
  othersMaxAtLoad: 0.15,
  stealMax: 0.05,
  /** Half the interval of a ratio, as a share of the ratio: what the run says must be true to a tenth. */
  ratioErrorMax: 0.1,
  /** Rounds in which both turns were good; fewer than five give no interval. */
  roundsMin: 5,
} as const;

/** Why a turn says nothing about its contestant; undefined when it does. */
export function turnFault(turn: Turn): string | undefined {
  const ownShare = turn.cpuMs / (turn.loadedMs ?? turn.durationMs);
  const fault = disturbance(turn);
  if (fault !== undefined || ownShare >= bounds.utilisationMin) return fault;
  return `it was not the bottleneck: its core was busy ${percent(ownShare)}`;
}

/** Why a turn says nothing, whatever it was to measure: failures, or others on its cores. */
export function disturbance(turn: Turn): string | undefined {
  const share = (partMs: number): number => partMs / turn.durationMs;
  if (turn.failures > 0) return `${turn.failures} answers were not 200 or connections broke`;
  if (turn.requests === 0) return "no request was answered";
  if (share(turn.stealMs) > bounds.stealMax) return `the machine's host took ${percent(share(turn.stealMs))} of the core`;
  if (share(turn.othersMs) > bounds.othersMax) return `other processes took ${percent(share(turn.othersMs))} of its core`;
  if (share(turn.othersMsAtLoad) > bounds.othersMaxAtLoad)
    return `other processes took ${percent(share(turn.othersMsAtLoad))} of the load's core`;
  return undefined;
}

function percent(value: number): string {
  return `${(value * 100).toFixed(0)} %`;
}

/** The outcome of a suite from all turns, in which `ours` is the contestant that the others are compared with. */
export function outcomeFrom(turns: readonly RoundTurn[], ours: string): Outcome {
  const why: string[] = [];
  const standings: Standing[] = [];
  const ratios: Record<string, number> = {};
  const intervals: Record<string, Interval> = {};
  const goodOf = (name: string): RoundTurn[] => turns.filter((turn) => turn.name === name && turnFault(turn) === undefined);
  const own = goodOf(ours);
  if (!turns.some((turn) => turn.name === ours)) why.push(`${ours} did not run`);
  for (const name of new Set(turns.map((turn) => turn.name))) {
    const all = turns.filter((turn) => turn.name === name);
    const good = goodOf(name);
    standings.push(standingFrom(name, good.length > 0 ? good : all, good.length));
    const faults = [...new Set(all.map(turnFault).filter((fault) => fault !== undefined))];
    if (all.some((turn) => turn.failures > 0)) why.push(`${name}: ${faults.join("; ")}`);
    else if (good.length < bounds.roundsMin) why.push(`${name}: ${good.length} good turns of ${all.length}: ${faults.join("; ")}`);
    if (name === ours) continue;
    const paired = pairedRatios(good, own);
    const ratio = median(paired);
    ratios[name] = Number(ratio.toFixed(3));
    const interval = intervalOfMedian(paired);
    if (interval === undefined) {
      if (good.length >= bounds.roundsMin) why.push(`${name}: ${paired.length} rounds in which both turns were good`);
      continue;
    }
    intervals[name] = [Number(interval[0].toFixed(3)), Number(interval[1].toFixed(3))];
    const error = (interval[1] - interval[0]) / 2 / ratio;
    if (error > bounds.ratioErrorMax) why.push(`${name}: rounds differ: its ratio is known to ±${(error * 100).toFixed(0)} % only`);
  }
  return { valid: why.length === 0, ratios, intervals, why, standings };
}

/** Whether there are good rounds enough to know every ratio as well as `bounds` asks. */
export function isKnown(turns: readonly RoundTurn[], ours: string): boolean {
  return outcomeFrom(turns, ours).valid;
}

function costOf(turn: Turn): number {
  return turn.requests === 0 ? 0 : (turn.cpuMs * 1000) / turn.requests;
}

function pairedRatios(peer: readonly RoundTurn[], own: readonly RoundTurn[]): number[] {
  const costs = new Map(own.map((turn) => [turn.round, costOf(turn)]));
  return peer.flatMap((turn) => {
    const cost = costs.get(turn.round);
    return cost === undefined || cost === 0 ? [] : [costOf(turn) / cost];
  });
}

/**
 * The interval that holds the median of what was sampled with a confidence of at least 93 %, from the order of the values alone:
 * the k-th lowest and the k-th highest, k as large as the binomial distribution allows. Undefined for fewer than five values.
 */
export function intervalOfMedian(values: readonly number[]): Interval | undefined {
  const sorted = values.toSorted((left, right) => left - right);
  const count = sorted.length;
  let inner = -1;
  let tail = 0;
  let ways = 1;
  for (let below = 0; below < count >> 1; below++) {
    tail += ways / 2 ** count;
    if (1 - 2 * tail < 0.93) break;
    inner = below;
    ways = (ways * (count - below)) / (below + 1);
  }
  const [low, high] = [sorted[inner], sorted[count - 1 - inner]];
  return inner < 0 || low === undefined || high === undefined ? undefined : [low, high];
}

function standingFrom(name: string, turns: readonly Turn[], good: number): Standing {
  const costs = turns.map(costOf);
  const middle = median(costs);
  return {
    name,
    cpuMicros: middle,
    spread: middle === 0 ? 0 : (Math.max(...costs) - Math.min(...costs)) / middle,
    utilisation: median(turns.map((turn) => turn.cpuMs / (turn.loadedMs ?? turn.durationMs))),
    loadUtilisation: median(turns.map((turn) => turn.loadMs / turn.durationMs)),
    requestsPerSecond: median(turns.map((turn) => (turn.requests * 1000) / (turn.loadedMs ?? turn.durationMs))),
    latencyMsP99: median(turns.map((turn) => turn.latencyMsP99)),
    turns: good,
  };
}

/** The middle value; of an even number the mean of the two; 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? 0) + upper) / 2;
}
