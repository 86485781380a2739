import type { Clock } from "../clock.ts";
import { fault } from "../fault.ts";
import type { GlobalLimitMetrics } from "./global-limit-metrics.ts";
import type { GlobalRateLimitOptions } from "./global-rate-limit.ts";
import { policyReasons } from "./reasons.ts";
import type { TokenGrant, TokenSource } from "./token-source.ts";

/** What leases go by. */
export interface TokenLeasesParts {
  readonly clock: Clock;
  readonly metrics: GlobalLimitMetrics;
  settings(): Required<GlobalRateLimitOptions>;
}

/** What this instance holds of one key. */
interface Lease {
  tokens: number;
  /** Until then the shared bucket is known to be empty. */
  emptyUntilMs: number;
  /** Calls that wait for tokens. */
  waiting: number;
  /** While the source is being asked; never rejects. */
  filling: Promise<void> | undefined;
  /** How many to take: doubled while they are spent quickly, halved while they are not. */
  size: number;
  filledMs: number;
  /** The bucket of this instance alone, while the source is away. */
  ownTokens: number;
  ownMs: number;
}

/** A source that is empty is asked again after this share of the time in which its bucket fills, at most so many milliseconds. */
const pollMsMax = 25;
/** Tokens that last less than this were too few, more than twice as long too many. */
const lastMs = 50;

/** Tokens that this instance has taken of each key and not yet spent. */
export class TokenLeases {
  readonly #source: TokenSource;
  readonly #parts: TokenLeasesParts;
  readonly #leases = new Map<string, Lease>();
  #awaySinceMs: number | undefined;
  #askedAgainMs = 0;

  constructor(source: TokenSource, parts: TokenLeasesParts) {
    this.#source = source;
    this.#parts = parts;
  }

  get keys(): number {
    return this.#leases.size;
  }

  get isAway(): boolean {
    return this.#awaySinceMs !== undefined;
  }

  get awayMs(): number {
    return this.#awaySinceMs === undefined ? 0 : this.#nowMs() - this.#awaySinceMs;
  }

  /** 0 when a token was taken, else how long until one may be there; a promise when the source must be asked for that. */
  take(key: string): number | Promise<number> {
    const lease = this.#leaseOf(key);
    const known = this.#takeKnown(key, lease);
    return known ?? this.#takeWhenFilled(key, lease);
  }

  async #takeWhenFilled(key: string, lease: Lease): Promise<number> {
    lease.waiting += 1;
    try {
      for (;;) {
        await (lease.filling ??= this.#fill(key, lease));
        const known = this.#takeKnown(key, lease);
        if (known !== undefined) return known;
      }
    } finally {
      lease.waiting -= 1;
    }
  }

  /** Undefined when the source must be asked first. */
  #takeKnown(key: string, lease: Lease): number | undefined {
    const nowMs = this.#nowMs();
    if (lease.tokens >= 1) {
      lease.tokens -= 1;
      // Fetched ahead, so that hardly a call waits for the source.
      if (lease.tokens < lease.size / 2 && !lease.filling && nowMs >= lease.emptyUntilMs && !this.isAway) this.#fillAhead(key, lease);
      return 0;
    }
    if (this.isAway) {
      if (nowMs >= this.#askedAgainMs && !lease.filling) this.#fillAhead(key, lease);
      return this.#takeOwn(lease, nowMs);
    }
    return nowMs < lease.emptyUntilMs ? Math.ceil(lease.emptyUntilMs - nowMs) : undefined;
  }

  #fillAhead(key: string, lease: Lease): void {
    this.#askedAgainMs = this.#nowMs() + this.#parts.settings().retryMs;
    lease.filling = this.#fill(key, lease);
  }

  /** Asks the source once. */
  async #fill(key: string, lease: Lease): Promise<void> {
    const { clock, metrics } = this.#parts;
    const { perSecond, burst, leaseMax, timeoutMs } = this.#parts.settings();
    const spentMs = clock.monotonicMs() - lease.filledMs;
    if (spentMs < lastMs) lease.size = Math.min(leaseMax, lease.size * 2);
    else if (spentMs > 2 * lastMs) lease.size = Math.max(1, lease.size / 2);
    const wanted = Math.max(1, Math.min(leaseMax, Math.max(Math.ceil(lease.size), lease.waiting)) - lease.tokens);
    try {
      const grant = await this.#inTime(this.#source.take(key, { wanted, perSecond, burst }), timeoutMs);
      const nowMs = clock.monotonicMs();
      lease.tokens += grant.granted;
      lease.filledMs = nowMs;
      // Whoever asks the moment a token is there asks for each one; and by chance no instance is always first.
      const pollMs = Math.min(pollMsMax, (burst * 500) / perSecond) * (0.5 + clock.random() / 2);
      if (grant.granted < wanted) lease.emptyUntilMs = nowMs + Math.max(grant.retryAfterMs, pollMs);
      this.#awaySinceMs = undefined;
      metrics.took(grant.granted > 0 ? "granted" : "empty");
    } catch {
      metrics.took("failed");
      this.#awaySinceMs ??= clock.monotonicMs();
      this.#askedAgainMs = clock.monotonicMs() + this.#parts.settings().retryMs;
    } finally {
      lease.filling = undefined;
    }
  }

  /** The grant, or a Fault when it takes too long. What is granted later is lost: the limit is kept rather than used up. */
  #inTime(grant: Promise<TokenGrant>, timeoutMs: number): Promise<TokenGrant> {
    return new Promise((resolve, reject) => {
      const stop = this.#parts.clock.after(timeoutMs, () =>
        reject(fault(policyReasons.LIMIT_UNKNOWN, `Expected tokens within ${timeoutMs} ms, found none.`)),
      );
      grant.then(resolve, reject).finally(stop);
    });
  }

  #takeOwn(lease: Lease, nowMs: number): number {
    const { whenAway, perSecond, burst, localShare, retryMs } = this.#parts.settings();
    if (whenAway === "open") return 0;
    if (whenAway === "closed" || localShare === 0) return Math.max(1, Math.ceil(Math.min(retryMs, this.#askedAgainMs - nowMs)));
    const rate = (perSecond * localShare) / 1000;
    lease.ownTokens = Math.min(Math.max(1, burst * localShare), lease.ownTokens + (nowMs - lease.ownMs) * rate);
    lease.ownMs = nowMs;
    if (lease.ownTokens < 1) return Math.max(1, Math.ceil((1 - lease.ownTokens) / rate));
    lease.ownTokens -= 1;
    return 0;
  }

  #leaseOf(key: string): Lease {
    const known = this.#leases.get(key);
    if (known) {
      if (this.#leases.size === 1) return known;
      // The Map's order is by last use.
      this.#leases.delete(key);
      this.#leases.set(key, known);
      return known;
    }
    const nowMs = this.#nowMs();
    const own = { ownTokens: 1, ownMs: nowMs };
    const lease: Lease = { tokens: 0, emptyUntilMs: 0, waiting: 0, filling: undefined, size: 1, filledMs: nowMs, ...own };
    this.#leases.set(key, lease);
    if (this.#leases.size > this.#parts.settings().keysMax) {
      const [oldest] = this.#leases.keys();
      if (oldest !== undefined) this.#leases.delete(oldest);
    }
    return lease;
  }

  #nowMs(): number {
    return this.#parts.clock.monotonicMs();
  }
}
