import type { WebSocketClose } from "./close-codes.ts";

/**
 * One WebSocket session, on either side. What is written in one tick leaves in one write.
 *
 * Messages are pulled: reading goes at most one message ahead of whoever asks, then the peer has to wait. So pings are
 * answered and closes are seen as long as the peer sends nothing that nobody wants.
 */
export interface WebSocketSession {
  /** The subprotocol that was agreed on, "" for none. */
  readonly protocol: string;
  /** Bytes that wait to be sent, as far as they are more than the socket's own buffer. */
  readonly bufferedBytes: number;
  /**
   * The messages: text as string, binary as Uint8Array. May be iterated again after a loop was left; leaving does not
   * close. It ends when the session was closed cleanly, and throws a WireError when it failed or was lost.
   */
  readonly messages: AsyncIterable<string | Uint8Array>;
  /** Resolves when the connection is gone. Never rejects. */
  readonly whenClosed: Promise<WebSocketClose>;
  /** Anything that belongs to the session. Cheaper than a Map. */
  state: unknown;
  /**
   * Sends a message; resolves when there is room for more, so that awaiting it paces the sender. Bytes must not be changed
   * until then. Rejects with WEBSOCKET_CLOSED, or WEBSOCKET_SLOW when more than `sendBytesMax` would wait.
   */
  send(data: string | Uint8Array): Promise<void>;
  /** Sends a message if it may: false when the session is not open or more than `sendBytesMax` would wait. For many receivers. */
  trySend(data: string | Uint8Array): boolean;
  /** Sends a ping with at most 125 bytes; false when the session is not open. Throws WEBSOCKET_SEND_INVALID. */
  ping(payload?: Uint8Array): boolean;
  /**
   * Closes with a code (default 1000) and a reason of at most 123 bytes, behind what has been sent. Messages that still
   * come are dropped. Resolves when the connection is gone. Rejects with WEBSOCKET_SEND_INVALID only.
   */
  close(code?: number, reason?: string): Promise<WebSocketClose>;
  /** Cuts the connection without a word. */
  destroy(): void;
  /** Hands messages to a listener instead of `messages`. One listener, which many sessions may share: the way that holds least memory. */
  listen(listener: WebSocketListener): void;
}

/** Hears of one session or of many. */
export interface WebSocketListener {
  /** A message came. Nothing more is read until what it returns has settled; throwing closes the session with 1011. */
  message(session: WebSocketSession, data: string | Uint8Array): void | Promise<void>;
  /** The connection is gone. */
  closed?(session: WebSocketSession, close: WebSocketClose): void;
  /** A pong came. */
  pong?(session: WebSocketSession, payload: Uint8Array): void;
}
