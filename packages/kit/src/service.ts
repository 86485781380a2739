import type { Call } from "./call.ts";

/**
 * The one noun. Handlers, clients, gateway routes, saga steps and bench targets all have this type.
 * It answers, or rejects with a Fault (any other rejection becomes one at the edge, see `faultFrom`).
 */
export type Service<Q, R> = (request: Q, call: Call) => Promise<R>;

/** The one adverb: takes a Service and gives one that does more. It sees request, answer, error and time together. */
export type Layer<Q, R> = (next: Service<Q, R>) => Service<Q, R>;

/** A long-running part. It works until the signal aborts, then cleans up and resolves; a rejection means that it broke. */
export type Daemon = (signal: AbortSignal) => Promise<void>;

/** A judge: looks at a subject and says what it found, one Finding at a time. */
export type Check<S> = (subject: S, call: Call) => AsyncIterable<Finding>;

/** What a Check says. "unknown" is an answer: the check could not tell. */
export interface Finding {
  readonly check: string;
  readonly outcome: "pass" | "warn" | "fail" | "unknown";
  readonly message: string;
}

/**
 * What travels through an RPC Service. Streaming is a property of the message, not a second pipeline:
 * a Layer that guards a unary call guards a stream too.
 */
export type Message<T> = { readonly stream: false; readonly message: T } | { readonly stream: true; readonly messages: AsyncIterable<T> };

/**
 * Puts layers around a service; the first of the list is the outermost and sees a request first.
 * @example layered(handler, [observe, authenticate, validate])
 */
export function layered<Q, R>(service: Service<Q, R>, layers: readonly Layer<Q, R>[]): Service<Q, R> {
  return layers.reduceRight((next, layer) => layer(next), service);
}
