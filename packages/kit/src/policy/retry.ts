import type { Call } from "../call.ts";
import type { Fault } from "../fault.ts";
import { faultFrom } from "../fault.ts";
import type { Service } from "../service.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { failureKind } from "./failure-kind.ts";
import { expectRanges } from "./option-range.ts";
import type { Policy, PolicyParts } from "./policy.ts";
import type { RetryBudget, RetryBudgetState } from "./retry-budget.ts";
import { createRetryBudget } from "./retry-budget.ts";
import { isStreamMessage } from "./stream-message.ts";

/** What is done about one reason, instead of what its code says. */
export interface RetryRule {
  /** Attempts in all; 1 for never again. */
  readonly attemptsMax: number;
  /** Wait before each further attempt, instead of the backoff. */
  readonly delayMs?: number;
}

/** When a call is made again. */
export interface RetryOptions {
  /** Attempts in all, the first included. Default 3. */
  readonly attemptsMax?: number;
  /** The wait before the second attempt is chance from 0 to this, doubled for each further one. Default 50. */
  readonly backoffMsMin?: number;
  /** Default 1,000. A `retryAfterMs` of the Fault counts when it is longer, and ends it when the call has less time. */
  readonly backoffMsMax?: number;
  /** By reason; first of all. */
  readonly rules?: Readonly<Record<string, RetryRule>>;
}

/** What a retry is given beside. */
export interface RetryParts<Q> extends PolicyParts {
  /** Whether a request may be made twice. What provably was not sent is made again in any case. Default no request. */
  readonly isIdempotent?: (request: Q, call: Call) => boolean;
  /** Shared by all that ask the same server again. Default one of its own. */
  readonly budget?: RetryBudget;
}

/** What a retry did so far. */
export interface RetryState {
  readonly attemptsMax: number;
  /** Further attempts that were made. */
  readonly retried: number;
  readonly budget: RetryBudgetState;
}

/**
 * Makes a call again that failed by the server's fault, within a budget; never one whose request streams. Its metrics are
 * weir_retries_total by method and reason (the first 32, then "other"), and weir_retries_refused_total by method, when the budget was empty. Throws POLICY_OPTION_INVALID.
 */
export function createRetry<Q = unknown>(options: RetryOptions = {}, parts: RetryParts<Q> = {}): Policy<RetryOptions, RetryState, Q> {
  const { metrics = createMetrics(), isIdempotent = () => false } = parts;
  const budget = parts.budget ?? createRetryBudget({}, parts);
  const made = metrics.counter({ name: "weir_retries_total", help: "Attempts after the first, by what was failed with before.", labels });
  const refused = metrics.counter({
    name: "weir_retries_refused_total",
    help: "Attempts that were not made as the budget was empty.",
    labels: ["method"],
  });
  /** Reasons come from other processes: no more of them than this become series. */
  const reasons = new Set<string>();
  let retried = 0;
  let rules = checked(options);

  function count(method: string, reason: string): void {
    retried += 1;
    if (reasons.size < reasonsMax) reasons.add(reason);
    made.labels(method, reasons.has(reason) ? reason : "other").add();
  }

  /** How long to wait before another attempt; undefined when there is to be none. */
  function delayBefore(request: Q, call: Call, failed: { readonly found: Fault; readonly attempts: number }): number | undefined {
    const { found, attempts } = failed;
    // A stream that has been begun cannot be read again.
    if (call.ended || isStreamMessage(request)) return undefined;
    const rule = Object.hasOwn(rules.rules, found.reason) ? rules.rules[found.reason] : undefined;
    if (attempts >= (rule?.attemptsMax ?? rules.attemptsMax)) return undefined;
    const kind = failureKind(found, call);
    if (!rule && (kind === "caller" || kind === "local")) return undefined;
    if (!wasNotSent(found) && !isIdempotent(request, call)) return undefined;
    const backoffMs = Math.min(rules.backoffMsMax, rules.backoffMsMin * 2 ** (attempts - 1)) * call.clock.random();
    const delayMs = Math.max(rule?.delayMs ?? backoffMs, found.retryAfterMs ?? 0);
    return delayMs < call.remainingMs() ? delayMs : undefined;
  }

  async function again<T extends Q, R>({ next, request, call }: Asked<T, R>, first: Fault): Promise<R> {
    let found = first;
    for (let attempts = 1; ; attempts++) {
      const delayMs = delayBefore(request, call, { found, attempts });
      if (delayMs === undefined) throw found;
      if (!budget.withdraw()) {
        refused.labels(call.method).add();
        throw found;
      }
      if (delayMs > 0) await call.clock.sleep(delayMs, call.signal);
      // What the attempt before was answered is not this one's.
      call.replyMetadata.length = 0;
      if (call.hasReplyTrailers) call.replyTrailers.length = 0;
      count(call.method, found.reason);
      try {
        return await next(request, call);
      } catch (thrown) {
        found = faultFrom(thrown);
      }
    }
  }

  return {
    state: () => ({ attemptsMax: rules.attemptsMax, retried, budget: budget.state() }),
    apply(changed) {
      rules = checked(changed);
    },
    layer: (next) => (request, call) => {
      budget.deposit();
      return next(request, call).catch((thrown: unknown) => again({ next, request, call }, faultFrom(thrown)));
    },
  };
}

interface Asked<Q, R> {
  readonly next: Service<Q, R>;
  readonly request: Q;
  readonly call: Call;
}

const labels = ["method", "reason"];
const reasonsMax = 32;

function checked(options: RetryOptions): Required<RetryOptions> {
  const { attemptsMax = 3, backoffMsMin = 50, backoffMsMax = 1000, rules = {} } = options;
  expectRanges({
    attemptsMax: [attemptsMax, 1, 100],
    backoffMsMin: [backoffMsMin, 0, 60_000],
    backoffMsMax: [backoffMsMax, backoffMsMin, 600_000],
  });
  for (const [reason, rule] of Object.entries(rules)) {
    expectRanges({ [`attemptsMax of ${reason}`]: [rule.attemptsMax, 1, 100], [`delayMs of ${reason}`]: [rule.delayMs ?? 0, 0, 600_000] });
  }
  return { attemptsMax, backoffMsMin, backoffMsMax, rules };
}

/** Whoever carries calls says so on its Faults: nothing of the request has left, or the other side has not looked at it. */
function wasNotSent(found: Fault): boolean {
  return "sent" in found && found.sent === false;
}
