import type { Call } from "../call.ts";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import type { Fault } from "../fault.ts";
import { faultFrom } from "../fault.ts";
import type { Layer, Service } from "../service.ts";
import { failureKind } from "./failure-kind.ts";
import { expectRanges } from "./option-range.ts";
import type { RetryBudget, RetryBudgetOptions } from "./retry-budget.ts";
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
export interface RetryOptions<Q> {
  /** Attempts in all, the first included. Default 3. */
  readonly attemptsMax?: number;
  /** The wait before the second attempt is chance from 0 to this, doubled for each further one. Default 50. */
  readonly backoffMsMin?: number;
  /** Default 1,000. A `retryAfterMs` of the Fault counts when it is longer, and ends it when the call has less time. */
  readonly backoffMsMax?: number;
  /** By reason; first of all. */
  readonly rules?: Readonly<Record<string, RetryRule>>;
  /** Whether a request may be made twice. What provably was not sent is made again in any case. Default no request. */
  readonly isIdempotent?: (request: Q, call: Call) => boolean;
  /** Shared with others, or how a new one is. */
  readonly budget?: RetryBudget | RetryBudgetOptions;
  readonly clock?: Clock;
}

/** Makes a call again that failed by the server's fault, within a budget; never one whose request streams. Throws POLICY_OPTION_INVALID. */
export function retry<Q, R>(options: RetryOptions<Q> = {}): Layer<Q, R> {
  const { attemptsMax = 3, backoffMsMin = 50, backoffMsMax = 1000, clock = systemClock } = options;
  expectRanges({
    attemptsMax: [attemptsMax, 1, 100],
    backoffMsMin: [backoffMsMin, 0, 60_000],
    backoffMsMax: [backoffMsMax, backoffMsMin, 600_000],
  });
  const given = options.budget ?? {};
  const budget = "withdraw" in given ? given : createRetryBudget(clock, given);
  const settled: Retrying<Q> = {
    attemptsMax,
    backoffMsMin,
    backoffMsMax,
    budget,
    rules: options.rules ?? {},
    isIdempotent: options.isIdempotent ?? (() => false),
  };
  return (next) => (request, call) => {
    budget.deposit();
    return next(request, call).catch((thrown: unknown) => again({ next, request, call, retrying: settled }, faultFrom(thrown)));
  };
}

interface Retrying<Q> extends Required<Pick<RetryOptions<Q>, "attemptsMax" | "backoffMsMin" | "backoffMsMax" | "rules" | "isIdempotent">> {
  readonly budget: RetryBudget;
}

interface Attempting<Q, R> {
  readonly next: Service<Q, R>;
  readonly request: Q;
  readonly call: Call;
  readonly retrying: Retrying<Q>;
}

async function again<Q, R>(attempting: Attempting<Q, R>, first: Fault): Promise<R> {
  const { next, request, call } = attempting;
  let found = first;
  for (let made = 1; ; made++) {
    const delayMs = delayBefore(attempting, { found, made });
    if (delayMs === undefined || !attempting.retrying.budget.withdraw()) throw found;
    if (delayMs > 0) await call.clock.sleep(delayMs, call.signal);
    // What the attempt before was answered is not this one's.
    call.replyMetadata.length = 0;
    if (call.hasReplyTrailers) call.replyTrailers.length = 0;
    try {
      return await next(request, call);
    } catch (thrown) {
      found = faultFrom(thrown);
    }
  }
}

/** How long to wait before another attempt; undefined when there is to be none. */
function delayBefore<Q, R>(
  { request, call, retrying }: Attempting<Q, R>,
  { found, made }: { readonly found: Fault; readonly made: number },
): number | undefined {
  // A stream that has been begun cannot be read again.
  if (call.ended || isStreamMessage(request)) return undefined;
  const rule = Object.hasOwn(retrying.rules, found.reason) ? retrying.rules[found.reason] : undefined;
  if (made >= (rule?.attemptsMax ?? retrying.attemptsMax)) return undefined;
  const kind = failureKind(found, call);
  if (!rule && (kind === "caller" || kind === "local")) return undefined;
  if (!wasNotSent(found) && !retrying.isIdempotent(request, call)) return undefined;
  const backoffMs = Math.min(retrying.backoffMsMax, retrying.backoffMsMin * 2 ** (made - 1)) * call.clock.random();
  const delayMs = Math.max(rule?.delayMs ?? backoffMs, found.retryAfterMs ?? 0);
  return delayMs < call.remainingMs() ? delayMs : undefined;
}

/** Whoever carries calls says so on its Faults: nothing of the request has left, or the other side has not looked at it. */
function wasNotSent(found: Fault): boolean {
  return "sent" in found && found.sent === false;
}
