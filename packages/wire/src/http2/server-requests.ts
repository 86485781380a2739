import { countRefusal } from "../counters.ts";
import type { Body } from "../http.ts";
import { refusalFrom } from "../http1/serialise.ts";
import type { ServerSettings } from "../options.ts";
import { WireError, wireReasons } from "../reasons.ts";
import { connectionFault, errorCodes } from "./fault.ts";
import { frameFault } from "./frame.ts";
import { TrailerFields } from "./message-fields.ts";
import { http2Reasons } from "./reasons.ts";
import { RequestHeadReader, type RequestHead } from "./request-head.ts";
import type { ServerAnswers } from "./server-answers.ts";
import type { Session } from "./session.ts";
import type { HeaderBlock } from "./session-role.ts";
import { StreamBody } from "./stream-body.ts";
import { Stream, type StreamOwner } from "./stream.ts";

/** The connection that the requests come on. */
export interface ServerRequestsOwner extends StreamOwner {
  deliver(stream: Stream, body: Body): void;
  malformed(stream: Stream, error: WireError): void;
  shut(): void;
}

/** Takes the requests of one connection, and refuses those that it cannot take. */
export class ServerRequests {
  /** Requests so far. */
  served = 0;
  /** The client has been told which request was the last: later ones are refused. */
  refusing = false;
  readonly #owner: ServerRequestsOwner;
  readonly #settings: ServerSettings;
  readonly #session: Session;
  readonly #answers: ServerAnswers;
  readonly #heads: RequestHeadReader;
  readonly #trailers: TrailerFields;

  constructor(owner: ServerRequestsOwner, settings: ServerSettings, parts: { readonly session: Session; readonly answers: ServerAnswers }) {
    this.#owner = owner;
    this.#settings = settings;
    this.#session = parts.session;
    this.#answers = parts.answers;
    this.#heads = new RequestHeadReader(parts.session.decoder, settings.limits);
    this.#trailers = new TrailerFields(settings.limits.trailerBytesMax, true);
  }

  /** As `SessionRole` has it. */
  headers(block: HeaderBlock): void {
    const session = this.#session;
    const { id } = block;
    if ((id & 1) === 0) throw frameFault(`HEADERS of a client on an odd stream, found ${id}`);
    if (id <= session.inbox.lastPeerId) {
      this.#headersAgain(block);
      return;
    }
    session.inbox.lastPeerId = id;
    const head = this.#heads.read(block.bytes, block);
    if (this.refusing) {
      session.resetId(id, errorCodes.REFUSED_STREAM);
      return;
    }
    const { streamsMax } = this.#settings.http2;
    if (session.streams.size + this.#answers.orphans >= streamsMax) {
      countRefusal(this.#settings.counters, http2Reasons.STREAMS_TOO_MANY.reason);
      // A client that knows the limit breaks the rules; one that has just cancelled pays for that elsewhere.
      if (session.confirmed && session.streams.size >= streamsMax) {
        session.streamFault(id, errorCodes.REFUSED_STREAM, http2Reasons.STREAMS_TOO_MANY.reason);
      } else session.resetId(id, errorCodes.REFUSED_STREAM);
      return;
    }
    this.#begin(id, head, block.endStream);
  }

  #begin(id: number, head: RequestHead, endStream: boolean): void {
    const session = this.#session;
    if (head.malformed !== undefined) {
      countRefusal(this.#settings.counters, head.malformed.reason);
      session.streamFault(id, errorCodes.PROTOCOL_ERROR, http2Reasons.HEADER_FIELDS_INVALID.reason);
      return;
    }
    if (endStream && head.contentLength > 0) {
      countRefusal(this.#settings.counters, http2Reasons.BODY_LENGTH_MISMATCH.reason);
      session.streamFault(id, errorCodes.PROTOCOL_ERROR, http2Reasons.BODY_LENGTH_MISMATCH.reason);
      return;
    }
    const stream = new Stream(this.#owner, { receive: session.inbox.streamWindow, send: session.peer.initialWindowSize });
    stream.id = id;
    stream.request = head;
    stream.headOnly = head.method === "HEAD";
    session.streams.set(id, stream);
    this.served += 1;
    if (this.served === this.#settings.limits.requestsPerConnectionMax) this.#owner.shut();
    if (head.refusal !== undefined) {
      stream.remoteEnded = endStream;
      this.#refuse(stream, head.refusal);
      return;
    }
    if (head.upgrade !== undefined) {
      stream.upgrade = head.upgrade;
      stream.mode = "duplex";
      stream.body = new StreamBody(stream);
      stream.remoteEnded = endStream;
      if (endStream) stream.body.finish(undefined);
      this.#owner.deliver(stream, undefined);
      return;
    }
    if (head.expectsContinue && !endStream) stream.continueOwed = "yes";
    session.inbox.begin(stream, head.contentLength, endStream);
  }

  /** A second header block on a stream: its trailers, or a mistake. */
  #headersAgain(block: HeaderBlock): void {
    const session = this.#session;
    const { id } = block;
    const stream = session.streams.get(id);
    const fields = this.#trailers;
    fields.begin();
    session.decoder.decode(block.bytes, block, fields);
    if (stream === undefined) {
      if (session.wasReset(id)) return;
      throw connectionFault(errorCodes.STREAM_CLOSED, http2Reasons.STREAM_STATE_INVALID, `expected no HEADERS on closed stream ${id}`);
    }
    if (stream.remoteEnded) {
      this.#streamFault(
        stream,
        errorCodes.STREAM_CLOSED,
        new WireError(http2Reasons.STREAM_STATE_INVALID, "expected no HEADERS after the end"),
      );
    } else if (!block.endStream || stream.mode === "duplex") {
      this.#streamFault(
        stream,
        errorCodes.PROTOCOL_ERROR,
        new WireError(http2Reasons.HEADER_FIELDS_INVALID, "expected trailers to end the stream"),
      );
    } else if (fields.malformed !== undefined) {
      this.#streamFault(stream, errorCodes.PROTOCOL_ERROR, fields.malformed);
    } else if (fields.tooLong) {
      const { trailerBytesMax } = this.#settings.limits;
      stream.remoteEnded = true;
      this.#refuse(
        stream,
        new WireError(wireReasons.TRAILERS_TOO_LARGE, `expected trailers of at most ${trailerBytesMax} bytes, found more`),
      );
    } else session.inbox.end(stream, fields.trailers.length > 0 ? fields.trailers : undefined);
  }

