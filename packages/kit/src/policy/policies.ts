import type { MethodDescriptor } from "../contract/contract.ts";
import type { BreakerOverride } from "./breaker.ts";
import type { ClientPolicies } from "./client-policies.ts";
import { createClientPolicies } from "./client-policies.ts";
import type { PolicyDrafts } from "./method-policy.ts";
import { policiesFrom, invalid } from "./policy-keys.ts";
import type { MethodPolicyState } from "./policy-state.ts";
import type { ServedGuard, ServerPolicies, ServerPoliciesOptions } from "./server-policies.ts";
import { createServerPolicies } from "./server-policies.ts";

/** An operator's word over a breaker. */
export interface BreakerWord {
  /** What is called, as `client` was told. */
  readonly target: string;
  /** "/weir.feed.v1.Feed/Page". */
  readonly method: string;
  readonly by: BreakerOverride;
  /** Why; shown and logged. */
  readonly reason: string;
  /** After which the breaker judges by itself again. Default until the next word. */
  readonly forMs?: number;
}

/** Everything that guards a process: what it serves and what it calls. */
export interface Policies {
  /**
   * For the clients of one destination: `createClient(Recall, transport, { policies: app.policies.client("recall") })`. The same for the same
   * name, with the state that it has.
   */
  client(name: string): ClientPolicies;
  /** For what serves. */
  guard(method: MethodDescriptor): ServedGuard;
  /**
   * Takes a configuration in place of the one before, for what is served and called, whole or not at all; a subscriber of a configuration may
   * let what it throws pass. What policies have seen stays, and calls under way end as they began. Throws POLICY_INVALID with every value that cannot be.
   */
  apply(configuration: PolicyDrafts): void;
  /** Every method that is served or called. */
  state(): readonly MethodPolicyState[];
  /** What all served methods share: shedding, places. */
  shared(): Readonly<Record<string, unknown>>;
  /** Throws POLICY_INVALID when there is no such breaker. */
  overrideBreaker(word: BreakerWord): void;
}

/** No configuration yet. Throws POLICY_INVALID for what code says, and POLICY_OPTION_INVALID for shedding and places. */
export function createPolicies(options: ServerPoliciesOptions = {}): Policies {
  const server: ServerPolicies = createServerPolicies(options);
  const clients = new Map<string, ClientPolicies>();
  let configuration: PolicyDrafts = {};
  return {
    client(name) {
      const known = clients.get(name);
      if (known) return known;
      const made = createClientPolicies({ ...options, name });
      made.apply(configuration);
      clients.set(name, made);
      return made;
    },
    guard: (method) => server.guard(method),
    apply(changed) {
      policiesFrom(changed);
      const plans = [server, ...clients.values()].map((one) => one.plan(changed));
      for (const take of plans) take();
      configuration = changed;
    },
    state: () => [...server.state(), ...[...clients.values()].flatMap((one) => one.state())],
    shared: () => server.shared(),
    overrideBreaker({ target, method, by, ...given }) {
      const client = clients.get(target);
      if (!client) throw invalid("target", { expected: `one of ${[...clients.keys()].join(", ") || "none yet"}`, found: target });
      client.overrideBreaker(method, by, given);
    },
  };
}
