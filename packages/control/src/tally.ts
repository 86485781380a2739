/** What the rooms count as they go, for the metrics. */
export interface Tally {
  readonly acknowledgements: number;
  readonly refusals: number;
  /** Refused calls by reason. */
  readonly refusedCalls: ReadonlyMap<string, number>;
  /** Requests that reached no endpoint by cause, as data planes reported them. */
  readonly unroutedRequests: ReadonlyMap<string, number>;
  readonly acknowledged: (refusals: number) => void;
  readonly refused: (reason: string) => void;
  readonly unrouted: (cause: string, count: number) => void;
}

/** Further names are counted as this one. */
const other = "OTHER";
const namesMax = 100;

/** A tally at zero. */
export function createTally(): Tally {
  const refusedCalls = new Map<string, number>();
  const unroutedRequests = new Map<string, number>();
  let acknowledgements = 0;
  let refusals = 0;
  return {
    refusedCalls,
    unroutedRequests,
    get acknowledgements() {
      return acknowledgements;
    },
    get refusals() {
      return refusals;
    },
    acknowledged(count) {
      acknowledgements += 1;
      refusals += count;
    },
    refused: (reason) => add(refusedCalls, reason, 1),
    unrouted: (cause, count) => add(unroutedRequests, cause, count),
  };
}

function add(counts: Map<string, number>, name: string, count: number): void {
  const kept = counts.has(name) || counts.size < namesMax ? name : other;
  counts.set(kept, (counts.get(kept) ?? 0) + count);
}
