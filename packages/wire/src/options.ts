import { DateLine, platformClock, type WireClock } from "./clock.ts";
import { createServerCounters, type ServerCounters } from "./counters.ts";
import { messageLimits, type MessageLimits } from "./http1/limits.ts";
import { http2Limits, type Http2Limits } from "./http2/limits.ts";
import type { WireError } from "./reasons.ts";
import type { TlsServerOptions } from "./tls.ts";
import { wheelOf, type TimingWheel } from "./timing-wheel.ts";

/** Bounds of a server beside those of one message. */
export interface ServerLimits extends MessageLimits {
  /** Requests on one connection, then it is closed. Default 1,000,000. */
  readonly requestsPerConnectionMax: number;
  /** Connections at once; one more is answered 503 and closed. Default 20,000. */
  readonly connectionsMax: number;
  /** Requests of one connection that are worked on at once; the rest waits unread. Default 16. */
  readonly pipelineDepthMax: number;
  /** Body that no handler read, skipped so that the connection can be kept; more closes it. Default 262144. */
  readonly unreadBytesMax: number;
}

/** Waits of a server, in milliseconds. They fire up to 25 ms late. */
export interface ServerTimeouts {
  /** From the first byte of a head to its last. Default 10,000. */
  readonly headerMs: number;
  /** Between two pieces of a body that somebody waits for. Default 15,000. */
  readonly bodyIdleMs: number;
  /** Between two requests, and before the first. Default 65,000. */
  readonly idleMs: number;
  /** From the first byte of a head to the last of its body, as long as somebody waits for it. Default 300,000. */
  readonly requestMs: number;
  /** For a client that does not read its answer. Default 30,000. */
  readonly writeIdleMs: number;
  /** Between our last byte and cutting the line, so that the client can read what we said. Default 1,000. */
  readonly lingerMs: number;
}

/** What a server speaks. */
export type ServerProtocol = "http1" | "http2" | "both";

/** How a server listens to the wire. Everything has a default. */
export interface ServerOptions {
  readonly limits?: Partial<ServerLimits>;
  readonly timeouts?: Partial<ServerTimeouts>;
  /** What is spoken: one of them, or whichever a connection's first bytes tell. Default "both". */
  readonly protocol?: ServerProtocol;
  /** Bounds of HTTP/2 beside those above. */
  readonly http2?: Partial<Http2Limits>;
  readonly clock?: WireClock;
  /** Let "%2F" stand in paths; whoever matches routes must then not decode it before splitting. Default false. */
  readonly encodedSlash?: boolean;
  /** Told of everything that became a bare 500 or cut an answer short: the handler's fault, for the log. */
  readonly onFailure?: (error: WireError) => void;
  /** Speak TLS, with the protocols above by ALPN. Default none: cleartext only. */
  readonly tls?: TlsServerOptions;
}

/** Defaults of ServerLimits. */
export const serverLimits: ServerLimits = {
  ...messageLimits,
  requestsPerConnectionMax: 1_000_000,
  connectionsMax: 20_000,
  pipelineDepthMax: 16,
  unreadBytesMax: 262_144,
};

/** Defaults of ServerTimeouts. */
export const serverTimeouts: ServerTimeouts = {
  headerMs: 10_000,
  bodyIdleMs: 15_000,
  idleMs: 65_000,
  requestMs: 300_000,
  writeIdleMs: 30_000,
  lingerMs: 1000,
};

/** What all connections of one server share. */
export interface ServerSettings {
  readonly limits: ServerLimits & { readonly encodedSlash: boolean };
  readonly timeouts: ServerTimeouts;
  readonly protocol: ServerProtocol;
  readonly http2: Http2Limits;
  readonly clock: WireClock;
  readonly wheel: TimingWheel;
  readonly counters: ServerCounters;
  readonly date: DateLine;
  readonly onFailure: (error: WireError) => void;
}

/** What is told of failures cannot be allowed to fail. */
function quiet(onFailure: ServerOptions["onFailure"]): (error: WireError) => void {
  return (error) => {
    try {
      onFailure?.(error);
    } catch {
      // There is nobody left to be told.
    }
  };
}

/** ServerOptions with every default filled in. */
export function serverSettingsFrom(options: ServerOptions): ServerSettings {
  const clock = options.clock ?? platformClock;
  return Object.freeze({
    limits: Object.freeze({ ...serverLimits, ...options.limits, encodedSlash: options.encodedSlash ?? false }),
    timeouts: Object.freeze({ ...serverTimeouts, ...options.timeouts }),
    protocol: options.protocol ?? "both",
    http2: Object.freeze({ ...http2Limits, ...options.http2 }),
    clock,
    wheel: wheelOf(clock),
    counters: createServerCounters(),
    date: new DateLine(clock),
    onFailure: quiet(options.onFailure),
  });
}
