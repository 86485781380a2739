import type { Call, Logger } from "../call.ts";
import type { MethodDescriptor } from "../contract/contract.ts";
import type { Layer, Message } from "../service.ts";
import { layered } from "../service.ts";
import type { BulkheadOptions } from "./bulkhead.ts";
import { createBulkhead } from "./bulkhead.ts";
import type { EffectivePolicy, PolicySource } from "./effective-policy.ts";
import { effectivePolicy } from "./effective-policy.ts";
import type { Lane } from "./lane.ts";
import type { LoadSheddingOptions } from "./load-shedding.ts";
import { createLoadShedding } from "./load-shedding.ts";
import type { LoopWatch } from "./loop-watch.ts";
import type { PolicyDrafts } from "./method-policy.ts";
import { policiesFrom } from "./policy-keys.ts";
import type { SetPart } from "./policy-set.ts";
import { bulkheadOptions, PolicySet, rateOptions } from "./policy-set.ts";
import { type MethodPolicyState, valuesOfSide } from "./policy-state.ts";
import type { Policy, PolicyParts } from "./policy.ts";
import { createRateLimit } from "./rate-limit.ts";

type MessageLayer = Layer<Message<unknown>, Message<unknown>>;

/** What the policies of a server are made of beside contracts. */
export interface ServerPoliciesOptions extends PolicyParts {
  /** What code says of methods, before any configuration. Default nothing. */
  readonly policies?: PolicyDrafts;
  /** From where on calls are shed. False for never; default as `createLoadShedding` has it. */
  readonly shedding?: LoadSheddingOptions | false;
  /** Calls of all methods under way: urgent ones go first, and callers take turns. Default no bound. */
  readonly places?: BulkheadOptions;
  /** The loop of this process, for shedding. Default none: the loop is then no signal. */
  readonly loop?: LoopWatch;
  readonly log?: Logger;
}

/** What guards one method where it is answered. */
export interface ServedGuard {
  /** Outside of everything: what cannot be done in time is not even authenticated. */
  readonly admission: MessageLayer;
  /** Within authentication, which knows whose call it is, and outside of validation. */
  readonly limits: MessageLayer;
}

/** The policies of everything that an app serves. */
export interface ServerPolicies {
  guard(method: MethodDescriptor): ServedGuard;
  /** Finds out whether a configuration can be; the answer takes it, which then cannot fail. Throws POLICY_INVALID. */
  plan(configuration: PolicyDrafts): () => void;
  /** Every method that was asked for, in the order of asking. */
  state(): readonly MethodPolicyState[];
  /** What all methods share: shedding, places. */
  shared(): Readonly<Record<string, unknown>>;
}

/**
 * Policies of a server, in the order admission (shedding, then places by lane) → authentication → rate → the method's own bulkhead →
 * validation → handler. Throws POLICY_INVALID and POLICY_OPTION_INVALID.
 */
export function createServerPolicies(options: ServerPoliciesOptions = {}): ServerPolicies {
  const { name = "server", shedding = {}, places } = options;
  const code: PolicySource = { from: "code", drafts: policiesFrom(options.policies ?? {}) };
  let sources: readonly PolicySource[] = [code];
  const guards = new Map<string, ServerGuard>();
  const laneOf = (_: unknown, call: Call): Lane => guards.get(call.method)?.lane ?? "normal";
  const isCritical = (_: unknown, call: Call): boolean => guards.get(call.method)?.method.critical === true;
  const common = { ...options, name };
  const held = places && createBulkhead(places, { ...common, laneOf, callerOf });
  // Work that waits for a place is the queue whose age tells of too much.
  const queueAgeMs = held && ((): number => held.state().waitedMs);
  const shed =
    shedding === false ? undefined : createLoadShedding(shedding, { ...common, laneOf, isCritical, ...(queueAgeMs && { queueAgeMs }) });
  const admission: MessageLayer[] = [shed?.layer, held?.layer].filter((layer) => layer !== undefined);

  return {
    guard(method) {
      const known = guards.get(method.path);
      const guard = known ?? new ServerGuard(method, common);
      if (!known) guard.apply(effectivePolicy(method, sources));
      guards.set(method.path, guard);
      return { admission: (next) => layered(next, admission), limits: (next) => guard.around(next) };
    },
    plan(configuration) {
      const changed = [code, { from: "configuration", drafts: policiesFrom(configuration) }];
      const found = [...guards.values()].map((guard) => [guard, effectivePolicy(guard.method, changed)] as const);
      return () => {
        for (const [guard, effective] of found) guard.apply(effective);
        sources = changed;
      };
    },
    state: () => [...guards.values()].map((guard) => guard.state(admissionOrder(shed, held))),
    shared: () => ({ ...(shed && { shedding: shed.state() }), ...(held && { places: held.state() }) }),
  };
}

function admissionOrder(shed: unknown, held: unknown): string[] {
  return [...(shed ? ["shedding"] : []), ...(held ? ["places"] : [])];
}

/** Whose call it is: proven if it can be, else where it comes from. The port tells connections apart, not callers. */
function callerOf(_: unknown, { peer }: Call): string {
  const colon = peer.address.lastIndexOf(":");
  return peer.identity ?? (colon === -1 ? peer.address : peer.address.slice(0, colon));
}

/** The policies of one method where it is answered. */
class ServerGuard {
  readonly method: MethodDescriptor;
  readonly #given: PolicyParts & { readonly name: string };
  readonly #set = new PolicySet();
  #effective: EffectivePolicy | undefined;
  #layers: readonly MessageLayer[] = [];
  lane: Lane = "normal";

  constructor(method: MethodDescriptor, given: PolicyParts & { readonly name: string }) {
    this.method = method;
    this.#given = given;
  }

  apply(effective: EffectivePolicy): void {
    const { server } = effective.policy;
    const parts = { ...this.#given, name: `${this.#given.name} ${this.method.path}` };
    const { per } = server.rate;
    this.lane = server.lane;
    this.#layers = this.#set.apply([
      this.#ratePart(per, rateOptions(server.rate)),
      // Within the rate: what may not go yet holds no place.
      this.#set.part("bulkhead", bulkheadOptions(server.bulkhead), (options) => createBulkhead(options, { ...parts, callerOf })),
    ]);
    this.#effective = effective;
  }

  around(next: Parameters<MessageLayer>[0]): ReturnType<MessageLayer> {
    let [layers, service] = [this.#layers, layered(next, this.#layers)];
    return (request, call) => {
      if (layers !== this.#layers) [layers, service] = [this.#layers, layered(next, this.#layers)];
      return service(request, call);
    };
  }

  state(admission: readonly string[]): MethodPolicyState {
    const order = [...admission, ...this.#set.order];
    const values = valuesOfSide("server", this.#effective);
    return { side: "server", target: this.#given.name, method: this.method.path, order, values, parts: this.#set.states() };
  }

  /** One bucket for all is another policy than one for each: what one has seen says nothing of the other. */
  #ratePart(per: "all" | "peer", options: ReturnType<typeof rateOptions>): SetPart {
    const parts = { ...this.#given, name: `${this.#given.name} ${this.method.path}` };
    const create = (wanted: NonNullable<typeof options>): Policy<NonNullable<typeof options>, unknown> =>
      per === "peer" ? createRateLimit(wanted, { ...parts, keyOf: callerOf }) : createRateLimit(wanted, parts);
    return this.#set.part(per === "peer" ? "rate by peer" : "rate", options, create);
  }
}
