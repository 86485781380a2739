import {
  BidiStreamRequest,
  ClientStreamRequest,
  ConformancePayload_RequestInfo,
  Header,
  IdempotentUnaryRequest,
  ServerStreamRequest,
  UnaryRequest,
} from "#suites/connectrpc/conformance/v1/service.weir.ts";
import type { Error as SuiteError } from "#suites/connectrpc/conformance/v1/service.weir.ts";
import type { MessageType } from "@weir/kit/contract";
import type { Any } from "@weir/kit/contract/well-known";
import { anyFrom, messageFromAny } from "@weir/kit/contract/well-known";

/** Whatever of the suite's messages holds messages in turn: a request says an error with details, what came of a call repeats requests. */
export interface HoldsAny {
  responseDefinition?:
    | { readonly response?: { readonly case?: string; readonly value?: unknown }; readonly error?: SuiteError }
    | undefined;
  requests?: Any[];
}

const known = [
  UnaryRequest,
  IdempotentUnaryRequest,
  ServerStreamRequest,
  ClientStreamRequest,
  BidiStreamRequest,
  ConformancePayload_RequestInfo,
  Header,
] as unknown as readonly MessageType<HoldsAny>[];

/** An Any in both forms, when it holds a message of the suite: it may come in one protocol's form and leave in another's. */
export function completed(any: Any): Any {
  for (const type of known) {
    const message = messageFromAny(type, any);
    if (message !== undefined) return completeAnyFrom(type, message);
  }
  return any;
}

/** A message in an Any, what it holds in turn completed first. */
export function completeAnyFrom<T extends HoldsAny>(type: MessageType<T>, message: T): Any {
  complete(message);
  return anyFrom(type, message);
}

/** Completes in place what a message holds. */
export function complete(message: HoldsAny): void {
  const { response, error } = message.responseDefinition ?? {};
  for (const one of [error, response?.case === "error" ? (response.value as SuiteError) : undefined]) {
    if (one !== undefined) one.details = one.details.map(completed);
  }
  if (message.requests) message.requests = message.requests.map(completed);
}
