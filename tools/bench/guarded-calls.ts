import {
  bulkhead,
  circuitBreaker,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleAll,
  retry,
  timeout,
  TimeoutStrategy,
  wrap,
} from "cockatiel";
import CircuitBreaker from "opossum";
import type { MethodDescriptor } from "@weir/kit/contract";
import { createLoopWatch } from "@weir/kit/policy/node-loop-watch";
import { createPolicies } from "@weir/kit/policy/policies";
import { createClient } from "@weir/kit/rpc/client";
import type { Message, Service } from "@weir/kit/service";
import { createMetrics } from "@weir/kit/telemetry/metrics";
import type { GreetResponse } from "./hello.weir.ts";
import { Hello } from "./hello.weir.ts";

/** One way to guard a unary call from the client's function to the handler, or none. */
export interface GuardedCall {
  readonly name: string;
  readonly guards: string;
  call(name: string): Promise<GreetResponse>;
  close(): void;
}

type MessageService = Service<Message<unknown>, Message<unknown>>;

const method = Hello.methods.greet as unknown as MethodDescriptor;
const handler: MessageService = async (request) => {
  const { name } = (request as { readonly message: { readonly name: string } }).message;
  return { stream: false, message: { message: name, visits: 1, score: 0.5, returning: false, tags: [] } };
};

/** A client over nothing but its handler: what is left of a call is what policies add to. */
function clientOf(served: MessageService, policies?: Parameters<typeof createClient>[2]): (name: string) => Promise<GreetResponse> {
  const transport: Parameters<typeof createClient>[1] = (_, message, call) =>
    served(message, call) as ReturnType<typeof transport<never, never>>;
  const client = createClient(Hello, transport, policies);
  return (name) => client.greet({ name });
}

/** Nothing guards it. */
export function bareCall(): GuardedCall {
  return { name: "bare", guards: "nothing", call: clientOf(handler), close: () => undefined };
}

/** All default policies of both sides, metrics and the watch of the loop with them. */
export function weirCall(): GuardedCall {
  const loop = createLoopWatch();
  // The same work at other limits: what else the machine does may hold this process back, and a turn is not to end by that.
  const shedding = { loopDelayMs: 30_000, loopDelayMsMax: 60_000 };
  const policies = createPolicies({ metrics: createMetrics(), loop, shedding });
  const guard = policies.guard(method);
  return {
    name: "weir",
    guards: "total time-out, retry with budget, breaker, bulkhead, attempt time-out; shedding",
    call: clientOf(guard.admission(guard.limits(handler)), { policies: policies.client("hello") }),
    close: () => loop.close(),
  };
}

/** What opossum does of it: it has no retries, no budget and no total beside its one time-out. */
export function opossumCall(): GuardedCall {
  const call = clientOf(handler);
  const breaker = new CircuitBreaker(call, {
    timeout: 10_000,
    capacity: 100,
    volumeThreshold: 10,
    rollingCountTimeout: 10_000,
    rollingCountBuckets: 40,
  });
  return {
    name: "opossum",
    guards: "breaker, capacity, time-out",
    call: (name) => breaker.fire(name),
    close: () => breaker.shutdown(),
  };
}

/** The same stack by cockatiel, in the same order; it has no budget. */
export function cockatielCall(): GuardedCall {
  const call = clientOf(handler);
  const policy = wrap(
    timeout(30_000, TimeoutStrategy.Cooperative),
    retry(handleAll, { maxAttempts: 2, backoff: new ExponentialBackoff({ initialDelay: 50, maxDelay: 1000 }) }),
    circuitBreaker(handleAll, { halfOpenAfter: 1000, breaker: new ConsecutiveBreaker(10) }),
    bulkhead(100, 100),
    timeout(10_000, TimeoutStrategy.Cooperative),
  );
  return {
    name: "cockatiel",
    guards: "time-out, retry, breaker, bulkhead, time-out",
    call: (name) => policy.execute(() => call(name)),
    close: () => undefined,
  };
}

/** The contestants, each with state of its own. */
export const guardedCalls: readonly (() => GuardedCall)[] = [bareCall, weirCall, opossumCall, cockatielCall];
