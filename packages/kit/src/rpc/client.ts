import type { CallOptions } from "../call.ts";
import { Call } from "../call.ts";
import type { MethodDescriptor, ServiceDescriptor } from "../contract/contract.ts";
import type { Fault } from "../fault.ts";
import { fault, faultFrom } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { Layer, Message, Service } from "../service.ts";
import { layered } from "../service.ts";
import { mapped } from "./mapped.ts";
import type { Transport } from "./transport.ts";
import { leftIfLate, untilEnded } from "./until-ended.ts";

/** What `createClient` may be told beside contract and transport. */
export interface ClientOptions {
  /** Around every call, first outermost; for each call of a stream as well. Default none. */
  readonly layers?: readonly Layer<Message<unknown>, Message<unknown>>[];
  /** What guards each method, within the layers; its times stand in place of `timeoutMs`. From `createClientPolicies`. Default nothing. */
  readonly policies?: CallGuards;
  /**
   * Time for a call that answers one message, when it neither brings a deadline, nor inherits one, nor has one in its contract.
   * Default 30,000. Streams of answers have none.
   */
  readonly timeoutMs?: number;
}

/** Guards calls, method by method. */
export interface CallGuards {
  guard(method: MethodDescriptor): CallGuard;
}

/** What guards the calls of one method. */
export interface CallGuard {
  readonly layer: Layer<Message<unknown>, Message<unknown>>;
  /** Time for the whole call as it is now, for a call that says no other; 0 for none. */
  readonly timeoutMs: number;
}

/** The second argument of every client method: the call being served (its deadline is inherited), or options for a new one. */
export type ClientCall = Call | CallOptions;

type AnyService = Service<Message<unknown>, Message<unknown>>;

/**
 * The generated client of a contract over a transport. A unary method answers a promise, a server stream an AsyncIterable that
 * calls when it is first read and cancels when the loop is left. Everything rejects with a Fault and nothing waits forever.
 * @example const feed = createClient(Feed, createFetchTransport({ baseUrl: "/" }));
 */
export function createClient<Client>(
  descriptor: ServiceDescriptor<unknown, Client>,
  transport: Transport,
  options: ClientOptions = {},
): Client {
  const methods: Record<string, unknown> = {};
  for (const method of Object.values(descriptor.methods)) methods[method.localName] = clientMethod(method, transport, options);
  return methods as Client;
}

function clientMethod(method: MethodDescriptor, transport: Transport, options: ClientOptions): unknown {
  const guard = options.policies?.guard(method);
  const layers = [...(options.layers ?? []), ...(guard ? [guard.layer] : [])];
  const service = layered<Message<unknown>, Message<unknown>>((message, call) => transport(method, message, call), layers);
  const timeoutMs = method.timeoutMs ?? options.timeoutMs ?? 30_000;
  const begin = (given: ClientCall | undefined, unguardedMs: number | undefined): Call =>
    guard ? guardedCall(method, given, guard.timeoutMs || undefined) : clientCall(method, given, unguardedMs);
  const takesStream = method.kind === "client_stream" || method.kind === "bidi_stream";
  const create = (partial: unknown): unknown => method.input.create(partial as Partial<unknown>);
  const messageFrom = (input: unknown): Message<unknown> =>
    takesStream ? { stream: true, messages: mapped(input as AsyncIterable<unknown>, create) } : { stream: false, message: create(input) };
  if (method.kind === "unary" || method.kind === "client_stream") {
    return (input: unknown, given?: ClientCall) => callOnce(service, messageFrom(input), begin(given, timeoutMs));
  }
  return (input: unknown, given?: ClientCall) =>
    openStream(
      service,
      () => messageFrom(input),
      () => begin(given, method.timeoutMs),
    );
}

/** The answer, the fault, or the end of the call, whichever is first: also when a layer or the transport never settles. */
function callOnce(service: AnyService, message: Message<unknown>, call: Call): Promise<unknown> {
  return answerOf(call, () => service(message, call)).then(
    (answer: Message<unknown> | undefined) => {
      if (answer?.stream !== false) throw failed(call, wrongKind(call, "one message", "something else"));
      call.finish();
      return answer.message;
    },
    (thrown: unknown) => {
      throw failed(call, thrown);
    },
  );
}

/** The Fault of a call that has failed for its caller. Whatever of it is still on its way ends: a layer may have failed, and not what it is around. */
function failed(call: Call, thrown: unknown): Fault {
  const found = faultFrom(thrown);
  call.cancel(found);
  return found;
}

/** Each iteration is a call of its own. Leaving the loop cancels it, also while a message is still being waited for. */
function openStream(service: AnyService, message: () => Message<unknown>, begin: () => Call): AsyncIterable<unknown> {
  return {
    [Symbol.asyncIterator]() {
      const call = begin();
      let messages: Promise<AsyncIterator<unknown>> | AsyncIterator<unknown> | undefined;
      const open = async (): Promise<AsyncIterator<unknown>> => {
        const answer = await answerOf(call, async () => leftIfLate(await service(message(), call), call));
        if (!answer.stream) throw wrongKind(call, "a stream", "one message");
        return (messages = untilEnded(answer.messages, call)[Symbol.asyncIterator]());
      };
      const next = async (): Promise<IteratorResult<unknown>> => {
        try {
          messages ??= open();
          const result = await (messages instanceof Promise ? await messages : messages).next();
          if (result.done === true) call.finish();
          return result;
        } catch (thrown) {
          throw failed(call, thrown);
        }
      };
      return {
        next,
        return() {
          // What waits for a message hears of the end; the transport leaves the answer.
          call.cancel();
          return Promise.resolve({ done: true, value: undefined });
        },
      };
    },
  };
}

/** What `ask` answers, or the end of the call. Nothing is asked for a call that has ended. */
function answerOf<T>(call: Call, ask: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    call.onEnd(reject);
    if (call.ended === undefined) ask().then(resolve, reject);
  });
}

function wrongKind(call: Call, expected: string, found: string): Fault {
  return fault(kitReasons.HANDLER_ANSWER_INVALID, `Expected ${expected} from ${call.method}, found ${found}.`);
}

/** A child of the call given, or a call of its own; the default time holds only where nobody said another. */
function clientCall(method: MethodDescriptor, given: ClientCall | undefined, timeoutMs: number | undefined): Call {
  if (given !== undefined && isCall(given)) {
    const inherited = given.deadlineMs !== Infinity;
    return given.child({ method: method.path, timeoutMs: inherited ? undefined : timeoutMs });
  }
  const inherited = given?.parent !== undefined && given.parent.deadlineMs !== Infinity;
  return new Call({ ...given, method: method.path, timeoutMs: given?.timeoutMs ?? (inherited ? undefined : timeoutMs) });
}

/** The same under a policy: who inherits a deadline gets the shorter of both, and only who says a time of its own may have more. */
function guardedCall(method: MethodDescriptor, given: ClientCall | undefined, timeoutMs: number | undefined): Call {
  if (given !== undefined && isCall(given)) return given.child({ method: method.path, timeoutMs });
  return new Call({ ...given, method: method.path, timeoutMs: given?.timeoutMs ?? timeoutMs });
}

function isCall(given: ClientCall): given is Call {
  return "child" in given && typeof given.child === "function";
}