  /** As `SessionRole` has it. */
  awaited(stream: Stream): void {
    if (stream.continueOwed === "yes") {
      stream.continueOwed = "now";
      this.#answers.queued(stream);
    }
    if (stream.upgrade !== undefined || stream.isOpenEnded) return;
    const { clock, timeouts } = this.#settings;
    const nowMs = clock.monotonicMs();
    if (stream.requestMs === Infinity) stream.requestMs = nowMs + timeouts.requestMs;
    stream.deadlineMs = Math.min(nowMs + timeouts.bodyIdleMs, stream.requestMs);
    this.#session.arm(stream.deadlineMs);
  }

  /** As `SessionRole` has it. */
  expired(stream: Stream): void {
    if (stream.localEnded) {
      this.#answers.dismiss(stream);
      return;
    }
    const { bodyIdleMs, requestMs } = this.#settings.timeouts;
    const late = this.#settings.clock.monotonicMs() >= stream.requestMs;
    const reason = late ? wireReasons.REQUEST_TIMEOUT : wireReasons.BODY_TIMEOUT;
    this.#refuse(stream, new WireError(reason, `expected the body within ${late ? requestMs : bodyIdleMs} ms, found it unfinished`));
  }

  /** As `SessionRole` has it. */
  discarded(stream: Stream): void {
    if (!stream.localEnded) return;
    if (stream.remoteEnded) this.#answers.finished(stream);
    else if (stream.discardedBytes > this.#settings.limits.unreadBytesMax) this.#answers.dismiss(stream);
  }

  /** As `SessionRole` has it. */
  bodyTooLarge(stream: Stream): void {
    const { bodyBytesMax } = this.#settings.limits;
    this.#refuse(stream, new WireError(wireReasons.BODY_TOO_LARGE, `expected a body of at most ${bodyBytesMax} bytes, found more`));
  }

  /** Answers in place of the handler, or cuts the stream when an answer has begun. */
  #refuse(stream: Stream, error: WireError): void {
    countRefusal(this.#settings.counters, error.reason);
    stream.deadlineMs = Infinity;
    if (stream.response !== undefined) {
      stream.cancel();
      this.#session.reset(stream, errorCodes.CANCEL, error);
      return;
    }
    stream.refused = true;
    this.#session.inbox.discard(stream, error);
    const body = Buffer.from(refusalFrom(error));
    this.#answers.respond(stream, { status: error.status, headers: ["content-type", "application/json"], body });
  }

  #streamFault(stream: Stream, errorCode: number, error: WireError): void {
    this.#session.streamFault(stream.id, errorCode, error.reason);
    this.#owner.malformed(stream, error);
    this.#session.forget(stream, error);
  }
}
