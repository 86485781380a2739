import type { Call } from "../call.ts";
import type { MethodDescriptor, ServiceDescriptor } from "../contract/contract.ts";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { Layer, Message, Service } from "../service.ts";
import { layered } from "../service.ts";
import { validationLayer } from "./validation-layer.ts";

/** A contract bound to the functions that answer it. */
export interface Implementation {
  readonly descriptor: ServiceDescriptor;
  /** In the order of the contract. */
  readonly methods: readonly BoundMethod[];
}

/** One method of an implementation, its layers already around it. */
export interface BoundMethod {
  readonly descriptor: MethodDescriptor;
  readonly service: Service<Message<unknown>, Message<unknown>>;
}

/** What `implement` may be told beside the handlers. */
export interface ImplementOptions {
  /** Around every method of this service, first outermost. They guard unary calls and streams alike. Default none. */
  readonly layers?: readonly Layer<Message<unknown>, Message<unknown>>[];
  /** Whether requests that break rules of the contract (`buf.validate`) are refused, inside of all layers. Default true. */
  readonly validates?: boolean;
}

type Handler = (input: unknown, call: Call) => unknown;

/**
 * Binds plain functions to a contract. A unary handler is `async (request, call) => answer`, a server stream
 * `async function* (request, call)`; client streams get an AsyncIterable as request. Handlers may use `this`.
 * Throws HANDLER_MISSING or HANDLER_UNKNOWN, naming the method.
 * @example const feed = implement(Feed, { async page({ userId }, call) { … } });
 */
export function implement<Handlers extends object>(
  descriptor: ServiceDescriptor<Handlers, unknown>,
  handlers: NoInfer<Handlers>,
  options: ImplementOptions = {},
): Implementation {
  const methods = Object.values(descriptor.methods);
  const known = new Set(methods.map((method) => method.localName));
  const unknown = handlerNames(handlers).find((name) => !known.has(name));
  if (unknown !== undefined) throw fault(kitReasons.HANDLER_UNKNOWN, `${descriptor.typeName} has no method "${unknown}".`);
  return { descriptor, methods: methods.map((method) => bindMethod(method, handlers, options)) };
}

function bindMethod(method: MethodDescriptor, handlers: object, options: ImplementOptions): BoundMethod {
  const found = (handlers as Record<string, unknown>)[method.localName];
  if (typeof found !== "function") {
    throw fault(kitReasons.HANDLER_MISSING, `Expected a function "${method.localName}" for ${method.path}, found ${typeof found}.`);
  }
  const handler: Handler = (input, call) => (found as Handler).call(handlers, input, call);
  const validation = options.validates === false ? undefined : validationLayer(method.input);
  const layers = [...(options.layers ?? []), ...(validation ? [validation] : [])];
  return { descriptor: method, service: layered(serviceFromHandler(method, handler), layers) };
}

function serviceFromHandler(method: MethodDescriptor, handler: Handler): Service<Message<unknown>, Message<unknown>> {
  const takesStream = method.kind === "client_stream" || method.kind === "bidi_stream";
  const input = (request: Message<unknown>): unknown => {
    if (request.stream !== takesStream)
      throw fault(kitReasons.HANDLER_ANSWER_INVALID, `${method.path} was given the other kind of message.`);
    return request.stream ? request.messages : request.message;
  };
  if (method.kind === "unary" || method.kind === "client_stream") {
    return (request, call) => {
      // By hand and not async: one promise less for every call.
      try {
        const answer = handler(input(request), call);
        return (answer instanceof Promise ? answer : Promise.resolve(answer)).then(singleMessage);
      } catch (thrown) {
        return Promise.reject(thrown as Error);
      }
    };
  }
  return async (request, call) => ({ stream: true, messages: handler(input(request), call) as AsyncIterable<unknown> });
}

function singleMessage(message: unknown): Message<unknown> {
  return { stream: false, message };
}

/** Own functions, and for an instance of a class those of its prototypes; private and constructor names don't count. */
function handlerNames(handlers: object): string[] {
  return Object.entries(handlers)
    .filter(([, value]) => typeof value === "function")
    .map(([name]) => name);
}
