import type { Logger } from "../call.ts";
import type { MethodDescriptor } from "../contract/contract.ts";
import type { Layer, Message } from "../service.ts";
import { createAttemptTimeout } from "./attempt-timeout.ts";
import type { Breaker, BreakerOptions, BreakerOverride, OverrideOptions } from "./breaker.ts";
import { createBreaker } from "./breaker.ts";
import { createBulkhead } from "./bulkhead.ts";
import { createHedging } from "./hedging.ts";
import type { EffectivePolicy } from "./effective-policy.ts";
import type { BreakerPolicy } from "./method-policy.ts";
import type { PolicyParts } from "./policy.ts";
import { invalid } from "./policy-keys.ts";
import { PolicySet } from "./policy-set.ts";
import type { MethodPolicyState } from "./policy-state.ts";
import { valuesOfSide } from "./policy-state.ts";
import { bulkheadOptions, rateOptions } from "./policy-set.ts";
import { createRateLimit } from "./rate-limit.ts";
import { createRetry } from "./retry.ts";
import type { RetryBudget } from "./retry-budget.ts";
import type { RetryBudgets } from "./retry-budgets.ts";

/** What a guard is made of beside its method. */
export interface ClientGuardParts extends PolicyParts {
  readonly name: string;
  readonly log: Logger;
  readonly budgets: RetryBudgets;
}

type MessageLayer = Layer<Message<unknown>, Message<unknown>>;

/** The policies of one method where it is called. A class as it holds their state, while what they are told changes. */
export class ClientGuard {
  readonly method: MethodDescriptor;
  readonly #given: ClientGuardParts;
  readonly #set = new PolicySet();
  #breaker: Breaker | undefined;
  #budget: RetryBudget;
  #effective: EffectivePolicy | undefined;
  /** For `createClient`: the outermost first. Another list after every change. */
  layers: readonly MessageLayer[] = [];
  timeoutMs = 0;
  /** Whether calls are made again here. */
  repeats = false;

  constructor(method: MethodDescriptor, given: ClientGuardParts) {
    this.method = method;
    this.#given = given;
    this.#budget = given.budgets.of({ attemptsMax: 1, backoffMsMin: 0, backoffMsMax: 0, budgetRatio: 0.1, budgetPerSecondMin: 1 });
  }

  /** Goes on by other policies. Puts the pipeline of a client's calls together, one policy a line. */
  apply(effective: EffectivePolicy): void {
    const { client } = effective.policy;
    const { method } = this;
    const parts = { ...this.#given, name: `${this.#given.name} ${method.path}` };
    const isIdempotent = (): boolean => method.idempotency !== "none";
    const takesStream = method.kind === "client_stream" || method.kind === "bidi_stream";
    this.#budget = this.#given.budgets.of(client.retry);
    const { attemptsMax, backoffMsMin, backoffMsMax } = client.retry;
    const hedges = client.hedge.delayMs > 0 && !takesStream && isIdempotent();
    const repeats = !hedges && !takesStream && attemptsMax > 1;
    this.layers = this.#set.apply([
      // Outside of what refuses: a refusal of this side is told at once, and a retry asks the breaker again. A stream that was sent is gone.
      this.#set.part("retry", repeats ? { attemptsMax, backoffMsMin, backoffMsMax } : undefined, (options) =>
        createRetry(options, { ...parts, isIdempotent, budget: this.#sharedBudget() }),
      ),
      // In its place: a method has one of both.
      this.#set.part("hedging", hedges ? client.hedge : undefined, (options) =>
        createHedging(options, { ...parts, isIdempotent, budget: this.#sharedBudget() }),
      ),
      // Outside of what bounds: whoever would only fail takes no place.
      this.#set.part("breaker", breakerOptions(client.breaker), (options) => this.#breakerOf(options, parts)),
      // Ahead of the places: what may not go yet holds none.
      this.#set.part("rate", rateOptions(client.rate), (options) => createRateLimit(options, parts)),
      // Around the attempt: a place is held for as long as somebody is asked.
      this.#set.part("bulkhead", bulkheadOptions(client.bulkhead), (options) => createBulkhead(options, parts)),
      // Innermost: the wait for a place is not the other side's fault.
      this.#set.part("attempt timeout", timeOf(client.attemptTimeoutMs), (options) => createAttemptTimeout(options)),
    ]);
    this.timeoutMs = client.timeoutMs;
    this.repeats = repeats || hedges;
    this.#effective = effective;
  }

  overrideBreaker(by: BreakerOverride, options?: OverrideOptions): void {
    if (!this.#breaker || !this.#set.order.includes("breaker"))
      throw invalid(this.method.path, { expected: "a method with a breaker", found: "none" });
    this.#breaker.override(by, options);
    this.#given.log.warn("an operator overrides a breaker", { target: this.#given.name, method: this.method.path, by, ...options });
  }

  state(): MethodPolicyState {
    const order = [...(this.timeoutMs > 0 ? ["total timeout"] : []), ...this.#set.order];
    const values = valuesOfSide("client", this.#effective);
    return { side: "client", target: this.#given.name, method: this.method.path, order, values, parts: this.#set.states() };
  }

  #breakerOf(options: BreakerOptions, parts: PolicyParts): Breaker {
    const { name: target, log } = this.#given;
    const onChange = (now: { readonly state: string; readonly why: string }): void =>
      log.warn("a breaker changed", { target, method: this.method.path, state: now.state, why: now.why });
    this.#breaker = createBreaker(options, { ...parts, onChange });
    return this.#breaker;
  }

  /** The budget that the policy names now, whichever it is. */
  #sharedBudget(): RetryBudget {
    const budget = (): RetryBudget => this.#budget;
    return {
      deposit: () => budget().deposit(),
      withdraw: () => budget().withdraw(),
      get balance() {
        return budget().balance;
      },
      state: () => budget().state(),
      apply: (options) => budget().apply(options),
    };
  }
}

function breakerOptions(policy: BreakerPolicy): BreakerOptions | undefined {
  const { kind, windowMs, callsMin, factor, probeMs, failureRatioMax, openMs, trialsMin } = policy;
  if (kind === "adaptive") return { kind, windowMs, callsMin, factor, probeMs };
  return kind === "classic" ? { kind, windowMs, callsMin, failureRatioMax, openMs, trialsMin } : undefined;
}

function timeOf(timeoutMs: number): { readonly timeoutMs: number } | undefined {
  return timeoutMs === 0 ? undefined : { timeoutMs };
}
