import type { HeaderList } from "../http.ts";
import { copied } from "../http1/output.ts";
import { WireError, wireReasons, type WireReason } from "../reasons.ts";
import { bodyWithTrailers } from "../whole-body.ts";
import type { Budgets } from "./budgets.ts";
import { calm, connectionFault, errorCodes } from "./fault.ts";
import { frameFault, frameFlags, frameTypes, type FrameReader } from "./frame.ts";
import { http2Reasons } from "./reasons.ts";
import type { Outbox } from "./outbox.ts";
import type { SessionRole, SessionSettings } from "./session-role.ts";
import { windowDefault } from "./settings.ts";
import { StreamBody } from "./stream-body.ts";
import type { Stream } from "./stream.ts";

const nothing = new Uint8Array(0);

/** The connection that an inbox reads for. */
export interface InboxOwner {
  readonly settings: SessionSettings;
  readonly outbox: Outbox;
  readonly budgets: Budgets;
  readonly streams: ReadonlyMap<number, Stream>;
  wasReset(id: number): boolean;
  streamFault(id: number, errorCode: number, reason: string): void;
  forget(stream: Stream, error: WireError): void;
}

/** The bodies that come in on one connection, and the windows that bound them. */
export class Inbox {
  /** The highest stream of the other side that we have looked at. */
  lastPeerId = 0;
  readonly #session: InboxOwner;
  readonly #role: SessionRole;
  /** What the other side may still send on the connection. */
  #left: number;
  #toReturn = 0;
  /** What a new stream may receive. More than we want until our SETTINGS are confirmed, if those want less. */
  #streamWindow: number;
  /** Streams whose message goes on beyond this read, perhaps. */
  #batch: Stream[] = [];

  constructor(session: InboxOwner, role: SessionRole) {
    const { limits } = session.settings;
    this.#session = session;
    this.#role = role;
    this.#left = Math.max(limits.connectionWindowBytes, windowDefault);
    this.#streamWindow = Math.max(limits.streamWindowBytes, windowDefault);
  }

  get streamWindow(): number {
    return this.#streamWindow;
  }

  /** The other side knows our SETTINGS: from now on it keeps to smaller windows. */
  confirmed(): void {
    const smaller = this.#streamWindow - this.#session.settings.limits.streamWindowBytes;
    this.#streamWindow -= smaller;
    if (smaller > 0) for (const stream of this.#session.streams.values()) stream.receiveLeft -= smaller;
  }

  /** A message's head has come: whether its body is waited for, or handed over as it comes. */
  begin(stream: Stream, contentLength: number, endStream: boolean): void {
    stream.expectedBytes = contentLength;
    if (endStream) {
      stream.remoteEnded = true;
      this.#role.deliver(stream, undefined);
      this.#role.remoteEnded(stream);
      return;
    }
    if (contentLength < 0) {
      stream.mode = "batch";
      this.#batch.push(stream);
    } else if (contentLength <= this.#session.settings.messages.inlineBytesMax) {
      stream.mode = "whole";
      this.awaited(stream);
    } else this.#deliverStream(stream);
  }

  /** A DATA frame. */
  data(reader: FrameReader): void {
    const { id } = reader;
    const flow = reader.end - reader.at;
    if (id === 0) throw frameFault("DATA on a stream, found them on 0");
    if (this.#role.isIdle(id)) throw frameFault(`DATA on a stream that has been opened, found them on ${id}`);
    this.#left -= flow;
    if (this.#left < 0) {
      throw connectionFault(errorCodes.FLOW_CONTROL_ERROR, http2Reasons.WINDOW_EXCEEDED, "expected DATA within the window, found more");
    }
    reader.stripPadding();
    const endStream = (reader.flags & frameFlags.endStream) !== 0;
    const stream = this.#session.streams.get(id);
    if (stream === undefined || stream.remoteEnded) {
      this.#stray(stream, id, flow);
      return;
    }
    stream.receiveLeft -= flow;
    if (stream.receiveLeft < 0) {
      this.returnConnection(flow);
      this.#fault(
        stream,
        errorCodes.FLOW_CONTROL_ERROR,
        http2Reasons.WINDOW_EXCEEDED,
        "expected DATA within the stream's window, found more",
      );
      return;
    }
    const length = reader.end - reader.at;
    if (flow > length) this.returned(stream, flow - length);
    if (length === 0 && !endStream) {
      if (!this.#session.budgets.empties.spend())
        throw calm(http2Reasons.EMPTY_FRAME_FLOOD, "fewer frames without content, found one more");
      return;
    }
    this.#content(stream, reader, endStream);
  }

  #content(stream: Stream, reader: FrameReader, endStream: boolean): void {
    const { at, end } = reader;
    const length = end - at;
    const { messages } = this.#session.settings;
    if (stream.mode === "none" || (stream.mode === "duplex" && stream.body === undefined)) {
      this.returnConnection(length);
      this.#fault(stream, errorCodes.PROTOCOL_ERROR, http2Reasons.STREAM_STATE_INVALID, "expected a head before DATA, found none");
      return;
    }
    stream.receivedBytes += length;
    if (stream.expectedBytes >= 0 && stream.receivedBytes > stream.expectedBytes) {
      this.returnConnection(length);
      this.#mismatch(stream);
      return;
    }
    if (stream.receivedBytes > messages.bodyBytesMax && stream.mode !== "duplex" && !stream.isOpenEnded) {
      this.returnConnection(length);
      this.#role.bodyTooLarge(stream);
      return;
    }
    if (stream.mode === "discard") {
      stream.remoteEnded = endStream;
      stream.discardedBytes += length;
      this.returned(stream, length);
      this.#role.discarded(stream);
      return;
    }
    if (length > 0) {
      const content = copied(reader.bytes, at, end);
      if (stream.body !== undefined) {
        if (stream.body.wanted) stream.deadlineMs = stream.restMs;
        stream.body.push(content);
      } else {
        stream.gather(content);
        if (stream.mode === "whole") {
          // Bounded by inlineBytesMax instead of the windows, so that short bodies cannot hold each other up.
          this.returned(stream, length);
          this.awaited(stream);
        }
      }
    }
    if (endStream) this.end(stream, undefined);
  }

  /** The message is whole: its last frame has come. */
  end(stream: Stream, trailers: HeaderList | undefined): void {
    if (stream.expectedBytes >= 0 && stream.receivedBytes !== stream.expectedBytes) {
      this.#mismatch(stream);
      return;
    }
    const { mode } = stream;
    if (mode === "discard") {
      stream.remoteEnded = true;
      this.#role.discarded(stream);
      return;
    }
    const waited = mode === "whole" || mode === "batch";
    stream.remoteEnded = true;
    stream.deadlineMs = Infinity;
    if (waited && stream.receivedBytes <= this.#session.settings.messages.inlineBytesMax) {
      const bytes = stream.ungather() ?? nothing;
      stream.mode = "none";
      if (mode === "batch") this.returnConnection(bytes.length);
      const plain = bytes.length > 0 ? bytes : undefined;
      this.#role.deliver(stream, trailers === undefined ? plain : bodyWithTrailers(bytes, trailers));
      this.#role.remoteEnded(stream);
      return;
    }
    if (waited) this.#deliverStream(stream);
    stream.body?.finish(trailers);
    this.#role.remoteEnded(stream);
  }

  /** All of one read has been looked at: what is not whole is handed over as a stream. */
  readEnded(): void {
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    for (const stream of batch) if (stream.mode === "batch" && !stream.over) this.#deliverStream(stream);
  }

  #deliverStream(stream: Stream): void {
    const begun = stream.ungather();
    stream.mode = "stream";
    const body = new StreamBody(stream, stream.expectedBytes < 0 ? undefined : stream.expectedBytes);
    stream.body = body;
    if (begun !== undefined) body.push(begun);
    this.#role.deliver(stream, body);
  }

