/**
 * What guards one method, as plain data: numbers and words, so that contracts, configuration and code say it alike. Times are in
 * milliseconds; 0 means none throughout. Defaults and limits of each value stand in `policyKeys`.
 */
export interface MethodPolicy {
  readonly client: ClientPolicy;
  readonly server: ServerPolicy;
}

/** What guards calls of a method where they are made. */
export interface ClientPolicy {
  /** For the whole call, retries and waits included; where a caller inherits a deadline, the shorter of both. */
  readonly timeoutMs: number;
  /** For one attempt; of a stream, until it begins. */
  readonly attemptTimeoutMs: number;
  readonly retry: RetryPolicy;
  readonly hedge: HedgePolicy;
  readonly breaker: BreakerPolicy;
  readonly rate: RatePolicy;
  readonly bulkhead: BulkheadPolicy;
}

/** What guards calls of a method where they are answered. */
export interface ServerPolicy {
  /** Which calls go first, and which are shed first, when there are too many. */
  readonly lane: "urgent" | "normal" | "bulk";
  readonly rate: ServerRatePolicy;
  /** Calls of this method under way, and waiting, in this process. */
  readonly bulkhead: BulkheadPolicy;
}

/** When a call is made again. Only what is safe to repeat, or provably was not sent, is. */
export interface RetryPolicy {
  /** Attempts in all; 1 for never again. */
  readonly attemptsMax: number;
  readonly backoffMsMin: number;
  readonly backoffMsMax: number;
  /** Retries for each call, and those a second that are allowed in any case. Methods that say the same share one budget. */
  readonly budgetRatio: number;
  readonly budgetPerSecondMin: number;
}

/** A second attempt beside a slow first one, in place of retries. Only for methods that are safe to repeat. */
export interface HedgePolicy {
  readonly delayMs: number;
  readonly attemptsMax: number;
}

/** What stops calls to a side that fails. */
export interface BreakerPolicy {
  readonly kind: "adaptive" | "classic" | "off";
  readonly windowMs: number;
  readonly callsMin: number;
  /** Adaptive: calls that are let pass for each that succeeds. */
  readonly factor: number;
  /** Adaptive: while calls are refused, one is let pass at least this often. */
  readonly probeMs: number;
  /** Classic: share of failures above which it opens. */
  readonly failureRatioMax: number;
  /** Classic: how long it is open before it lets calls try. */
  readonly openMs: number;
  /** Classic: calls that must succeed, one after the other, to close it. */
  readonly trialsMin: number;
}

/** Calls a second, and how many at once after a quiet time (0 for one second's). */
export interface RatePolicy {
  readonly perSecond: number;
  readonly burst: number;
}

/** The same, for all callers together or for each by itself (its identity, else its address). */
export interface ServerRatePolicy extends RatePolicy {
  readonly per: "all" | "peer";
}

/** Calls under way, and calls that wait, at most; a stream is under way until it is over. */
export interface BulkheadPolicy {
  readonly concurrencyMax: number;
  readonly queueMax: number;
  /** Nobody waits longer than this. */
  readonly waitMsMax: number;
}

/** The same with anything left out. */
export type Draft<T> = { readonly [K in keyof T]?: T[K] extends object ? Draft<T[K]> : T[K] };

/** Some of a method's policies. */
export type MethodPolicyDraft = Draft<MethodPolicy>;

/**
 * Policies by what they hold for: `"*"` for everything, `"weir.feed.v1.Feed"` for a service, `"/weir.feed.v1.Feed/Page"` for a method. The
 * closer one wins, value by value.
 */
export type PolicyDrafts = Readonly<Record<string, MethodPolicyDraft>>;
