import type { WireClock } from "../clock.ts";
import type { Body, HeaderList } from "../http.ts";
import type { MessageLimits } from "../http1/limits.ts";
import type { WireError, WireReason } from "../reasons.ts";
import type { TimingWheel } from "../timing-wheel.ts";
import type { ConnectionFault } from "./fault.ts";
import type { Http2Limits } from "./limits.ts";
import type { Stream } from "./stream.ts";

/** What both sides' connections are made of. */
export interface SessionSettings {
  readonly client: boolean;
  readonly limits: Http2Limits;
  readonly messages: MessageLimits;
  readonly clock: WireClock;
  readonly wheel: TimingWheel;
  /** For confirming SETTINGS and completing header blocks. */
  readonly headerMs: number;
  /** For a peer that does not read, or keeps its windows shut. */
  readonly writeIdleMs: number;
  readonly lingerMs: number;
  readonly blocksReason: WireReason;
}

/** A header block that has come whole. */
export interface HeaderBlock {
  readonly id: number;
  readonly endStream: boolean;
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly end: number;
}

/** What a client and a server do differently with a connection. */
export interface SessionRole {
  /** Writes the head of a stream's message into the blocks, as `OutboxOwner` has it. */
  head(stream: Stream): "none" | "more" | "end";
  /** Writes the block of the stream's trailers; false when they cannot be sent. */
  trailers(stream: Stream, trailers: HeaderList): boolean;
  /** Our last frame of the stream has been written. */
  ended(stream: Stream): void;
  /** The head of a stream to be taken over has been written. */
  switched(stream: Stream): void;
  /** Whether this stream has not been opened, so that no frame may name it. */
  isIdle(id: number): boolean;
  /** A header block. Throws a ConnectionFault. */
  headers(block: HeaderBlock): void;
  /** The message on a stream can be handed over, with nothing, all or a stream of body. */
  deliver(stream: Stream, body: Body): void;
  /** The other side has ended a message, and it has been handed over. */
  remoteEnded(stream: Stream): void;
  /** More of a body that nobody wants has been thrown away, or its end has come. */
  discarded(stream: Stream): void;
  /** The body of a message is longer than allowed. */
  bodyTooLarge(stream: Stream): void;
  /** A stream's message is malformed: `stream` has been reset. */
  malformed(stream: Stream, error: WireError): void;
  /** The other side has reset a stream. */
  resetByPeer(stream: Stream, errorCode: number): void;
  /** Somebody waits for more of a body. */
  awaited(stream: Stream): void;
  /** A stream's deadline has passed. */
  expired(stream: Stream): void;
  /** The other side has kept a window shut for too long. */
  stalled(stream: Stream): void;
  /** A stream is closed and forgotten; `error` is what whoever still counts on it hears. */
  forgotten(stream: Stream, error: WireError): void;
  /** The other side will take no streams beyond `lastId`. */
  goneAway(lastId: number, errorCode: number): void;
  /** The other side has confirmed the ping that we sent by `sendPing`. */
  pinged(): void;
  /** SETTINGS of the other side have come. */
  settled(): void;
  /** The other side broke the rules, or we end the connection for another reason; GOAWAY has been queued. */
  broken(fault: ConnectionFault): void;
  /** All bytes of one read have been looked at. */
  received(): void;
  /** The connection's own deadline `nextMs` has passed. */
  tick(nowMs: number): void;
}
