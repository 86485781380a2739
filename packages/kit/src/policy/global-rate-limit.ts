import type { Call } from "../call.ts";
import { systemClock } from "../clock.ts";
import { answerUntilEnded } from "../rpc/until-ended.ts";
import type { Service } from "../service.ts";
import type { GlobalLimitMetrics } from "./global-limit-metrics.ts";
import { createGlobalLimitMetrics } from "./global-limit-metrics.ts";
import { expectRanges } from "./option-range.ts";
import type { Policy, PolicyParts } from "./policy.ts";
import { policyReasons } from "./reasons.ts";
import { refusal } from "./refusal.ts";
import { TokenLeases } from "./token-leases.ts";
import type { TokenSource } from "./token-source.ts";

/** How many calls may come to all instances together. */
export interface GlobalRateLimitOptions {
  readonly perSecond: number;
  /** Calls that may come at once after a quiet time. Default one second's, at least 1. */
  readonly burst?: number;
  /**
   * Tokens that an instance takes at a time at most, and holds at most for a key. Default a tenth of a second's, at least 1. In any time T
   * all instances let at most `perSecond` × T + `burst` + instances × `leaseMax` pass.
   */
  readonly leaseMax?: number;
  /** How long calls wait for the source before it counts as away. Default 50. */
  readonly timeoutMs?: number;
  /** What holds while the source is away: this instance's share of the limit, everything, or nothing. Default "local". */
  readonly whenAway?: "local" | "open" | "closed";
  /** This instance's share of the limit while the source is away, such as one by the number of instances. Default 0.1. */
  readonly localShare?: number;
  /** How often a source that is away is asked again, by the next call; no call waits for that. Default 500. */
  readonly retryMs?: number;
  /** Keys remembered; one that was quiet longest is forgotten, with at most `leaseMax` tokens. Default 10,000. */
  readonly keysMax?: number;
}

/** What a global limit is given beside. */
export interface GlobalRateLimitParts<Q> extends PolicyParts {
  /** Where the buckets are, such as in Redis. */
  readonly tokens: TokenSource;
  /** Each key has a limit of its own, such as a tenant's. Default one for all. */
  readonly keyOf?: (request: Q, call: Call) => string;
}

/** What a global limit did so far. */
export interface GlobalRateLimitState {
  /** "global" while the source answers, else what `whenAway` says. */
  readonly mode: "global" | "local" | "open" | "closed";
  /** How long the source has been away; 0 while it answers. */
  readonly awayMs: number;
  readonly keys: number;
  readonly passed: number;
  readonly refused: number;
  /** How often the source was asked: the cost that it bears for all calls. */
  readonly takes: number;
  readonly failedTakes: number;
}

/**
 * One limit for all instances. Each takes tokens from the shared bucket some at a time, before it spends them, so that the limit is never
 * exceeded by more than what they hold. A source that does not answer in `timeoutMs` is away: calls go by `whenAway`, and it is asked again
 * every `retryMs`; its first answer makes the limit global again. Refuses with RATE_LIMITED, or LIMIT_UNKNOWN when closed. Metrics:
 * weir_global_limit_refused_total, _takes_total by outcome, _away. Throws POLICY_OPTION_INVALID.
 */
export function createGlobalRateLimit<Q = unknown>(
  options: GlobalRateLimitOptions,
  parts: GlobalRateLimitParts<Q>,
): Policy<GlobalRateLimitOptions, GlobalRateLimitState, Q> {
  const { clock = systemClock, keyOf } = parts;
  let settings = checked(options);
  let passed = 0;
  let refused = 0;
  const metrics: GlobalLimitMetrics = createGlobalLimitMetrics(parts, () => leases.awayMs > 0);
  const leases = new TokenLeases(parts.tokens, { clock, metrics, settings: () => settings });

  function decide<T, R>({ next, request, call }: Asked<T, R>, waitMs: number): Promise<R> {
    if (waitMs > 0) return refuse(waitMs);
    passed += 1;
    return next(request, call);
  }

  function refuse(retryAfterMs: number): Promise<never> {
    refused += 1;
    metrics.refused.add();
    if (leases.isAway && settings.whenAway === "closed")
      return Promise.reject(
        refusal(policyReasons.LIMIT_UNKNOWN, "Expected to learn what is left of the limit, could not.", { retryAfterMs }),
      );
    const message = `Expected at most ${settings.perSecond} calls a second of all instances, found more.`;
    return Promise.reject(refusal(policyReasons.RATE_LIMITED, message, { retryAfterMs }));
  }

  return {
    state: () => ({
      mode: leases.isAway ? settings.whenAway : "global",
      awayMs: leases.awayMs,
      keys: leases.keys,
      passed,
      refused,
      takes: metrics.takes,
      failedTakes: metrics.failedTakes,
    }),
    apply(changed) {
      settings = checked(changed);
    },
    layer: (next) => (request, call) => {
      const waits = leases.take(keyOf?.(request, call) ?? "");
      // Nearly always the tokens are here, and nothing is waited for.
      if (typeof waits === "number") return decide({ next, request, call }, waits);
      return answerUntilEnded(waits, call).then((waitMs) => decide({ next, request, call }, waitMs));
    },
  };
}

interface Asked<Q, R> {
  readonly next: Service<Q, R>;
  readonly request: Q;
  readonly call: Call;
}

function checked(options: GlobalRateLimitOptions): Required<GlobalRateLimitOptions> {
  const { perSecond, burst = Math.max(1, perSecond), leaseMax = Math.max(1, Math.ceil(perSecond / 10)), timeoutMs = 50 } = options;
  const { whenAway = "local", localShare = 0.1, retryMs = 500, keysMax = 10_000 } = options;
  expectRanges({ perSecond: [perSecond, 0.001, 1e9], burst: [burst, 1, 1e9], leaseMax: [leaseMax, 1, 1e6] });
  expectRanges({ timeoutMs: [timeoutMs, 1, 60_000], localShare: [localShare, 0, 1], retryMs: [retryMs, 10, 600_000] });
  expectRanges({ keysMax: [keysMax, 1, 1e6] });
  return { perSecond, burst, leaseMax: Math.min(leaseMax, burst), timeoutMs, whenAway, localShare, retryMs, keysMax };
}
