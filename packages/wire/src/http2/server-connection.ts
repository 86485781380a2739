import { countRefusal } from "../counters.ts";
import type { Body, HeaderList, HttpHandler } from "../http.ts";
import type { Peer } from "../http1/exchange.ts";
import type { ConnectionOutput } from "../http1/output.ts";
import { refusalFrom } from "../http1/serialise.ts";
import type { ServerSettings } from "../options.ts";
import { WireError, wireReasons } from "../reasons.ts";
import { connectionFault, type ConnectionFault, errorCodes } from "./fault.ts";
import { frameFault } from "./frame.ts";
import { headerReasons } from "./header-blocks.ts";
import { TrailerFields } from "./message-fields.ts";
import { http2Reasons } from "./reasons.ts";
import { RequestHeadReader, type RequestHead } from "./request-head.ts";
import { ServerAnswers } from "./server-answers.ts";
import { Session } from "./session.ts";
import type { HeaderBlock, SessionRole } from "./session-role.ts";
import { settingIds } from "./settings.ts";
import { StreamBody } from "./stream-body.ts";
import { leave, Stream, type StreamOwner } from "./stream.ts";

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const idMax = 0x7fff_ffff;
const drainPing = new Uint8Array([0x77, 0x65, 0x69, 0x72, 0x64, 0x72, 0x61, 0x6e]);

/**
 * One HTTP/2 connection of a server, as a state machine: tell it what happens (`receive`, `end`, `drained`, `closed`), and
 * it calls the handler and the output. It never throws.
 */
export class Http2ServerConnection implements SessionRole, StreamOwner {
  readonly peer: Peer;
  readonly #settings: ServerSettings;
  readonly #session: Session;
  readonly #heads: RequestHeadReader;
  readonly #answers: ServerAnswers;
  readonly #trailers: TrailerFields;
  #prefaceAt = 0;
  #served = 0;
  /** `told`: the client knows that no more streams are wanted; `last`: which was the last. */
  #drain: "no" | "told" | "last" = "no";
  #drainMs = Infinity;
  #idleMs = Infinity;
  #bytesCounted = 0;

