import { bulkhead, circuitBreaker, ExponentialBackoff, handleAll, retry, SamplingBreaker, timeout, TimeoutStrategy, wrap } from "cockatiel";
import CircuitBreaker from "opossum";
import type { Call } from "@weir/kit/call";
import type { Policies } from "@weir/kit/policy/policies";
import { createClient } from "@weir/kit/rpc/client";
import type { Transport } from "@weir/kit/rpc/transport";
import type { ChainClient } from "./chain.weir.ts";
import { Chain } from "./chain.weir.ts";

/** Who guards the calls from one service of the chain to the next. */
export const variants = ["none", "weir", "opossum", "cockatiel"] as const;

/** One of them. */
export type Variant = (typeof variants)[number];

/** How a service asks the next one. */
export interface Caller {
  own(call: Call): Promise<unknown>;
  deep(call: Call): Promise<unknown>;
}

/**
 * The same calls, guarded by each. Weir has its defaults. The peers have what comes nearest to them, method by method as well: as they come,
 * opossum stays open for 30 seconds and bounds nothing, and cockatiel has no defaults.
 */
export function callerOf(variant: Variant, transport: Transport, policies: Policies): Caller {
  const client = createClient(Chain, transport, variant === "weir" ? { policies: policies.client("next") } : {});
  if (variant === "opossum") return byOpossum(client);
  if (variant === "cockatiel") return byCockatiel(client);
  return { own: (call) => client.own({}, call), deep: (call) => client.deep({}, call) };
}

function byOpossum(client: ChainClient): Caller {
  const options = {
    timeout: 10_000,
    capacity: 100,
    errorThresholdPercentage: 50,
    volumeThreshold: 10,
    rollingCountTimeout: 10_000,
    resetTimeout: 1000,
  };
  const own = new CircuitBreaker((call: Call) => client.own({}, call), options);
  const deep = new CircuitBreaker((call: Call) => client.deep({}, call), options);
  return { own: (call) => own.fire(call), deep: (call) => deep.fire(call) };
}

function byCockatiel(client: ChainClient): Caller {
  const policy = (): { execute(run: () => Promise<unknown>): Promise<unknown> } =>
    wrap(
      retry(handleAll, { maxAttempts: 2, backoff: new ExponentialBackoff({ initialDelay: 50, maxDelay: 1000 }) }),
      circuitBreaker(handleAll, {
        halfOpenAfter: 1000,
        breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000, minimumRps: 1 }),
      }),
      bulkhead(100, 50),
      timeout(10_000, TimeoutStrategy.Cooperative),
    );
  const [own, deep] = [policy(), policy()];
  return { own: (call) => own.execute(() => client.own({}, call)), deep: (call) => deep.execute(() => client.deep({}, call)) };
}
