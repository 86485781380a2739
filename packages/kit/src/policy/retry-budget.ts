import type { Clock } from "../clock.ts";

/** What retries may cost. */
export interface RetryBudgetOptions {
  /** Retries for each call that is not one. Default 0.1. */
  readonly ratio?: number;
  /** Retries a second that are allowed however few calls there are. Default 1. */
  readonly perSecondMin?: number;
}

/** Keeps retries a fraction of all calls: when everything fails, retries must not be the load that keeps it failing. */
export interface RetryBudget {
  /** A call was made. */
  deposit(): void;
  /** Whether a retry may be made; it is then paid for. */
  withdraw(): boolean;
  /** Retries that could be made now. */
  readonly balance: number;
}

/** Ten tenths are one, whatever they add up to in binary. */
const tolerance = 1e-9;
/** What is not used of about ten seconds is lost. */
const secondsKept = 10;

/** An account that calls pay into and retries draw from. */
export function createRetryBudget(clock: Clock, options: RetryBudgetOptions = {}): RetryBudget {
  const { ratio = 0.1, perSecondMin = 1 } = options;
  let paid = 0;
  let reserve = perSecondMin;
  let atMs = clock.monotonicMs();

  function settle(): void {
    const nowMs = clock.monotonicMs();
    const seconds = Math.max(0, nowMs - atMs) / 1000;
    atMs = nowMs;
    reserve = Math.min(perSecondMin, reserve + perSecondMin * seconds);
    paid *= Math.exp(-seconds / secondsKept);
  }

  return {
    get balance() {
      settle();
      return Math.floor(paid + tolerance) + Math.floor(reserve);
    },
    deposit() {
      paid += ratio;
      // A quiet clock costs nothing: what decays is settled when it is drawn from, or grows large.
      if (paid > 1000) settle();
    },
    withdraw() {
      settle();
      if (paid >= 1 - tolerance) paid -= 1;
      else if (reserve >= 1) reserve -= 1;
      else return false;
      return true;
    },
  };
}
