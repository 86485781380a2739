/** How many calls there were, and how many of them failed by a fault of the service. */
export interface CallCounts {
  readonly calls: number;
  readonly failures: number;
}

/** How sure the judge is, in standard deviations: it looks after every failure, so chance has many tries. */
const deviations = 3;
/** With nothing to compare with, more than half must fail. */
const unknownRate = 0.5;

/**
 * Whether the calls of a new generation fail more often than those of the one before did, beyond what chance explains: the lower bound of its
 * rate lies above the upper bound of the other's (Wilson's interval, three standard deviations). Says why, or undefined. Below `callsMin` calls
 * it cannot tell.
 */
export function turnedBad(now: CallCounts, before: CallCounts, { callsMin }: { readonly callsMin: number }): string | undefined {
  if (now.calls < callsMin || now.failures === 0) return undefined;
  const bound = Math.min(unknownRate, wilson(before, 1));
  if (wilson(now, -1) <= bound) return undefined;
  return `${shown(now)} failed, before it ${shown(before)}`;
}

/** A bound of Wilson's score interval: lower with -1, upper with 1. */
function wilson({ calls, failures }: CallCounts, side: -1 | 1): number {
  if (calls === 0) return side === 1 ? 1 : 0;
  const rate = failures / calls;
  const square = deviations * deviations;
  const middle = rate + square / (2 * calls);
  const half = deviations * Math.sqrt((rate * (1 - rate)) / calls + square / (4 * calls * calls));
  return (middle + side * half) / (1 + square / calls);
}

function shown({ calls, failures }: CallCounts): string {
  const percent = calls === 0 ? "" : ` (${((failures / calls) * 100).toFixed(1)} %)`;
  return `${failures} of ${calls} calls${percent}`;
}
