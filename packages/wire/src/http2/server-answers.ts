import { countRefusal } from "../counters.ts";
import type { Body, HeaderList, HttpHandler, HttpResponse } from "../http.ts";
import { leaveAnswer } from "../http1/byte-duplex.ts";
import { leave, listenerError, unsaid, wireErrorFrom } from "../http1/writer.ts";
import type { ServerSettings } from "../options.ts";
import { WireError, wireReasons } from "../reasons.ts";
import { wholeTrailers } from "../whole-body.ts";
import { AnswerHeads } from "./answer-head.ts";
import { StreamDuplex, type DuplexOwner } from "./duplex.ts";
import { errorCodes } from "./fault.ts";
import { pump, type PumpOwner } from "./pump.ts";
import type { RequestHead } from "./request-head.ts";
import type { Session } from "./session.ts";
import type { StreamBody } from "./stream-body.ts";
import type { Stream } from "./stream.ts";

const over = new WireError(wireReasons.CLIENT_GONE, "expected an open stream, found it closed");
const bare: HttpResponse = { status: 500, headers: [] };

/** Hands the requests of one connection to the handler, and sends what it answers. */
export class ServerAnswers implements DuplexOwner, PumpOwner {
  /** Handlers that still work for streams that are over. */
  orphans = 0;
  readonly #handler: HttpHandler;
  readonly #settings: ServerSettings;
  readonly #session: Session;
  readonly #heads: AnswerHeads;

  constructor(handler: HttpHandler, settings: ServerSettings, session: Session) {
    this.#handler = handler;
    this.#settings = settings;
    this.#session = session;
    this.#heads = new AnswerHeads(session.blocks, settings.clock, settings.date);
  }

  /** Asks the handler. */
  deliver(stream: Stream, body: Body): void {
    const head = stream.request as RequestHead;
    const { counters } = this.#settings;
    const { method, target, authority, upgrade } = head;
    stream.request = undefined;
    stream.asked = true;
    counters.requestsTotal += 1;
    counters.requestsInFlight += 1;
    let answer: Promise<HttpResponse>;
    try {
      answer = Promise.resolve(this.#handler({ method, target, authority, headers: head.headers.slice(), body, upgrade }, stream));
    } catch (thrown) {
      this.#answered(stream, this.#failed(thrown));
      return;
    }
    answer.then(
      (response: HttpResponse | null | undefined) => this.#answered(stream, response ?? unsaid),
      (thrown: unknown) => this.#answered(stream, stream.over || stream.refused ? bare : this.#failed(thrown)),
    );
  }

  #answered(stream: Stream, response: HttpResponse): void {
    stream.asked = false;
    this.#settings.counters.requestsInFlight -= 1;
    if (stream.over) {
      this.orphans -= 1;
      leaveAnswer(response);
      return;
    }
    if (stream.refused) {
      leaveAnswer(response);
      return;
    }
    this.respond(stream, response);
  }

  /** Sends an answer. */
  respond(stream: Stream, response: HttpResponse): void {
    stream.response = response;
    stream.headOwed = true;
    this.#session.outbox.ready(stream);
    this.#session.outbox.flushSoon();
  }

  /** As `StreamOwner` has it. */
  listenerFailed(thrown: unknown): void {
    this.#fail(listenerError(thrown));
  }

  #failed(thrown: unknown): HttpResponse {
    this.#fail(new WireError(wireReasons.HANDLER_FAILED, "expected an answer from the handler, found a rejection", { cause: thrown }));
    return bare;
  }

  #fail(error: WireError): void {
    countRefusal(this.#settings.counters, error.reason);
    this.#settings.onFailure(error);
  }

  /** As `SessionRole` has it. */
  head(stream: Stream): "none" | "more" | "end" {
    let response = stream.response as HttpResponse;
    try {
      this.#heads.write(stream, response);
      stream.trailers = wholeTrailers(response.body);
    } catch (thrown) {
      this.#fail(wireErrorFrom(thrown));
      leaveAnswer(response);
      response = bare;
      stream.response = bare;
      this.#heads.write(stream, response);
    }
    const { body, status } = response;
    if (stream.switching) return "more";
    if (body === undefined || stream.headOnly || status === 204 || status === 304) {
      leave(body);
      return "end";
    }
    const whole = body instanceof Uint8Array ? body : body.whole;
    if (whole === undefined) {
      // A streamed answer may be made of the body that it has not asked for yet.
      void pump(stream, body as Exclude<Body, Uint8Array | undefined>, { owner: this, reason: wireReasons.RESPONSE_INVALID });
      return "more";
    }
    stream.push(whole);
    stream.finish(stream.trailers);
    return whole.length === 0 && stream.trailers === undefined ? "end" : "more";
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

  /** As `SessionRole` has it. */
  ended(stream: Stream): void {
    if (stream.remoteEnded) {
      this.#session.forget(stream, over);
      return;
    }
    // The rest of the request is thrown away for a moment: not all clients bear a reset behind a whole answer (RFC 9113 §8.1).
    this.#session.inbox.discard(stream, over);
    stream.deadlineMs = this.#settings.clock.monotonicMs() + this.#settings.timeouts.lingerMs;
    this.#session.arm(stream.deadlineMs);
  }

  /** The rest of a request that has been answered is whole. */
  finished(stream: Stream): void {
    this.#session.forget(stream, over);
  }

  /** The rest of a request that has been answered is too long. */
  dismiss(stream: Stream): void {
    this.#session.reset(stream, errorCodes.NO_ERROR, over);
  }

  /** As `SessionRole` has it. */
  switched(stream: Stream): void {
    const { response } = stream;
    const duplex = new StreamDuplex(stream, stream.body as StreamBody, this);
    try {
      response?.takeOver?.(duplex);
    } catch (thrown) {
      this.#fail(wireErrorFrom(thrown));
      duplex.destroy();
    }
  }

  queued(stream: Stream): void {
    this.#session.outbox.ready(stream);
    this.#session.outbox.flushSoon();
  }

  cut(stream: Stream): void {
    this.#session.reset(stream, errorCodes.CANCEL, over);
  }

  pumpFailed(stream: Stream, thrown: unknown): void {
    const error = wireErrorFrom(thrown);
    this.#fail(error);
    this.#session.reset(stream, resetCodeOf(error), error);
  }
}

/**
 * How an answer that broke off is reset: a proxy passes on what its origin said. Two codes would be lies behind the head of
 * an answer: that all is well, and that nothing has been done.
 */
function resetCodeOf({ http2Code }: WireError): number {
  const known = http2Code !== undefined && http2Code !== errorCodes.NO_ERROR && http2Code !== errorCodes.REFUSED_STREAM;
  return known ? http2Code : errorCodes.INTERNAL_ERROR;
}
