import { platformClock, type WireClock } from "../clock.ts";
import { wheelOf, type TimingWheel } from "../timing-wheel.ts";
import { deflateSettingsFrom, type DeflateOptions, type DeflateSettings } from "./deflate-options.ts";
import { randomMask } from "./frame.ts";

/** Bounds of one session. */
export interface WebSocketLimits {
  /** Bytes of a message that comes, decompressed. Default 1 MiB. */
  readonly messageBytesMax: number;
  /** Bytes of one frame that comes. Default 1 MiB. */
  readonly frameBytesMax: number;
  /** Frames of one message that comes. Default 16,384. */
  readonly fragmentsMax: number;
  /** Frames of one message that may come without a byte in them. Default 64. */
  readonly emptyFragmentsMax: number;
  /** Pings and pongs that may come in a second. Default 1,000. */
  readonly controlFramesPerSecondMax: number;
  /** Bytes that may wait to be sent; see `slow`. One message longer than this is taken when nothing waits. Default 1 MiB. */
  readonly sendBytesMax: number;
  /** Messages that are sent are cut into frames of at most so many bytes. Default Infinity: not cut. */
  readonly sendFrameBytesMax: number;
}

/** Waits of one session, in milliseconds; Infinity for never. They fire up to 25 ms late. */
export interface WebSocketTimeouts {
  /** Without a byte from the peer for this long, it is pinged. Noticed once in this time, so up to twice as late. Default 30,000. */
  readonly pingMs: number;
  /** From our ping to any byte from the peer. Default 10,000. */
  readonly pongMs: number;
  /** Without a message either way, the session is closed with 1001. Noticed at a ping's time. Default Infinity. */
  readonly idleMs: number;
  /** For a peer that takes none of what waits for it. Default 30,000. */
  readonly writeIdleMs: number;
  /** From our close frame to the peer's. Default 5,000. */
  readonly closeMs: number;
  /** From the last close frame to the end of the connection, so that the peer can read what we said. Default 1,000. */
  readonly lingerMs: number;
}

/** How sessions are kept, on either side. Everything has a default. */
export interface WebSocketOptions {
  readonly limits?: Partial<WebSocketLimits>;
  readonly timeouts?: Partial<WebSocketTimeouts>;
  /** Compression (RFC 7692): false, or true for its defaults. Default false. It costs memory and time, and leaks lengths. */
  readonly deflate?: boolean | DeflateOptions;
  /**
   * What happens when more than `sendBytesMax` would wait: "wait" refuses the message (`trySend` is false, `send`
   * rejects with WEBSOCKET_SLOW) and leaves it to the sender to wait; "close" ends the session with `slowCode`.
   * Default "wait".
   */
  readonly slow?: "wait" | "close";
  /** 1013 (try again later) or 1008 (policy). Default 1013. */
  readonly slowCode?: 1008 | 1013;
  readonly clock?: WireClock;
  /** Masks for what a client sends, four bytes as an integer. Default random ones that nobody can foresee. */
  readonly mask?: () => number;
}

/** Defaults of WebSocketLimits. */
export const websocketLimits: WebSocketLimits = {
  messageBytesMax: 1_048_576,
  frameBytesMax: 1_048_576,
  fragmentsMax: 16_384,
  emptyFragmentsMax: 64,
  controlFramesPerSecondMax: 1000,
  sendBytesMax: 1_048_576,
  sendFrameBytesMax: Infinity,
};

/** Defaults of WebSocketTimeouts. */
export const websocketTimeouts: WebSocketTimeouts = {
  pingMs: 30_000,
  pongMs: 10_000,
  idleMs: Infinity,
  writeIdleMs: 30_000,
  closeMs: 5000,
  lingerMs: 1000,
};

/** What sessions have done so far. Live: the numbers move while one looks. */
export interface WebSocketCounters {
  sessionsTotal: number;
  sessionsOpen: number;
  messagesReceived: number;
  messagesSent: number;
  /** Refused handshakes and failed sessions, by reason. */
  readonly refusals: Record<string, number>;
}

/** What all sessions of one server, or of one set of options, share. */
export interface WebSocketSettings {
  readonly limits: WebSocketLimits;
  readonly timeouts: WebSocketTimeouts;
  readonly deflate: DeflateSettings | undefined;
  readonly slow: "wait" | "close";
  readonly slowCode: number;
  readonly clock: WireClock;
  readonly wheel: TimingWheel;
  readonly mask: () => number;
  readonly counters: WebSocketCounters;
}

/** WebSocketOptions with every default filled in. */
export function websocketSettingsFrom(options: WebSocketOptions): WebSocketSettings {
  const { deflate = false, clock = platformClock } = options;
  return Object.freeze({
    limits: Object.freeze({ ...websocketLimits, ...options.limits }),
    timeouts: Object.freeze({ ...websocketTimeouts, ...options.timeouts }),
    deflate: deflate === false ? undefined : deflateSettingsFrom(deflate === true ? {} : deflate),
    slow: options.slow ?? "wait",
    slowCode: options.slowCode ?? 1013,
    clock,
    wheel: wheelOf(clock),
    mask: options.mask ?? randomMask,
    counters: { sessionsTotal: 0, sessionsOpen: 0, messagesReceived: 0, messagesSent: 0, refusals: {} },
  });
}
