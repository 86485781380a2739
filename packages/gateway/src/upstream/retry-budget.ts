/** Bounds how much retries may add to the traffic, over the last ten seconds. */
export interface RetryBudget {
  /** Counts a request that came in. */
  countRequest(nowMs: number): void;
  /** Takes one retry; false when the budget is used up. */
  take(nowMs: number): boolean;
}

const slotMs = 1000;
const slotCount = 10;

/**
 * A budget of `ratio` of the requests of the last ten seconds plus `perSecondMin` a second, so that quiet gateways can
 * retry too. Whatever fails, retries never add more than that to the load.
 */
export function createRetryBudget(ratio: number, perSecondMin: number): RetryBudget {
  const requests = new Float64Array(slotCount);
  const retries = new Float64Array(slotCount);
  let newest = 0;
  let requestsSum = 0;
  let retriesSum = 0;

  function advance(nowMs: number): number {
    const slot = Math.floor(nowMs / slotMs);
    if (slot > newest) {
      for (let at = Math.max(newest + 1, slot - slotCount + 1); at <= slot; at++) {
        const index = at % slotCount;
        requestsSum -= requests[index] as number;
        retriesSum -= retries[index] as number;
        requests[index] = retries[index] = 0;
      }
      newest = slot;
    }
    return newest % slotCount;
  }

  return {
    countRequest(nowMs) {
      const index = advance(nowMs);
      requests[index] = (requests[index] as number) + 1;
      requestsSum++;
    },
    take(nowMs) {
      const index = advance(nowMs);
      if (retriesSum >= requestsSum * ratio + perSecondMin * slotCount) return false;
      retries[index] = (retries[index] as number) + 1;
      retriesSum++;
      return true;
    },
  };
}
