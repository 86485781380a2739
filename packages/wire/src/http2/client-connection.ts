import type { ClientCall } from "../client-call.ts";
import type { ClientSettings } from "../client-options.ts";
import type { Body, HeaderList } from "../http.ts";
import type { Peer } from "../http1/exchange.ts";
import type { ConnectionOutput } from "../http1/output.ts";
import { WireError, wireReasons } from "../reasons.ts";
import type { Http2ClientSettings } from "./client-options.ts";
import { ClientStreams } from "./client-streams.ts";
import { type ConnectionFault, errorCodes, errorName } from "./fault.ts";
import { frameFault } from "./frame.ts";
import { headerReasons } from "./header-blocks.ts";
import { TrailerFields } from "./message-fields.ts";
import { http2Reasons } from "./reasons.ts";
import { ResponseHeadReader } from "./response-head.ts";
import { Session } from "./session.ts";
import type { HeaderBlock, SessionRole } from "./session-role.ts";
import { settingIds } from "./settings.ts";
import { Stream, type StreamOwner } from "./stream.ts";

const preface = new Uint8Array(Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1"));
const pingContent = new Uint8Array([0x77, 0x65, 0x69, 0x72, 0x70, 0x69, 0x6e, 0x67]);
const idMax = 0x7fff_ffff;

/** Whom a connection tells what can be done with it. */
export interface Http2ClientOwner {
  /** It may take more calls than before. */
  roomy(connection: Http2ClientConnection): void;
  /** It will take no more calls. */
  retired(connection: Http2ClientConnection): void;
  /** It is gone; `error` says why if it never stood. */
  gone(connection: Http2ClientConnection, error: WireError): void;
}

/** One HTTP/2 connection of a client, as a state machine: tell it what happens (`opened`, `receive`, `end`, `drained`, `closed`). */
export class Http2ClientConnection implements SessionRole, StreamOwner {
  readonly peer: Peer;
  readonly #settings: ClientSettings;
  readonly #http2: Http2ClientSettings;
  readonly #owner: Http2ClientOwner;
  readonly #session: Session;
  readonly #heads: ResponseHeadReader;
  readonly #trailers: TrailerFields;
  readonly #calls: ClientStreams;
  /** Calls taken and not over, those not yet written included. */
  readonly #open = new Set<Stream>();
  /** The origin's SETTINGS have come. */
  #ready = false;
  #retired = false;
  #failure: WireError | undefined = undefined;
  /** What the origin's GOAWAY said, if one has come. */
  #goAwayCode: number | undefined = undefined;
  readonly #connectMs: number;
  #ageMs: number;
  #idleMs = Infinity;
  #readMs = 0;
  #pingedMs = Infinity;

  constructor(
    settings: ClientSettings & { readonly http2: Http2ClientSettings },
    owner: Http2ClientOwner,
    ends: { readonly output: ConnectionOutput; readonly peer: Peer },
  ) {
    const { limits, timeouts, clock, wheel, http2 } = settings;
    const { headerMs, bodyIdleMs } = timeouts;
    this.#settings = settings;
    this.#http2 = http2;
    this.#owner = owner;
    this.peer = ends.peer;
    this.#session = new Session(
      this,
      {
        client: true,
        limits: http2.limits,
        messages: limits,
        clock,
        wheel,
        headerMs,
        writeIdleMs: bodyIdleMs,
        lingerMs: 1000,
        blocksReason: headerReasons.request,
      },
      ends.output,
    );
    this.#heads = new ResponseHeadReader(this.#session.decoder, limits);
    this.#trailers = new TrailerFields(limits.trailerBytesMax, false);
    this.#calls = new ClientStreams(settings, this.#session, ends.peer.secure);
    const nowMs = clock.monotonicMs();
    this.#connectMs = nowMs + timeouts.connectMs;
    this.#ageMs = nowMs + http2.ageMs;
    this.#tickBy(Math.min(this.#connectMs, this.#ageMs));
  }

  /** How many more calls it can take now. */
  get room(): number {
    if (!this.#ready || this.#retired || this.#calls.worn || this.#session.ending || this.#session.isClosed) return 0;
    return Math.max(0, Math.min(this.#session.peer.streamsMax, this.#http2.streamsPerConnectionMax) - this.#open.size);
  }

  /** Calls on it. */
  get inFlight(): number {
    return this.#open.size;
  }

  /** Whether it is gone, or going, without ever having taken calls. */
  get neverStood(): boolean {
    return !this.#ready;
  }

  /** Whether it may still come to take calls. */
  get connecting(): boolean {
    return !this.#ready && !this.#retired;
  }

  /** Takes a call. Only when there is room. */
  send(call: ClientCall): void {
    const { inbox, peer, outbox } = this.#session;
    const stream = new Stream(this, { receive: inbox.streamWindow, send: peer.initialWindowSize });
    stream.call = call;
    stream.headOnly = call.request.method === "HEAD";
    stream.headOwed = true;
    call.carrier = stream;
    if (this.#open.size === 0) {
      this.#readMs = this.#settings.clock.monotonicMs();
      this.#idleMs = Infinity;
      this.#tickBy(this.#readMs + this.#http2.pingMs);
    }
    this.#open.add(stream);
    if (call.request.upgrade !== undefined && !peer.enableConnectProtocol) {
      const message = "expected an origin that allows extended CONNECT, found one that does not";
      this.#calls.fail(stream, call.error(wireReasons.REQUEST_INVALID, message));
      return;
    }
    outbox.ready(stream);
    outbox.flushSoon();
  }

  /** The socket stands: says the preface. */
  opened(): void {
    this.#session.outbox.preface(preface);
    this.#session.open([[settingIds.enablePush, 0]]);
  }

  /** Bytes came, up to `end`. None are kept uncopied, so `borrowed` makes no difference. */
  receive(bytes: Uint8Array, end: number = bytes.length, _borrowed = false): void {
    this.#readMs = this.#settings.wheel.coarseMs();
    if (this.#pingedMs !== Infinity) {
      // The tick was set for a PING that stays unanswered, which may be later than the next one is due.
      this.#pingedMs = Infinity;
      this.#tickBy(this.#readMs + this.#http2.pingMs);
    }
    this.#session.receive(bytes, 0, end);
  }

  end(): void {
    this.closed(undefined);
    this.#session.destroy();
  }

  drained(): void {
    this.#session.drained();
  }

  /** The connection is gone; `cause` is the platform's error. */
  closed(cause?: unknown): void {
    const session = this.#session;
    if (session.isClosed) return;
    const error = this.#failure ?? this.#calls.lost(cause, { stood: this.#ready, http2Code: this.#goAwayCode });
    session.closed((stream) => this.#calls.cutShort(stream, error));
    for (const stream of this.#open) session.forget(stream, this.#calls.cutShort(stream, error));
    this.#owner.gone(this, error);
  }

  /** Takes no more calls; closes when the last is over. The origin is told. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#owner.retired(this);
    this.#restIfDone();
  }

  /** Cuts it. */
  destroy(error?: WireError): void {
    this.#failure ??= error;
    this.#session.destroy();
  }

  isIdle(id: number): boolean {
    return (id & 1) === 0 || id >= this.#calls.nextId;
  }

  headers(block: HeaderBlock): void {
    const { id } = block;
    const session = this.#session;
    if (this.isIdle(id)) throw frameFault(`HEADERS on a stream that we opened, found them on ${id}`);
    const stream = session.streams.get(id);
    if (stream === undefined || stream.answer !== undefined) {
      this.#headersAgain(stream, block);
      return;
    }
    (stream.call as ClientCall).answered = true;
    const head = this.#heads.read(block.bytes, block);
    const interim = head.status >= 100 && head.status < 200;
    if (head.error !== undefined || (interim && (block.endStream || head.status === 101))) {
      const error = head.error ?? new WireError(wireReasons.UPSTREAM_HEAD_INVALID, `expected an answer, found ${head.status}`);
      session.streamFault(id, errorCodes.PROTOCOL_ERROR, error.reason);
      this.#calls.fail(stream, this.#calls.headError(stream, error));
      return;
    }
    if (interim) return this.#calls.interim(stream, head);
    this.#calls.answered(stream, head);
    if (stream.mode === "duplex" && head.status < 300 && !block.endStream) {
      this.#calls.switch(stream);
      return;
    }
    stream.mode = "none";
    const bodiless = stream.headOnly || head.status === 204 || head.status === 304;
    if (block.endStream && head.contentLength > 0 && !bodiless) {
      session.streamFault(id, errorCodes.PROTOCOL_ERROR, http2Reasons.BODY_LENGTH_MISMATCH.reason);
      const message = `expected ${head.contentLength} bytes of body, found none`;
      this.#calls.fail(stream, (stream.call as ClientCall).error(wireReasons.UPSTREAM_BODY_TRUNCATED, message));
    } else session.inbox.begin(stream, bodiless ? 0 : head.contentLength, block.endStream);
  }

  /** Trailers, or headers for a stream that is over. */
  #headersAgain(stream: Stream | undefined, block: HeaderBlock): void {
    const fields = this.#trailers;
    fields.begin();
    this.#session.decoder.decode(block.bytes, block, fields);
    if (stream === undefined) return;
    const bad = fields.malformed !== undefined || fields.tooLong || !block.endStream || stream.remoteEnded;
    if (bad) {
      this.#session.streamFault(block.id, errorCodes.PROTOCOL_ERROR, http2Reasons.HEADER_FIELDS_INVALID.reason);
      const message = `expected trailers of at most ${this.#settings.limits.trailerBytesMax} bytes that end the stream, found others`;
      this.#calls.fail(stream, (stream.call as ClientCall).error(wireReasons.UPSTREAM_BODY_INVALID, message));
    } else this.#session.inbox.end(stream, fields.trailers.length > 0 ? fields.trailers : undefined);
  }

  deliver(stream: Stream, body: Body): void {
    this.#calls.deliver(stream, body);
  }

  remoteEnded(stream: Stream): void {
    this.#calls.complete(stream);
  }

  discarded(_stream: Stream): void {}

  head(stream: Stream): "none" | "more" | "end" {
    if (this.#calls.nextId > idMax - 2) this.retire();
    return this.#calls.head(stream);
  }

  trailers(stream: Stream, trailers: HeaderList): boolean {
    return this.#calls.trailers(stream, trailers);
  }

  ended(stream: Stream): void {
    this.#calls.ended(stream);
  }

  switched(_stream: Stream): void {}
  openEnded(_stream: Stream): void {}
  listenerFailed(): void {}
  interim(): boolean {
    return false;
  }

  awaited(stream: Stream): void {
    this.#calls.awaited(stream);
  }

  returned(stream: Stream, bytes: number): void {
    this.#session.inbox.returned(stream, bytes);
  }

  abandoned(stream: Stream): void {
    this.#calls.cut(stream);
  }

  givenUp(stream: Stream, error: WireError): void {
    this.#calls.cut(stream, error);
  }

  bodyTooLarge(stream: Stream): void {
    const { bodyBytesMax } = this.#settings.limits;
    const message = `expected a body of at most ${bodyBytesMax} bytes, found more`;
    this.#calls.cut(stream, (stream.call as ClientCall).error(wireReasons.BODY_TOO_LARGE, message));
  }

  malformed(stream: Stream, error: WireError): void {
    this.#calls.fail(stream, error);
  }

  resetByPeer(stream: Stream, errorCode: number): void {
    this.#calls.fail(stream, this.#calls.resetError(stream.call as ClientCall, errorCode));
  }

  expired(stream: Stream): void {
    if (stream.waitsFor === "continue" && this.#settings.clock.monotonicMs() < (stream.call as ClientCall).deadlineMs) {
      this.#calls.continued(stream);
    } else this.#calls.cut(stream, this.#calls.lateError(stream));
  }

  stalled(stream: Stream): void {
    const call = stream.call as ClientCall;
    this.#calls.cut(stream, call.error(http2Reasons.WINDOW_STALLED, "expected the origin to read the request, found its window shut"));
  }

  forgotten(stream: Stream, error: WireError): void {
    if (!this.#open.delete(stream)) return;
    const call = stream.call as ClientCall;
    if (!call.over) call.fail(error);
    if (this.#session.isClosed) return;
    this.#restIfDone();
    if (!this.#retired) this.#owner.roomy(this);
  }

  goneAway(lastId: number, errorCode: number): void {
    const message = `expected the origin to stay, found it go away with ${errorName(errorCode)}`;
    const error = new WireError(wireReasons.UPSTREAM_STREAM_REFUSED, message, { sent: false, http2Code: errorCode });
    this.#goAwayCode = errorCode;
    this.retire();
    for (const stream of this.#open) if (stream.id === 0 || stream.id > lastId) this.#calls.fail(stream, error);
  }

  pinged(): void {}

  settled(): void {
    this.#ready = true;
    if (this.#open.size === 0) this.#rest();
    this.#owner.roomy(this);
  }

  broken(fault: ConnectionFault): void {
    this.#failure = new WireError(wireReasons.UPSTREAM_PROTOCOL_INVALID, fault.message, { sent: true, cause: fault });
    for (const stream of this.#open) this.#calls.fail(stream, this.#failure);
    this.retire();
  }

  received(): void {}

  tick(nowMs: number): void {
    if (!this.#ready && nowMs >= this.#connectMs) {
      const { connectMs } = this.#settings.timeouts;
      this.destroy(
        new WireError(wireReasons.CONNECT_TIMEOUT, `expected a connection that speaks HTTP/2 within ${connectMs} ms, found none`),
      );
      return;
    }
    if (nowMs >= this.#ageMs) {
      this.#ageMs = Infinity;
      this.retire();
    }
    if (nowMs >= this.#idleMs) this.retire();
    else if (this.#open.size > 0) this.#watch(nowMs);
    this.#tickBy(Math.min(this.#ready ? Infinity : this.#connectMs, this.#ageMs, this.#idleMs));
  }

  /** Asks an origin that says nothing whether it is there, and gives it up when it does not answer. */
  #watch(nowMs: number): void {
    const { pingMs, pingTimeoutMs } = this.#http2;
    if (nowMs >= this.#pingedMs + pingTimeoutMs) {
      const message = `expected an answer to PING within ${pingTimeoutMs} ms, found none`;
      this.destroy(new WireError(http2Reasons.PING_TIMEOUT, message, { sent: true }));
      return;
    }
    if (this.#pingedMs === Infinity && nowMs >= this.#readMs + pingMs) {
      this.#pingedMs = nowMs;
      this.#session.sendPing(pingContent);
    }
    this.#tickBy(this.#pingedMs === Infinity ? this.#readMs + pingMs : this.#pingedMs + pingTimeoutMs);
  }

  #rest(): void {
    this.#idleMs = this.#settings.clock.monotonicMs() + this.#settings.timeouts.idleMs;
    this.#tickBy(this.#idleMs);
  }

  #restIfDone(): void {
    if (this.#open.size > 0) return;
    if (!this.#retired) {
      this.#rest();
      return;
    }
    if (this.#session.ending || this.#session.isClosed) return;
    if (!this.#ready) {
      this.#session.destroy();
      return;
    }
    this.#session.goAway(errorCodes.NO_ERROR);
    this.#session.finish();
  }

  #tickBy(atMs: number): void {
    if (atMs >= this.#session.tickMs) return;
    this.#session.tickMs = atMs;
    this.#session.arm(atMs);
  }
}
