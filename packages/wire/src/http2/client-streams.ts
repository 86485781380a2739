import type { ClientCall, ClientResponse } from "../client-call.ts";
import type { ClientSettings } from "../client-options.ts";
import { interimMax, type Body, type HeaderList } from "../http.ts";
import { joinDuplexes } from "../http1/byte-duplex.ts";
import { leave, wireErrorFrom } from "../http1/writer.ts";
import { WireError, wireReasons } from "../reasons.ts";
import { wholeTrailers } from "../whole-body.ts";
import { StreamDuplex, type DuplexOwner } from "./duplex.ts";
import { errorCodes, errorName } from "./fault.ts";
import { pump, type PumpOwner } from "./pump.ts";
import { RequestWriter } from "./request-writer.ts";
import type { ResponseHead } from "./response-head.ts";
import type { Session } from "./session.ts";
import { StreamBody } from "./stream-body.ts";
import type { Stream } from "./stream.ts";

// Servers bear a thousand resets at once, some fewer; what is on its way may be given up too.
const cutsMax = 400;

/** The calls of one connection: their requests go out, their answers come in. */
export class ClientStreams implements DuplexOwner, PumpOwner {
  /** Number of the next stream. */
  nextId = 1;
  #cuts = 0;
  readonly #settings: ClientSettings;
  readonly #session: Session;
  readonly #writer: RequestWriter;

  constructor(settings: ClientSettings, session: Session, secure: boolean) {
    this.#settings = settings;
    this.#session = session;
    this.#writer = new RequestWriter(session.blocks, secure);
  }

  /**
   * Whether so many calls were given up that the origin may soon take it for a flood of resets: then it would end this
   * connection, with the calls of others on it. It takes no more calls, and closes when it has no use any more.
   */
  get worn(): boolean {
    return this.#cuts >= cutsMax;
  }

  /** As `SessionRole` has it. */
  head(stream: Stream): "none" | "more" | "end" {
    const call = stream.call as ClientCall;
    const { request } = call;
    try {
      this.#writer.write(request, this.#settings.authority);
      stream.trailers = wholeTrailers(request.body);
    } catch (thrown) {
      const error = wireErrorFrom(thrown);
      leave(request.body);
      this.#session.forget(stream, error);
      return "none";
    }
    stream.id = this.nextId;
    this.nextId += 2;
    this.#session.streams.set(stream.id, stream);
    call.sent = true;
    // Who may be silent for ever may also leave its window shut for ever.
    stream.isOpenEnded = call.options.bodyIdleMs === Infinity;
    const { body } = request;
    this.#wait(stream, "head", this.#headerMs(call));
    if (request.upgrade !== undefined) {
      stream.mode = "duplex";
      return "more";
    }
    if (body === undefined) return "end";
    if (request.headers.includes("expect")) {
      stream.continueOwed = "yes";
      this.#wait(stream, "continue", this.#settings.timeouts.continueMs);
    } else this.#send(stream, body);
    return stream.ending && stream.queuedBytes === 0 && stream.trailers === undefined ? "end" : "more";
  }

  /** The other side wants the body, or does not say. */
  continued(stream: Stream): void {
    if (stream.continueOwed === "no" || stream.over) return;
    stream.continueOwed = "no";
    this.#wait(stream, "head", this.#headerMs(stream.call as ClientCall));
    this.#send(stream, (stream.call as ClientCall).request.body);
    this.queued(stream);
  }

  /** An interim answer: 100 lets the body go, the others are for whoever asked. */
  interim(stream: Stream, { status, headers }: ResponseHead): void {
    const call = stream.call as ClientCall;
    stream.interimCount += 1;
    if (stream.interimCount > interimMax) {
      this.cut(stream, call.error(wireReasons.UPSTREAM_HEAD_INVALID, `expected at most ${interimMax} interim answers`));
    } else if (status === 100) this.continued(stream);
    else call.interim(status, headers);
  }

