import { systemClock } from "../clock.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { expectRanges } from "./option-range.ts";
import type { PolicyParts } from "./policy.ts";

/** What retries and hedges may cost. */
export interface RetryBudgetOptions {
  /** Retries for each call that is not one. Default 0.1. */
  readonly ratio?: number;
  /** Retries a second that are allowed however few calls there are. Default 1. */
  readonly perSecondMin?: number;
}

/** What a budget holds. */
export interface RetryBudgetState {
  /** Retries that could be made now. */
  readonly balance: number;
  /** Retries that were not made for want of it. */
  readonly refused: number;
}

/**
 * Keeps retries a fraction of all calls: when everything fails, retries must not be the load that keeps it failing. One budget is shared by
 * whatever asks the same server again: the retries and hedges of all its methods.
 */
export interface RetryBudget {
  /** A call was made. */
  deposit(): void;
  /** Whether a retry may be made; it is then paid for. */
  withdraw(): boolean;
  /** Retries that could be made now. */
  readonly balance: number;
  state(): RetryBudgetState;
  /** Goes on by other options with what was paid in. Throws POLICY_OPTION_INVALID. */
  apply(options: RetryBudgetOptions): void;
}

/** Ten tenths are one, whatever they add up to in binary. */
const tolerance = 1e-9;
/** What is not used of about ten seconds is lost. */
const secondsKept = 10;

/** An account that calls pay into and retries draw from. Its metric is weir_retry_budget_left. Throws POLICY_OPTION_INVALID. */
export function createRetryBudget(options: RetryBudgetOptions = {}, parts: PolicyParts = {}): RetryBudget {
  const { name = "default", clock = systemClock, metrics = createMetrics() } = parts;
  let { ratio, perSecondMin } = checked(options);
  let paid = 0;
  let reserve = perSecondMin;
  let refused = 0;
  let deposits = 0;
  let atMs = clock.monotonicMs();

  function settle(): void {
    const nowMs = clock.monotonicMs();
    const seconds = Math.max(0, nowMs - atMs) / 1000;
    atMs = nowMs;
    reserve = Math.min(perSecondMin, reserve + perSecondMin * seconds);
    paid *= Math.exp(-seconds / secondsKept);
  }

  function balanceNow(): number {
    settle();
    return Math.floor(paid + tolerance) + Math.floor(reserve);
  }

  const left = metrics
    .gauge({ name: "weir_retry_budget_left", help: "Retries and hedges that could be made now.", labels: ["policy"] })
    .labels(name);
  metrics.beforeText(() => left.set(balanceNow()));
  return {
    get balance() {
      return balanceNow();
    },
    state: () => ({ balance: balanceNow(), refused }),
    apply(changed) {
      settle();
      ({ ratio, perSecondMin } = checked(changed));
    },
    deposit() {
      paid += ratio;
      // A quiet clock costs nothing: what decays is settled when it is drawn from, and now and then before it grows large.
      if (++deposits % 1024 === 0) settle();
    },
    withdraw() {
      settle();
      if (paid >= 1 - tolerance) paid -= 1;
      else if (reserve >= 1) reserve -= 1;
      else {
        refused += 1;
        return false;
      }
      return true;
    },
  };
}

function checked({ ratio = 0.1, perSecondMin = 1 }: RetryBudgetOptions): Required<RetryBudgetOptions> {
  expectRanges({ ratio: [ratio, 0, 10], perSecondMin: [perSecondMin, 0, 1e6] });
  return { ratio, perSecondMin };
}
