import type { Body, ByteDuplex, Exchange, HeaderList, HttpResponse } from "./http.ts";
import { WireError, wireReasons, type WireReason } from "./reasons.ts";

/** What a client sends. An HttpRequest of a server fits, so a proxy passes it on as it is. */
export interface ClientRequest {
  readonly method: string;
  /** Origin form, "/path?query". */
  readonly target: string;
  /** Host to name; the origin's own when it is missing or "". */
  readonly authority?: string;
  readonly headers: HeaderList;
  readonly body?: Body;
  /** Protocol to ask for. */
  readonly upgrade?: string | undefined;
}

/** What a client answers. It can be handed on as the answer of a server, a 101 too: its `takeOver` joins both connections. */
export interface ClientResponse extends HttpResponse {
  /** After a 101: the connection. Use this or `takeOver`, not both. */
  readonly duplex?: ByteDuplex | undefined;
}

/** How long a request may take and how it is given up. */
export interface RequestOptions {
  /** Gives the request up: REQUEST_CANCELLED. */
  readonly signal?: AbortSignal;
  /** Registers a listener that gives the request up, such as `(listener) => exchange.onCancel(listener)`. Cheaper than a signal. */
  readonly onCancel?: (listener: () => void) => void;
  /** For the whole exchange, to the last byte of the answer. Default none: the client's timeouts bound each step. */
  readonly timeoutMs?: number;
  /** Instead of the client's `headerMs`. */
  readonly headerTimeoutMs?: number;
  /** Instead of the client's `bodyIdleMs`. Infinity also lets an HTTP/2 origin keep its window shut. */
  readonly bodyIdleMs?: number;
  /** Hears of interim answers but 100 and 101, at most 16; an exchange of a server passes them on. Default nobody. */
  readonly interimTo?: Pick<Exchange, "interim">;
}

/** Who carries a call just now: the queue, or a connection. */
export interface CallCarrier {
  /** The call is given up: free what it holds. */
  abandon(call: ClientCall, error: WireError): void;
}

/** One request on its way, from the queue to the last byte of its answer. */
export class ClientCall {
  readonly request: ClientRequest;
  readonly options: RequestOptions;
  /** Monotonic; Infinity without `timeoutMs`. */
  readonly deadlineMs: number;
  carrier: CallCarrier | undefined;
  /** Whether a byte may have reached the other side. */
  sent = false;
  /** Whether a byte of the answer has come. */
  answered = false;
  #settled = false;
  #over = false;
  readonly #resolve: (response: ClientResponse) => void;
  readonly #reject: (error: WireError) => void;
  #onAbort: (() => void) | undefined;

  constructor(
    request: ClientRequest,
    options: RequestOptions,
    ends: { deadlineMs: number; resolve: (response: ClientResponse) => void; reject: (error: WireError) => void },
  ) {
    this.request = request;
    this.options = options;
    this.deadlineMs = ends.deadlineMs;
    this.#resolve = ends.resolve;
    this.#reject = ends.reject;
    if (options.signal !== undefined) {
      this.#onAbort = () => this.cancel();
      options.signal.addEventListener("abort", this.#onAbort, { once: true });
    }
    options.onCancel?.(() => this.cancel());
  }

  /** Whether nothing is owed any more. */
  get over(): boolean {
    return this.#over;
  }

  cancel(): void {
    if (this.#over) return;
    const error = this.error(wireReasons.REQUEST_CANCELLED, "expected to go on, found the request given up");
    const { carrier } = this;
    if (carrier === undefined) this.fail(error);
    else carrier.abandon(this, error);
  }

  /** An interim answer has come. */
  interim(status: number, headers: HeaderList): void {
    if (!this.#over && status > 101) this.options.interimTo?.interim?.(status, headers);
  }

  resolve(response: ClientResponse): void {
    this.#settled = true;
    this.#resolve(response);
  }

  /** The answer has been read to its end, or handed over. */
  finish(): void {
    this.#over = true;
    this.carrier = undefined;
    if (this.#onAbort !== undefined) this.options.signal?.removeEventListener("abort", this.#onAbort);
  }

  /** Rejects, unless the answer's head has been handed out: then its body has to fail. */
  fail(error: WireError): void {
    this.finish();
    if (!this.#settled) this.#reject(error);
    this.#settled = true;
  }

  /** An error that tells how far this call has come. */
  error(reason: WireReason, message: string, cause?: unknown): WireError {
    return new WireError(reason, message, { sent: this.sent, answered: this.answered, cause });
  }
}
