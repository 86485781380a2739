import type { Call } from "../call.ts";
import type { Code } from "../fault.ts";
import type { Service } from "../service.ts";
import { systemClock } from "../clock.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { HedgeMetrics, HedgeRules } from "./hedged-call.ts";
import { HedgedCall } from "./hedged-call.ts";
import { LatencyWindow } from "./latency-window.ts";
import { expectRanges } from "./option-range.ts";
import type { Policy, PolicyParts } from "./policy.ts";
import type { RetryBudget, RetryBudgetState } from "./retry-budget.ts";
import { createRetryBudget } from "./retry-budget.ts";
import { isStreamMessage } from "./stream-message.ts";

/** When a call is sent once more although its first attempt may still be answered. */
export interface HedgingOptions {
  /** Attempts in all, the first included; 2 to 5. Default 2. */
  readonly attemptsMax?: number;
  /** Wait before each further attempt. Default as long as `percentile` of attempts take. */
  readonly delayMs?: number;
  /** Share of attempts that are answered before there is a further one, 0.5 to 0.999. Default 0.95: one call in twenty is hedged. */
  readonly percentile?: number;
  /** Bounds of the wait by percentile. The second is the wait until 20 attempts are known. Default 1 and 1,000. */
  readonly delayMsMin?: number;
  readonly delayMsMax?: number;
  /** Codes after which the next attempt is made at once; any other one ends the call. Default UNAVAILABLE. */
  readonly nonFatalCodes?: readonly Code[];
}

/** What hedging is given beside. */
export interface HedgingParts<Q> extends PolicyParts {
  /** Whether a request may be made twice. Others are sent once. Default no request. */
  readonly isIdempotent?: (request: Q, call: Call) => boolean;
  /** Shared with the retries of the same server. Default one of its own. */
  readonly budget?: RetryBudget;
}

/** What hedging did so far. */
export interface HedgingState {
  /** How long the next call waits before it is sent once more. */
  readonly delayMs: number;
  /** Further attempts that were sent, those that answered first, and those that did not. */
  readonly sent: number;
  readonly won: number;
  readonly lost: number;
  readonly budget: RetryBudgetState;
}

const latenciesKept = 256;
const latenciesMin = 20;

/**
 * Sends a call that may be made twice once more when it takes long; the first answer counts, and every other attempt is aborted by its own
 * signal. In the place of a retry (gRFC A6: a method has one of both); a server's `retryAfterMs` holds further attempts back. A request that
 * streams is sent once. Metrics: weir_hedges_total by method and outcome, weir_hedges_refused_total by method. Throws POLICY_OPTION_INVALID.
 */
export function createHedging<Q = unknown>(
  options: HedgingOptions = {},
  parts: HedgingParts<Q> = {},
): Policy<HedgingOptions, HedgingState, Q> {
  const { clock = systemClock, isIdempotent = () => false } = parts;
  const budget = parts.budget ?? createRetryBudget({}, parts);
  const latencies = new LatencyWindow(latenciesKept);
  const metrics = hedgeMetrics(parts);
  let settings = checked(options);

  function delayNow(): number {
    if (settings.delayMs !== undefined) return settings.delayMs;
    if (latencies.size < latenciesMin) return settings.delayMsMax;
    return Math.min(settings.delayMsMax, Math.max(settings.delayMsMin, latencies.percentile(settings.percentile)));
  }

  const rules: HedgeRules = {
    clock,
    budget,
    latencies,
    metrics,
    delayMs: delayNow,
    get attemptsMax() {
      return settings.attemptsMax;
    },
    isFatal: (code) => !settings.nonFatalCodes.includes(code),
  };
  return {
    state: () => ({ delayMs: delayNow(), sent: metrics.sent, won: metrics.won, lost: metrics.lost, budget: budget.state() }),
    apply(changed) {
      settings = checked(changed);
    },
    layer:
      <T extends Q, R>(next: Service<T, R>): Service<T, R> =>
      (request, call) => {
        budget.deposit();
        if (isStreamMessage(request) || !isIdempotent(request, call)) return next(request, call);
        return new Promise((resolve, reject) => {
          new HedgedCall<T, R>({ next, request, call }, rules, { resolve, reject }).begin();
        });
      },
  };
}

function hedgeMetrics({ metrics = createMetrics() }: PolicyParts): HedgeMetrics {
  const outcomes = metrics.counter({
    name: "weir_hedges_total",
    help: "Further attempts by whether they answered first (won) or not (lost).",
    labels: ["method", "outcome"],
  });
  const refusals = metrics.counter({
    name: "weir_hedges_refused_total",
    help: "Further attempts that were not made as the budget was empty.",
    labels: ["method"],
  });
  return {
    sent: 0,
    won: 0,
    lost: 0,
    ended(method, won) {
      if (won) this.won += 1;
      else this.lost += 1;
      outcomes.labels(method, won ? "won" : "lost").add();
    },
    refused: (method) => refusals.labels(method).add(),
  };
}

type Settings = Required<Omit<HedgingOptions, "delayMs">> & Pick<HedgingOptions, "delayMs">;

function checked(options: HedgingOptions): Settings {
  const { attemptsMax = 2, delayMs, percentile = 0.95, delayMsMin = 1, nonFatalCodes = ["UNAVAILABLE"] } = options;
  const { delayMsMax = Math.max(1000, delayMsMin) } = options;
  expectRanges({ attemptsMax: [attemptsMax, 2, 5], delayMs: [delayMs ?? 0, 0, 600_000], percentile: [percentile, 0.5, 0.999] });
  expectRanges({ delayMsMin: [delayMsMin, 0, 600_000], delayMsMax: [delayMsMax, delayMsMin, 600_000] });
  return { attemptsMax, delayMs, percentile, delayMsMin, delayMsMax, nonFatalCodes };
}
