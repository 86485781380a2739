import { ClientResponseResult } from "#suites/connectrpc/conformance/v1/client_compat.weir.ts";
import type { ClientCompatRequest } from "#suites/connectrpc/conformance/v1/client_compat.weir.ts";
import { StreamType } from "#suites/connectrpc/conformance/v1/config.weir.ts";
import { ConformancePayload, ConformanceService } from "#suites/connectrpc/conformance/v1/service.weir.ts";
import type { Call, CallOptions } from "@weir/kit/call";
import type { MessageType, MethodDescriptor } from "@weir/kit/contract";
import { messageFromAny } from "@weir/kit/contract/well-known";
import { faultFrom } from "@weir/kit/fault";
import { createClient } from "@weir/kit/rpc/client";
import type { Transport } from "@weir/kit/rpc/transport";
import type { Layer, Message } from "@weir/kit/service";
import type { HoldsAny } from "./complete-any.ts";
import { complete } from "./complete-any.ts";
import { headersFromMetadata, metadataFromHeaders } from "./metadata-headers.ts";
import { errorFromFault } from "./suite-errors.ts";

interface Answer {
  readonly payload?: ConformancePayload | undefined;
}

/** Every method of the suite's client as one of four kinds. */
type Asking = (input: unknown, call: CallOptions) => Promise<Answer> | AsyncIterable<Answer>;

/** Makes the call that a case describes and says what came of it. Rejects only when the case cannot be understood. */
export async function performCall(asked: ClientCompatRequest, transport: Transport): Promise<ClientResponseResult> {
  const performance = new Performance(asked);
  const client = createClient(ConformanceService, transport, { layers: [performance.watch], timeoutMs: Infinity });
  const methods = client as unknown as Readonly<Record<string, Asking>>;
  const method = methodOf(asked);
  const ask = methods[method.localName] as Asking;
  const input = requestsOf(asked, method.input);
  await performance.run((given, call) => ask(given, call), {
    input,
    streams: method.kind === "client_stream" || method.kind === "bidi_stream",
  });
  return performance.result();
}

function methodOf({ method }: ClientCompatRequest): MethodDescriptor {
  const found = Object.values(ConformanceService.methods).find(({ name }) => name === method);
  if (found === undefined) throw new Error(`expected a method of ${ConformanceService.typeName}, found ${method}`);
  return found as MethodDescriptor;
}

function requestsOf(asked: ClientCompatRequest, type: MessageType<unknown>): unknown[] {
  return asked.requestMessages.map((any) => {
    const message = messageFromAny(type, any);
    if (message === undefined) throw new Error(`expected a ${type.typeName}, found ${any.typeUrl}`);
    complete(message as HoldsAny);
    return message;
  });
}

/** One call under way. A class because it holds the call, to cancel it when the case says so. */
class Performance {
  readonly #asked: ClientCompatRequest;
  readonly #payloads: ConformancePayload[] = [];
  readonly #result: ClientResponseResult = ClientResponseResult.create();
  #call: Call | undefined;
  #sent = 0;
  #wake: (() => void) | undefined;

  constructor(asked: ClientCompatRequest) {
    this.#asked = asked;
  }

  /** The call as the transport sees it: what it is told of headers and trailers stands there. */
  readonly watch: Layer<Message<unknown>, Message<unknown>> = (next) => (message, call) => {
    this.#call = call;
    return next(message, call);
  };

  async run(ask: Asking, { input, streams }: { readonly input: readonly unknown[]; readonly streams: boolean }): Promise<void> {
    const { requestHeaders, timeoutMs } = this.#asked;
    const options: CallOptions = { metadata: metadataFromHeaders(requestHeaders), timeoutMs };
    try {
      const answering = ask(streams ? this.#requests(input) : input[0], options);
      if (!streams) this.#cancelAfterClose();
      if (answering instanceof Promise) this.#take(await answering);
      else for await (const answer of answering) this.#take(answer);
    } catch (thrown) {
      this.#result.error = errorFromFault(faultFrom(thrown));
    }
    if (streams) this.#result.numUnsentRequests = input.length - this.#sent;
  }

  result(): ClientResponseResult {
    const { replyMetadata = [], replyTrailers = [] } = this.#call ?? {};
    const responseHeaders = headersFromMetadata(replyMetadata);
    return { ...this.#result, payloads: this.#payloads, responseHeaders, responseTrailers: headersFromMetadata(replyTrailers) };
  }

  #take({ payload }: Answer): void {
    if (payload?.requestInfo) complete(payload.requestInfo);
    this.#payloads.push(payload ?? ConformancePayload.create());
    const timing = this.#asked.cancel?.cancelTiming;
    if (timing?.case === "afterNumResponses" && timing.value === this.#payloads.length) this.#call?.cancel();
    this.#wake?.();
  }

  /** Full duplex sends the next request when the one before has been answered. */
  async *#requests(input: readonly unknown[]): AsyncGenerator<unknown, void, undefined> {
    const takesTurns = this.#asked.streamType === StreamType.FULL_DUPLEX_BIDI_STREAM;
    const call = this.#call as Call;
    for (const request of input) {
      if (this.#asked.requestDelayMs > 0) await call.clock.sleep(this.#asked.requestDelayMs, call.signal);
      this.#sent++;
      yield request;
      if (takesTurns) await this.#answered(this.#sent);
    }
    if (this.#asked.cancel?.cancelTiming.case === "beforeCloseSend") call.cancel();
    else this.#cancelAfterClose();
    // A call that was cancelled has no end of its requests.
    if (call.ended !== undefined) await new Promise(() => undefined);
  }

  #answered(count: number): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.#payloads.length >= count || this.#call?.ended !== undefined) resolve();
      };
      this.#wake = look;
      look();
    });
  }

  #cancelAfterClose(): void {
    const { cancel } = this.#asked;
    if (cancel === undefined) return;
    const timing = cancel.cancelTiming;
    if (timing.case !== "afterCloseSendMs" && timing.case !== undefined) return;
    setTimeout(() => this.#call?.cancel(), timing.value ?? 0);
  }
}
