import { countRefusal } from "../counters.ts";
import type { Body, HeaderList, HttpHandler } from "../http.ts";
import { leaveAnswer } from "../http1/byte-duplex.ts";
import type { Peer } from "../http1/exchange.ts";
import type { ConnectionOutput } from "../http1/output.ts";
import { serverSettingsFrom, type ServerOptions, type ServerSettings } from "../options.ts";
import { WireError, wireReasons } from "../reasons.ts";
import { connectionFault, type ConnectionFault, errorCodes, errorName } from "./fault.ts";
import { headerReasons } from "./header-blocks.ts";
import { http2Reasons } from "./reasons.ts";
import { ServerAnswers } from "./server-answers.ts";
import { ServerRequests, type ServerRequestsOwner } from "./server-requests.ts";
import { Session } from "./session.ts";
import type { HeaderBlock, SessionRole } from "./session-role.ts";
import { settingIds } from "./settings.ts";
import type { Stream } from "./stream.ts";

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const idMax = 0x7fff_ffff;
const quietPing = new Uint8Array([0x77, 0x65, 0x69, 0x72, 0x71, 0x75, 0x69, 0x74]);
// Clients bear a ping a minute; one that is there answers within seconds.
const quietMs = 60_000;
const quietPingMs = 20_000;
const drainPing = new Uint8Array([0x77, 0x65, 0x69, 0x72, 0x64, 0x72, 0x61, 0x6e]);

/**
 * One HTTP/2 connection of a server, as a state machine: tell it what happens (`receive`, `end`, `drained`, `closed`), and
 * it calls the handler and the output. It never throws.
 */
export class Http2ServerConnection implements SessionRole, ServerRequestsOwner {
  readonly peer: Peer;
  readonly #settings: ServerSettings;
  readonly #session: Session;
  readonly #answers: ServerAnswers;
  readonly #requests: ServerRequests;
  #prefaceAt = 0;
  /** `told`: the client knows that no more streams are wanted; `last`: which was the last. */
  #drain: "no" | "told" | "last" = "no";
  #drainMs = Infinity;
  #idleMs = Infinity;
  /** When to look whether a client with streams without bounds is still there. */
  #askAfterMs = Infinity;
  #heard = false;
  #asked = false;
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
    this.#requests = new ServerRequests(this, settings, { session: this.#session, answers: this.#answers });
    this.#session.open([
      [settingIds.streamsMax, http2.streamsMax],
      [settingIds.enableConnectProtocol, 1],
    ]);
    this.#rest();
  }

  /** Bytes came, up to `end`. None are kept uncopied, so `borrowed` makes no difference. */
  receive(bytes: Uint8Array, end: number = bytes.length, _borrowed = false): void {
    this.#settings.counters.bytesRead += end;
    this.#heard = true;
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
    this.#requests.headers(block);
  }

  awaited(stream: Stream): void {
    this.#requests.awaited(stream);
  }

  expired(stream: Stream): void {
    this.#requests.expired(stream);
  }

  discarded(stream: Stream): void {
    this.#requests.discarded(stream);
  }

  bodyTooLarge(stream: Stream): void {
    this.#requests.bodyTooLarge(stream);
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

  returned(stream: Stream, bytes: number): void {
    this.#session.inbox.returned(stream, bytes);
  }

  abandoned(stream: Stream): void {
    // The answer may still come; what else the client sends is thrown away as it arrives, its window not renewed.
    stream.deadlineMs = Infinity;
    if (stream.upgrade !== undefined) this.#answers.cut(stream);
  }

  stalled(stream: Stream): void {
    const { reason } = http2Reasons.WINDOW_STALLED;
    countRefusal(this.#settings.counters, reason);
    const error = new WireError(wireReasons.CLIENT_GONE, "expected the client to read its answer, found its window shut");
    stream.cancel();
    this.#session.reset(stream, errorCodes.CANCEL, error);
  }

  interim(stream: Stream): boolean {
    const { outbox } = this.#session;
    if (outbox.full) return false;
    outbox.ready(stream);
    outbox.flushSoon();
    return true;
  }

  openEnded(stream: Stream): void {
    stream.deadlineMs = Infinity;
    this.#askAfterMs = Math.min(this.#askAfterMs, this.#settings.wheel.coarseMs() + quietMs);
    this.#tickBy(this.#askAfterMs);
  }

  listenerFailed(thrown: unknown): void {
    this.#answers.listenerFailed(thrown);
  }

  remoteEnded(_stream: Stream): void {}

  givenUp(_stream: Stream, _error: WireError): void {}

  malformed(stream: Stream, error: WireError): void {
    countRefusal(this.#settings.counters, error.reason);
    stream.cancel();
  }

  resetByPeer(stream: Stream, errorCode: number): void {
    stream.cancel();
    const message = `expected the whole request, found the stream reset with ${errorName(errorCode)}`;
    this.#session.forget(stream, new WireError(wireReasons.CLIENT_GONE, message, { http2Code: errorCode }));
  }

  forgotten(stream: Stream, _error: WireError): void {
    if (stream.asked) {
      this.#answers.orphans += 1;
      stream.cancel();
    }
    if (stream.response !== undefined && stream.headOwed) leaveAnswer(stream.response);
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
    if (nowMs >= this.#askAfterMs) this.#ask(nowMs);
    this.#tickBy(Math.min(this.#drainMs, this.#idleMs, this.#askAfterMs));
  }

  /** A client that is quiet on a stream without bounds is asked whether it is there, and cut when it does not answer. */
  #ask(nowMs: number): void {
    const session = this.#session;
    this.#askAfterMs = Infinity;
    const quiet = [...session.streams.values()].some((stream) => stream.isOpenEnded);
    if (!quiet || session.isClosed) return;
    if (this.#asked && !this.#heard) {
      session.destroy();
      return;
    }
    this.#asked = !this.#heard;
    this.#heard = false;
    if (this.#asked) session.sendPing(quietPing);
    this.#askAfterMs = nowMs + (this.#asked ? quietPingMs : quietMs);
  }

  #tellLast(): void {
    this.#drainMs = Infinity;
    if (this.#drain !== "told") return;
    this.#drain = "last";
    this.#requests.refusing = true;
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

/**
 * One HTTP/2 connection without a socket: bytes in by `receive`, bytes out by `output`. The same state machine that
 * `createServer` runs; for tests, fuzzers, and transports of one's own.
 */
export function createHttp2Connection(
  handler: HttpHandler,
  options: ServerOptions & { readonly output: ConnectionOutput; readonly peer?: Peer },
): Http2ServerConnection {
  const { output, peer = { address: "memory", secure: false }, ...rest } = options;
  return new Http2ServerConnection(handler, serverSettingsFrom(rest), { output, peer });
}
