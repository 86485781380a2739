import type { Logger } from "../call.ts";
import { Call } from "../call.ts";
import type { MethodDescriptor } from "../contract/contract.ts";
import type { CallGuard, CallGuards } from "../rpc/client.ts";
import { layered } from "../service.ts";
import type { BreakerOverride, OverrideOptions } from "./breaker.ts";
import { ClientGuard } from "./client-guard.ts";
import type { PolicySource } from "./effective-policy.ts";
import { effectivePolicy } from "./effective-policy.ts";
import type { PolicyDrafts } from "./method-policy.ts";
import type { PolicyParts } from "./policy.ts";
import { policiesFrom, invalid } from "./policy-keys.ts";
import type { MethodPolicyState } from "./policy-state.ts";
import { RetryBudgets } from "./retry-budgets.ts";

/** What the policies of a client are made of beside contracts. */
export interface ClientPoliciesOptions extends PolicyParts {
  /** What code says, before any configuration. Default nothing. */
  readonly policies?: PolicyDrafts;
  /** Told of every change of a breaker. Default silent. */
  readonly log?: Logger;
}

/**
 * The policies of everything that is called at one destination. They hold its state, so several clients of the same destination share one
 * of these, and two destinations have two.
 */
export interface ClientPolicies extends CallGuards {
  /** What the destination is called in metrics and on the admin port. */
  readonly name: string;
  /** What guards a method: `createClient(…, { policies })` asks for it. Always the same for one path. */
  guard(method: MethodDescriptor): CallGuard;
  /**
   * Takes a configuration in place of the one before, whole or not at all. What breakers and budgets have seen stays. Throws POLICY_INVALID with
   * every value that cannot be.
   */
  apply(configuration: PolicyDrafts): void;
  /** The first half of `apply`: finds out whether it can be. The answer takes it, which then cannot fail. */
  plan(configuration: PolicyDrafts): () => void;
  /** Every method that was asked for, in the order of asking. */
  state(): readonly MethodPolicyState[];
  /** An operator's word over the breaker of a method. Throws POLICY_INVALID for a method that has none. */
  overrideBreaker(method: string, by: BreakerOverride, options?: OverrideOptions): void;
}

const silent = new Call().log;

/**
 * Policies for `createClient`, in the order total time-out → retry within a budget, or hedging → breaker → rate → bulkhead → attempt time-out
 * → call. Defaults stand in docs/policies.md; contract, code and configuration say otherwise, in this order. Throws POLICY_INVALID.
 * @example const feed = createClient(Feed, transport, { policies: createClientPolicies({ name: "feed" }) });
 */
export function createClientPolicies(options: ClientPoliciesOptions = {}): ClientPolicies {
  const { name = "default", log = silent } = options;
  const code: PolicySource = { from: "code", drafts: policiesFrom(options.policies ?? {}) };
  let sources: readonly PolicySource[] = [code];
  const guards = new Map<string, ClientGuard>();
  const budgets = new RetryBudgets(options);

  function guardOf(method: MethodDescriptor): ClientGuard {
    const known = guards.get(method.path);
    if (known) return known;
    const guard = new ClientGuard(method, { ...options, name, log, budgets });
    guard.apply(effectivePolicy(method, sources));
    guards.set(method.path, guard);
    return guard;
  }

  function plan(configuration: PolicyDrafts): () => void {
    const changed = [code, { from: "configuration", drafts: policiesFrom(configuration) }];
    // All are put together before the first is changed: one that cannot be changes none.
    const found = [...guards.values()].map((guard) => [guard, effectivePolicy(guard.method, changed)] as const);
    return () => {
      for (const [guard, effective] of found) guard.apply(effective);
      sources = changed;
    };
  }

  return {
    name,
    guard(method) {
      const guard = guardOf(method);
      return {
        get timeoutMs() {
          return guard.timeoutMs;
        },
        layer: (next) => {
          let [layers, service] = [guard.layers, layered(next, guard.layers)];
          return (request, call) => {
            // A change counts from the next call on; those under way end as they began.
            if (layers !== guard.layers) [layers, service] = [guard.layers, layered(next, guard.layers)];
            if (guard.repeats) call.isRetried = true;
            return service(request, call);
          };
        },
      };
    },
    apply: (configuration) => plan(configuration)(),
    plan,
    state: () => [...guards.values()].map((guard) => guard.state()),
    overrideBreaker(method, by, given) {
      const guard = guards.get(method);
      if (!guard) throw invalid("method", { expected: `one of ${[...guards.keys()].join(", ") || "none yet"}`, found: method });
      guard.overrideBreaker(by, given);
    },
  };
}
