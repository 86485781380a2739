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
}

/** What a contestant came to, over all its turns. */
export interface Standing {
  readonly name: string;
  /** Microseconds of CPU per request: the median of its good turns, and (max − min) / median. */
  readonly cpuMicros: number;
  readonly spread: number;
  /** Share of the time that its core, and the cores of load and backend, were busy with the run. */
  readonly utilisation: number;
  readonly loadUtilisation: number;
  readonly requestsPerSecond: number;
  readonly latencyMsP99: number;
  readonly turns: number;
}

/** The outcome of a suite. `ratios` holds the CPU per request of each peer divided by ours: above 1 means that we are ahead. */
export interface Outcome {
  readonly valid: boolean;
  readonly ratios: Readonly<Record<string, number>>;
  /** Why it is not valid; empty when it is. */
  readonly why: readonly string[];
  readonly standings: readonly Standing[];
}

/** When a turn or a suite does not count. */
export const bounds = {
  /** The contestant must have been what limited the run. */
  utilisationMin: 0.9,
  othersMax: 0.05,
  othersMaxAtLoad: 0.15,
  stealMax: 0.05,
  spreadMax: 0.15,
  turnsMin: 3,
} as const;

/** Why a turn says nothing about its contestant; undefined when it does. */
export function turnFault(turn: Turn): string | undefined {
  const share = (partMs: number): number => partMs / turn.durationMs;
  const percent = (value: number): string => `${(value * 100).toFixed(0)} %`;
  if (turn.failures > 0) return `${turn.failures} answers were not 200 or connections broke`;
  if (turn.requests === 0) return "no request was answered";
  if (share(turn.stealMs) > bounds.stealMax) return `the machine's host took ${percent(share(turn.stealMs))} of the core`;
  if (share(turn.othersMs) > bounds.othersMax) return `other processes took ${percent(share(turn.othersMs))} of its core`;
  if (share(turn.othersMsAtLoad) > bounds.othersMaxAtLoad)
    return `other processes took ${percent(share(turn.othersMsAtLoad))} of the load's core`;
  if (share(turn.cpuMs) < bounds.utilisationMin) return `it was not the bottleneck: its core was busy ${percent(share(turn.cpuMs))}`;
  return undefined;
}

/** The outcome of a suite from all turns, in which `ours` is the contestant that the others are compared with. */
export function outcomeFrom(turns: readonly Turn[], ours: string): Outcome {
  const why: string[] = [];
  const standings: Standing[] = [];
  for (const name of new Set(turns.map((turn) => turn.name))) {
    const all = turns.filter((turn) => turn.name === name);
    const good = all.filter((turn) => turnFault(turn) === undefined);
    const standing = standingFrom(name, good.length > 0 ? good : all, good.length);
    standings.push(standing);
    const faults = [...new Set(all.map(turnFault).filter((fault) => fault !== undefined))];
    if (all.some((turn) => turn.failures > 0)) why.push(`${name}: ${faults.join("; ")}`);
    else if (good.length < bounds.turnsMin) why.push(`${name}: ${good.length} good turns of ${all.length}: ${faults.join("; ")}`);
    else if (standing.spread > bounds.spreadMax) why.push(`${name}: turns differ by ${(standing.spread * 100).toFixed(0)} %`);
  }
  const own = standings.find((standing) => standing.name === ours);
  if (own === undefined) why.push(`${ours} did not run`);
  const ratios: Record<string, number> = {};
  for (const peer of standings) {
    if (own !== undefined && peer !== own) ratios[peer.name] = Number((peer.cpuMicros / own.cpuMicros).toFixed(3));
  }
  return { valid: why.length === 0, ratios, why, standings };
}

function standingFrom(name: string, turns: readonly Turn[], good: number): Standing {
  const costs = turns.map((turn) => (turn.requests === 0 ? 0 : (turn.cpuMs * 1000) / turn.requests));
  const middle = median(costs);
  return {
    name,
    cpuMicros: middle,
    spread: middle === 0 ? 0 : (Math.max(...costs) - Math.min(...costs)) / middle,
    utilisation: median(turns.map((turn) => turn.cpuMs / turn.durationMs)),
    loadUtilisation: median(turns.map((turn) => turn.loadMs / turn.durationMs)),
    requestsPerSecond: median(turns.map((turn) => (turn.requests * 1000) / turn.durationMs)),
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