  constructor(handler: HttpHandler, settings: ServerSettings, ends: { output: ConnectionOutput; peer: Peer }) {
    const { limits, http2, timeouts, clock, wheel } = settings;
    this.peer = ends.peer;
    this.#settings = settings;
    const { headerMs, writeIdleMs, lingerMs } = timeouts;
    this.#session = new Session(
      this,
      {
        client: false,
        limits: http2,
        messages: limits,
        clock,
        wheel,
        headerMs,
        writeIdleMs,
        lingerMs,
        blocksReason: headerReasons.response,
      },
      ends.output,
    );
    this.#answers = new ServerAnswers(handler, settings, this.#session);
    this.#heads = new RequestHeadReader(this.#session.decoder, limits);
    this.#trailers = new TrailerFields(limits.trailerBytesMax, true);
    this.#session.open([
      [settingIds.streamsMax, http2.streamsMax],
      [settingIds.enableConnectProtocol, 1],
    ]);
    this.#rest();
  }

  /** Bytes came, up to `end`. None are kept uncopied, so `borrowed` makes no difference. */
  receive(bytes: Uint8Array, end: number = bytes.length, _borrowed = false): void {
    this.#settings.counters.bytesRead += end;
    let at = 0;
    for (; this.#prefaceAt < preface.length && at < end; at += 1, this.#prefaceAt += 1) {
      if (bytes[at] === preface.charCodeAt(this.#prefaceAt)) continue;
      const message = "expected the preface of HTTP/2, found something else";
      this.#session.fail(connectionFault(errorCodes.PROTOCOL_ERROR, http2Reasons.PREFACE_INVALID, message));
      return;
    }
    if (at < end) this.#session.receive(bytes, at, end);
  }

  /** The other side has ended its direction: HTTP/2 cannot go on with half a connection. */
  end(): void {
    if (this.#session.isClosed) return;
    this.#session.ending = true;
    this.#session.outbox.flush();
    this.closed();
    this.#session.destroy();
  }

  drained(): void {
    this.#session.drained();
  }

  /** The connection is gone. */
  closed(): void {
    if (this.#session.isClosed) return;
    this.#countBytes();
    const error = new WireError(wireReasons.CLIENT_GONE, "expected an open connection, found it closed");
    this.#session.closed(() => error);
  }

  /** Finish what has been asked, then close. The client is told twice: first that it should stop, then what was the last. */
  shut(): void {
    const session = this.#session;
    if (this.#drain !== "no" || session.ending || session.isClosed) return;
    this.#drain = "told";
    session.goAway(errorCodes.NO_ERROR, "", idMax);
    session.sendPing(drainPing);
    this.#drainMs = this.#settings.clock.monotonicMs() + this.#settings.timeouts.lingerMs;
    this.#tickBy(this.#drainMs);
  }

  isIdle(id: number): boolean {
    return (id & 1) === 0 || id > this.#session.inbox.lastPeerId;
  }

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
    if (this.#drain === "last") {
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
    const stream = new Stream(this, { receive: session.inbox.streamWindow, send: session.peer.initialWindowSize });
    stream.id = id;
    stream.request = head;
    stream.headOnly = head.method === "HEAD";
    session.streams.set(id, stream);
    this.#served += 1;
    if (this.#served === this.#settings.limits.requestsPerConnectionMax) this.shut();
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
      this.deliver(stream, undefined);
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

  deliver(stream: Stream, body: Body): void {
    this.#idleMs = Infinity;
    this.#answers.deliver(stream, body);
  }

  head(stream: Stream): "none" | "more" | "end" {
    return this.#answers.head(stream);
  }

  trailers(stream: Stream, trailers: HeaderList): boolean {
    return this.#answers.trailers(stream, trailers);
  }

  ended(stream: Stream): void {
    this.#answers.ended(stream);
  }

  switched(stream: Stream): void {
    this.#answers.switched(stream);
  }

  awaited(stream: Stream): void {
    if (stream.continueOwed === "yes") {
      stream.continueOwed = "now";
      this.#answers.queued(stream);
    }
    if (stream.upgrade !== undefined) return;
    const { clock, timeouts } = this.#settings;
    const nowMs = clock.monotonicMs();
    if (stream.requestMs === Infinity) stream.requestMs = nowMs + timeouts.requestMs;
    stream.deadlineMs = Math.min(nowMs + timeouts.bodyIdleMs, stream.requestMs);
    this.#session.arm(stream.deadlineMs);
  }

  returned(stream: Stream, bytes: number): void {
    this.#session.inbox.returned(stream, bytes);
  }

  abandoned(stream: Stream): void {
    // The answer may still come; what else the client sends is thrown away as it arrives, its window not renewed.
    stream.deadlineMs = Infinity;
    if (stream.upgrade !== undefined) this.#answers.cut(stream);
  }

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

  stalled(stream: Stream): void {
    const { reason } = http2Reasons.WINDOW_STALLED;
    countRefusal(this.#settings.counters, reason);
    const error = new WireError(wireReasons.CLIENT_GONE, "expected the client to read its answer, found its window shut");
    stream.cancel();
    this.#session.reset(stream, errorCodes.CANCEL, error);
  }

  remoteEnded(_stream: Stream): void {}

  givenUp(_stream: Stream, _error: WireError): void {}

  discarded(stream: Stream): void {
    if (stream.remoteEnded) this.#answers.finished(stream);
    else if (stream.discardedBytes > this.#settings.limits.unreadBytesMax) this.#answers.dismiss(stream);
  }

  bodyTooLarge(stream: Stream): void {
    const { bodyBytesMax } = this.#settings.limits;
    this.#refuse(stream, new WireError(wireReasons.BODY_TOO_LARGE, `expected a body of at most ${bodyBytesMax} bytes, found more`));
  }

  malformed(stream: Stream, error: WireError): void {
    countRefusal(this.#settings.counters, error.reason);
    stream.cancel();
  }

  resetByPeer(stream: Stream, _errorCode: number): void {
    stream.cancel();
    this.#session.forget(stream, new WireError(wireReasons.CLIENT_GONE, "expected the whole request, found the stream reset"));
  }

  forgotten(stream: Stream, _error: WireError): void {
    if (stream.asked) {
      this.#answers.orphans += 1;
      stream.cancel();
    }
    if (stream.response !== undefined && stream.headOwed) leave(stream.response.body);
    if (this.#session.streams.size === 0) this.#rest();
  }

  goneAway(_lastId: number, _errorCode: number): void {
    this.shut();
  }

  pinged(): void {
    if (this.#drain === "told") this.#tellLast();
  }

  settled(): void {}

  broken(fault: ConnectionFault): void {
    countRefusal(this.#settings.counters, fault.reason.reason);
    const error = new WireError(wireReasons.CLIENT_GONE, "expected a connection by the rules, found them broken");
    for (const stream of this.#session.streams.values()) {
      stream.cancel();
      this.#session.forget(stream, error);
    }
  }

  received(): void {
    this.#countBytes();
  }

  tick(nowMs: number): void {
    if (nowMs >= this.#drainMs) this.#tellLast();
    if (nowMs >= this.#idleMs) {
      this.#idleMs = Infinity;
      this.shut();
    }
    this.#tickBy(Math.min(this.#drainMs, this.#idleMs));
  }

  /** Answers in place of the handler, or cuts the stream when an answer has begun. */
  #refuse(stream: Stream, error: WireError): void {
    countRefusal(this.#settings.counters, error.reason);
    stream.deadlineMs = Infinity;
    stream.body?.fail(error);
    if (stream.response !== undefined) {
      stream.cancel();
      this.#session.reset(stream, errorCodes.CANCEL, error);
      return;
    }
    stream.refused = true;
    stream.mode = "none";
    const body = Buffer.from(refusalFrom(error));
    this.#answers.respond(stream, { status: error.status, headers: ["content-type", "application/json"], body });
  }

  #streamFault(stream: Stream, errorCode: number, error: WireError): void {
    this.#session.streamFault(stream.id, errorCode, error.reason);
    this.malformed(stream, error);
    this.#session.forget(stream, error);
  }

  #tellLast(): void {
    this.#drainMs = Infinity;
    if (this.#drain !== "told") return;
    this.#drain = "last";
    this.#session.goAway(errorCodes.NO_ERROR);
    this.#session.outbox.flushSoon();
    if (this.#session.streams.size === 0) this.#session.finish();
  }

  /** No stream is open. */
  #rest(): void {
    if (this.#drain === "last") {
      // The last frames of the last stream are still being put together.
      process.nextTick(() => {
        if (this.#session.streams.size === 0) this.#session.finish();
      });
      return;
    }
    this.#idleMs = this.#settings.clock.monotonicMs() + this.#settings.timeouts.idleMs;
    this.#tickBy(this.#idleMs);
  }

  #tickBy(atMs: number): void {
    if (atMs >= this.#session.tickMs) return;
    this.#session.tickMs = atMs;
    this.#session.arm(atMs);
  }

  #countBytes(): void {
    const { bytes } = this.#session.outbox;
    this.#settings.counters.bytesWritten += bytes - this.#bytesCounted;
    this.#bytesCounted = bytes;
  }
}