  /** Somebody waits for more of a body: it has to come in time. */
  awaited(stream: Stream): void {
    this.#role.awaited(stream);
  }

  /** Bytes have been taken, or are of no use: both windows may grow. */
  returned(stream: Stream, bytes: number): void {
    this.returnConnection(bytes);
    if (stream.over || stream.remoteEnded) return;
    stream.toReturn += bytes;
    if (stream.toReturn * 2 < this.#session.settings.limits.streamWindowBytes) return;
    const grown = stream.toReturn;
    stream.toReturn = 0;
    stream.receiveLeft += grown;
    this.#session.outbox.controlNumber(frameTypes.windowUpdate, stream.id, grown);
    this.#session.outbox.flushAfterAnswers();
  }

  /** Bytes have been taken, or are of no use: the connection's window may grow. */
  returnConnection(bytes: number): void {
    this.#toReturn += bytes;
    if (this.#toReturn * 2 < this.#session.settings.limits.connectionWindowBytes) return;
    const grown = this.#toReturn;
    this.#toReturn = 0;
    this.#left += grown;
    this.#session.outbox.controlNumber(frameTypes.windowUpdate, 0, grown);
    this.#session.outbox.flushAfterAnswers();
  }

  /** From now on what comes for a stream is thrown away; who reads its body hears `error`. */
  discard(stream: Stream, error: WireError): void {
    this.releaseUnread(stream);
    stream.mode = "discard";
    stream.ungather();
    stream.body?.fail(error);
    stream.body = undefined;
  }

  /** What has come for a stream that is over, and will not be taken. */
  releaseUnread(stream: Stream): void {
    if (stream.mode === "batch") this.returnConnection(stream.gatheredBytes);
    if (stream.body !== undefined) this.returnConnection(stream.body.release());
  }

  /** DATA for a stream that takes none. */
  #stray(stream: Stream | undefined, id: number, flow: number): void {
    this.returnConnection(flow);
    if (stream === undefined && this.#session.wasReset(id)) return;
    if (stream !== undefined) {
      this.#fault(stream, errorCodes.STREAM_CLOSED, http2Reasons.STREAM_STATE_INVALID, "expected no DATA after the end, found some");
    } else this.#session.streamFault(id, errorCodes.STREAM_CLOSED, http2Reasons.STREAM_STATE_INVALID.reason);
  }

  #mismatch(stream: Stream): void {
    const message = `expected ${stream.expectedBytes} bytes of body, found ${stream.receivedBytes}`;
    this.#fault(stream, errorCodes.PROTOCOL_ERROR, http2Reasons.BODY_LENGTH_MISMATCH, message);
  }

  #fault(stream: Stream, errorCode: number, reason: WireReason, message: string): void {
    const error = this.faultOf(reason, message);
    this.#session.streamFault(stream.id, errorCode, reason.reason);
    this.#role.malformed(stream, error);
    this.#session.forget(stream, error);
  }

  /** What a stream hears of a fault of the other side. */
  faultOf(reason: WireReason, message: string): WireError {
    if (!this.#session.settings.client) return new WireError(reason, message);
    return new WireError(wireReasons.UPSTREAM_PROTOCOL_INVALID, message, { sent: true, answered: true });
  }
}
