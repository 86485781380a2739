import { platformClock, type WireClock } from "./clock.ts";
import { http2ClientSettingsFrom, type Http2ClientOptions, type Http2ClientSettings } from "./http2/client-options.ts";
import { messageLimits, type MessageLimits } from "./http1/limits.ts";
import { connectSocket, type SocketAndEvents } from "./socket.ts";
import { TlsDialer, type TlsClientOptions } from "./tls-client.ts";
import { wheelOf, type TimingWheel } from "./timing-wheel.ts";

/** Waits of a client, in milliseconds. They fire up to 25 ms late. */
export interface ClientTimeouts {
  /** For a connection. Default 2,000. */
  readonly connectMs: number;
  /** For a free connection, when all are busy. Default 5,000. */
  readonly waitMs: number;
  /** From the last byte sent to the whole head of the answer. Default 60,000. */
  readonly headerMs: number;
  /** Between two pieces of an answer's body that somebody waits for. Default 60,000. */
  readonly bodyIdleMs: number;
  /** A kept connection is closed after this long without use. Below the 5 seconds of many servers. Default 4,000. */
  readonly idleMs: number;
  /** How long a request that expects 100 Continue waits for it before sending its body anyway. Default 1,000. */
  readonly continueMs: number;
}

/** A client of one origin. */
export interface ClientOptions {
  /** Name or address to connect to. */
  readonly host: string;
  readonly port: number;
  /** Connections at once, those that were handed over included. Default 256. */
  readonly connectionsMax?: number;
  /** Requests that may wait for a connection; one more is rejected with WAITERS_TOO_MANY. Default 1024. */
  readonly waitersMax?: number;
  /**
   * Speak HTTP/2: many requests at once on each connection. With prior knowledge; over TLS an origin that does not choose it
   * is refused (TLS_PROTOCOL_MISMATCH), unless `fallback`. Default HTTP/1.1.
   */
  readonly http2?: boolean | Http2ClientOptions;
  /** Of answers. Their bodies have no bound by default, since they are pulled. */
  readonly limits?: Partial<MessageLimits>;
  readonly timeouts?: Partial<ClientTimeouts>;
  readonly clock?: WireClock;
  /** Speak TLS; true for the defaults. Default cleartext. */
  readonly tls?: boolean | TlsClientOptions;
}

/** Defaults of ClientTimeouts. */
export const clientTimeouts: ClientTimeouts = {
  connectMs: 2000,
  waitMs: 5000,
  headerMs: 60_000,
  bodyIdleMs: 60_000,
  idleMs: 4000,
  continueMs: 1000,
};

/** What all connections of one client share. */
export interface ClientSettings {
  readonly host: string;
  readonly port: number;
  /** For requests that name no authority. */
  readonly authority: string;
  readonly connectionsMax: number;
  readonly waitersMax: number;
  /** Undefined for HTTP/1.1. */
  readonly http2: Http2ClientSettings | undefined;
  readonly limits: MessageLimits;
  readonly timeouts: ClientTimeouts;
  readonly clock: WireClock;
  readonly wheel: TimingWheel;
  /** Whether TLS carries the requests. */
  readonly secure: boolean;
  /** What makes connections over TLS. */
  readonly dialer: TlsDialer | undefined;
  /** Makes a connection. */
  readonly connect: () => SocketAndEvents;
}

/** ClientOptions with every default filled in. */
export function clientSettingsFrom(options: ClientOptions): ClientSettings {
  const { port, tls } = options;
  const http2 = options.http2 === true ? {} : options.http2 || undefined;
  const clock = options.clock ?? platformClock;
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  const dialer = tls === undefined || tls === false ? undefined : new TlsDialer(options, tls === true ? {} : tls, clock);
  return Object.freeze({
    host: options.host,
    port,
    authority: port === (dialer === undefined ? 80 : 443) ? host : `${host}:${port}`,
    connectionsMax: options.connectionsMax ?? 256,
    waitersMax: options.waitersMax ?? 1024,
    http2: http2 === undefined ? undefined : http2ClientSettingsFrom(http2),
    limits: Object.freeze({ ...messageLimits, bodyBytesMax: Infinity, ...options.limits }),
    timeouts: Object.freeze({ ...clientTimeouts, ...options.timeouts }),
    clock,
    wheel: wheelOf(clock),
    secure: dialer !== undefined,
    dialer,
    connect: () => dialer?.connect(http2 === undefined ? "http1" : "http2") ?? connectSocket(options.host, port),
  });
}