  #send(stream: Stream, body: Body): void {
    const whole = body instanceof Uint8Array ? body : body?.whole;
    if (whole === undefined) {
      void pump(stream, body as Exclude<Body, Uint8Array | undefined>, { owner: this, reason: wireReasons.REQUEST_INVALID });
      return;
    }
    stream.push(whole);
    stream.finish(stream.trailers);
  }

  /** As `SessionRole` has it. */
  trailers(stream: Stream, trailers: HeaderList): boolean {
    const { blocks } = this.#session;
    try {
      blocks.begin();
      blocks.list(trailers, true);
      return true;
    } catch (thrown) {
      this.pumpFailed(stream, thrown);
      return false;
    }
  }

  /** As `SessionRole` has it: the request is whole. */
  ended(stream: Stream): void {
    if (stream.answer === undefined) this.#wait(stream, "head", this.#headerMs(stream.call as ClientCall));
    if (stream.remoteEnded) this.complete(stream);
  }

  /** The head of an answer that is not an interim one. */
  answered(stream: Stream, head: ResponseHead): void {
    const call = stream.call as ClientCall;
    stream.answer = head;
    stream.waitsFor = "nothing";
    stream.restMs = call.deadlineMs;
    stream.deadlineMs = call.deadlineMs;
  }

  /** As `SessionRole` has it. */
  deliver(stream: Stream, body: Body): void {
    const { status, headers, contentLength } = stream.answer as ResponseHead;
    const lengthOfGet = body === undefined && contentLength > 0 ? contentLength : undefined;
    (stream.call as ClientCall).resolve({ status, headers, body, lengthOfGet });
  }

  /** A stream that the origin has agreed to hand over. */
  switch(stream: Stream): void {
    const call = stream.call as ClientCall;
    const { status, headers } = stream.answer as ResponseHead;
    const incoming = new StreamBody(stream);
    stream.body = incoming;
    stream.deadlineMs = Infinity;
    stream.restMs = Infinity;
    const duplex = new StreamDuplex(stream, incoming, this);
    const response: ClientResponse = { status, headers, duplex, takeOver: (other) => void joinDuplexes(other, duplex) };
    call.finish();
    call.resolve(response);
  }

  /** The answer is whole. */
  complete(stream: Stream): void {
    const call = stream.call as ClientCall;
    if (stream.mode === "duplex" && !stream.localEnded) return;
    call.finish();
    // Whoever answers before the request is whole does not want the rest.
    if (stream.localEnded) this.#session.forget(stream, gone);
    else this.#session.reset(stream, errorCodes.CANCEL, gone);
  }

  /** A call ends with an error; the body of its answer, if that has been handed out, does. */
  fail(stream: Stream, error: WireError): void {
    const call = stream.call as ClientCall;
    const { cause, http2Code } = error;
    const told = new WireError(error, error.message, { sent: call.sent && error.sent, answered: call.answered, cause, http2Code });
    this.#session.forget(stream, told);
  }

  /** Gives a call up: the origin is told. */
  cut(stream: Stream, error: WireError = gone): void {
    this.#cuts += 1;
    this.#session.reset(stream, errorCodes.CANCEL, error);
  }

  queued(stream: Stream): void {
    if (stream.waitsFor === "head") this.#wait(stream, "head", this.#headerMs(stream.call as ClientCall));
    this.#session.outbox.ready(stream);
    this.#session.outbox.flushSoon();
  }

  pumpFailed(stream: Stream, thrown: unknown): void {
    const call = stream.call as ClientCall;
    this.cut(stream, call.error(wireReasons.REQUEST_CANCELLED, "expected the rest of the request's body, found an error", thrown));
  }

  /** What a reset of the origin means for the call. */
  resetError(call: ClientCall, errorCode: number): WireError {
    const name = errorName(errorCode);
    if (errorCode === errorCodes.REFUSED_STREAM) {
      return new WireError(wireReasons.UPSTREAM_STREAM_REFUSED, "expected the origin to take the stream, found it refused", {
        sent: false,
        http2Code: errorCode,
      });
    }
    const message = `expected a whole answer, found the stream reset with ${name}`;
    const { sent, answered } = call;
    return new WireError(wireReasons.UPSTREAM_STREAM_RESET, message, { sent, answered, http2Code: errorCode });
  }

  /** What the passing of a stream's deadline means for the call. */
  lateError(stream: Stream): WireError {
    const call = stream.call as ClientCall;
    if (this.#settings.clock.monotonicMs() >= call.deadlineMs) {
      const { timeoutMs } = call.options;
      return call.error(wireReasons.TOTAL_TIMEOUT, `expected the answer within ${timeoutMs ?? 0} ms, found it unfinished`);
    }
    if (stream.waitsFor === "body" || stream.answer !== undefined) {
      const bodyIdleMs = this.#bodyIdleMs(call);
      return call.error(wireReasons.UPSTREAM_BODY_TIMEOUT, `expected more of the body within ${bodyIdleMs} ms, found nothing`);
    }
    return call.error(wireReasons.UPSTREAM_HEAD_TIMEOUT, `expected the answer's head within ${this.#headerMs(call)} ms, found none`);
  }

  /** What the end of the connection means. What TLS had to say is told as it is. */
  lost(cause: unknown, state: { readonly stood: boolean; readonly http2Code: number | undefined }): WireError {
    if (cause instanceof WireError && !state.stood) return cause;
    const where = `${this.#settings.host}:${this.#settings.port}`;
    const found = cause instanceof Error ? cause.message : "it closed";
    if (!state.stood) {
      const message = `expected a connection to ${where} that speaks HTTP/2, found ${found}`;
      return new WireError(wireReasons.CONNECT_FAILED, message, { cause });
    }
    const message = `expected an answer from ${where}, found ${found}`;
    return new WireError(wireReasons.CONNECTION_RESET, message, { sent: true, cause, http2Code: state.http2Code });
  }

  /** What the end of the connection means for one call. */
  cutShort(stream: Stream, error: WireError): WireError {
    const call = stream.call as ClientCall;
    const { cause, http2Code } = error;
    const options = { sent: call.sent, answered: call.answered, cause, http2Code };
    if (stream.answer === undefined || error.reason !== wireReasons.CONNECTION_RESET.reason) {
      return new WireError(error, error.message, options);
    }
    return new WireError(wireReasons.UPSTREAM_BODY_TRUNCATED, "expected the rest of the body, found the connection closed", options);
  }

  /** What a head that cannot be taken means for the call. */
  headError(stream: Stream, error: WireError): WireError {
    const tooLarge = wireReasons.UPSTREAM_HEAD_TOO_LARGE;
    const reason = error.reason === tooLarge.reason ? tooLarge : wireReasons.UPSTREAM_HEAD_INVALID;
    return (stream.call as ClientCall).error(reason, error.message);
  }

  /** Somebody waits for more of an answer's body. */
  awaited(stream: Stream): void {
    if (stream.mode !== "duplex") this.#wait(stream, "body", this.#bodyIdleMs(stream.call as ClientCall));
  }

  #bodyIdleMs(call: ClientCall): number {
    return call.options.bodyIdleMs ?? this.#settings.timeouts.bodyIdleMs;
  }

  #headerMs(call: ClientCall): number {
    return call.options.headerTimeoutMs ?? this.#settings.timeouts.headerMs;
  }

  #wait(stream: Stream, what: "head" | "continue" | "body", forMs: number): void {
    stream.waitsFor = what;
    stream.deadlineMs = Math.min(this.#settings.clock.monotonicMs() + forMs, (stream.call as ClientCall).deadlineMs);
    this.#session.arm(stream.deadlineMs);
  }
}

const gone = new WireError(wireReasons.REQUEST_CANCELLED, "expected the body to be read, found its reader gone", { sent: true });
