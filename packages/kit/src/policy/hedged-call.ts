import type { Call } from "../call.ts";
import type { Clock } from "../clock.ts";
import type { Code, Fault } from "../fault.ts";
import { fault, faultFrom } from "../fault.ts";
import type { Service } from "../service.ts";
import type { LatencyWindow } from "./latency-window.ts";
import { policyReasons } from "./reasons.ts";
import type { RetryBudget } from "./retry-budget.ts";
import { whenOver } from "./stream-message.ts";

/** What hedging counts. */
export interface HedgeMetrics {
  sent: number;
  won: number;
  lost: number;
  /** A further attempt ended. */
  ended(method: string, won: boolean): void;
  refused(method: string): void;
}

/** How calls are hedged. */
export interface HedgeRules {
  readonly clock: Clock;
  readonly budget: RetryBudget;
  readonly latencies: LatencyWindow;
  readonly metrics: HedgeMetrics;
  readonly attemptsMax: number;
  delayMs(): number;
  isFatal(code: Code): boolean;
}

interface Attempt {
  readonly call: Call;
  readonly beganMs: number;
  readonly isHedge: boolean;
}

/** One call with all its attempts. A class as it holds their calls and a timer. */
export class HedgedCall<Q, R> {
  readonly #asked: { readonly next: Service<Q, R>; readonly request: Q; readonly call: Call };
  readonly #rules: HedgeRules;
  readonly #settle: { resolve(answer: R): void; reject(reason: Fault): void };
  readonly #running = new Set<Attempt>();
  #made = 0;
  #over = false;
  #last: Fault | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(
    asked: { readonly next: Service<Q, R>; readonly request: Q; readonly call: Call },
    rules: HedgeRules,
    settle: { resolve(answer: R): void; reject(reason: Fault): void },
  ) {
    this.#asked = asked;
    this.#rules = rules;
    this.#settle = settle;
  }

  /** Sends the first attempt. */
  begin(): void {
    this.#asked.call.onEnd(this.#leave);
    if (this.#over) return;
    this.#send();
    this.#arm(this.#rules.delayMs());
  }

  readonly #leave = (reason: Fault): void => {
    this.#end();
    this.#settle.reject(reason);
  };

  #send(): void {
    const { next, request, call } = this.#asked;
    // Not `attempt: true`: what several attempts are replied at a time must not mix.
    const attempt: Attempt = { call: call.child({ metadata: call.metadata }), beganMs: this.#nowMs(), isHedge: this.#made > 0 };
    this.#made += 1;
    this.#running.add(attempt);
    next(request, attempt.call).then(
      (answer) => this.#answered(attempt, answer),
      (thrown: unknown) => this.#failed(attempt, thrown),
    );
  }

  #arm(delayMs: number): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    if (this.#made >= this.#rules.attemptsMax || delayMs >= this.#asked.call.remainingMs()) return;
    this.#stopTimer = this.#rules.clock.after(delayMs, () => {
      this.#stopTimer = undefined;
      if (this.#sendMore() || this.#running.size > 0 || !this.#last) return;
      this.#end();
      this.#settle.reject(this.#last);
    });
  }

  /** Sends a further attempt if there may be one, and says whether. */
  #sendMore(): boolean {
    if (this.#over || this.#made >= this.#rules.attemptsMax) return false;
    if (!this.#rules.budget.withdraw()) {
      this.#rules.metrics.refused(this.#asked.call.method);
      return false;
    }
    this.#rules.metrics.sent += 1;
    this.#send();
    this.#arm(this.#rules.delayMs());
    return true;
  }

  #answered(attempt: Attempt, answer: R): void {
    if (this.#over) return;
    this.#running.delete(attempt);
    this.#observe(attempt, true);
    this.#end();
    this.#hand(attempt);
    this.#settle.resolve(
      whenOver(answer, attempt.call, () => {
        if (attempt.call.hasReplyTrailers) this.#asked.call.replyTrailers.push(...attempt.call.replyTrailers);
        attempt.call.finish();
      }),
    );
  }

  #failed(attempt: Attempt, thrown: unknown): void {
    if (this.#over) return;
    const found = (this.#last = faultFrom(thrown));
    this.#running.delete(attempt);
    attempt.call.finish();
    if (attempt.isHedge) this.#rules.metrics.ended(this.#asked.call.method, false);
    const mayGoOn = !this.#rules.isFatal(found.code) && this.#goOn(found);
    if (mayGoOn) return;
    this.#end();
    this.#hand(attempt);
    if (attempt.call.hasReplyTrailers) this.#asked.call.replyTrailers.push(...attempt.call.replyTrailers);
    this.#settle.reject(found);
  }

  /** Whether another attempt runs or will. */
  #goOn(found: Fault): boolean {
    if (found.retryAfterMs === undefined) return this.#sendMore() || this.#running.size > 0;
    this.#arm(found.retryAfterMs);
    return this.#stopTimer !== undefined || this.#running.size > 0;
  }

  /** Aborts what still runs: each attempt by its own signal. */
  #end(): void {
    this.#over = true;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#asked.call.offEnd(this.#leave);
    for (const loser of this.#running) {
      this.#observe(loser, false);
      loser.call.cancel(fault(policyReasons.HEDGE_LOST, "Another attempt of the same call was answered first."));
    }
    this.#running.clear();
  }

  /** What was cut off took at least as long: without it the percentile would only ever fall. */
  #observe(attempt: Attempt, won: boolean): void {
    this.#rules.latencies.add(this.#nowMs() - attempt.beganMs);
    if (attempt.isHedge) this.#rules.metrics.ended(this.#asked.call.method, won);
  }

  #hand(attempt: Attempt): void {
    const { replyMetadata } = attempt.call;
    if (replyMetadata.length > 0) this.#asked.call.replyMetadata.push(...replyMetadata);
  }

  #nowMs(): number {
    return this.#rules.clock.monotonicMs();
  }
}
