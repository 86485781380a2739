import { http2Limits, type Http2Limits } from "./limits.ts";

/** How a client speaks HTTP/2, beside what both protocols share. */
export interface Http2ClientOptions {
  readonly limits?: Partial<Http2Limits>;
  /** Without a byte from the origin for this long, while requests are open, it is asked with PING. Default 310,000: servers of gRPC bear one in five minutes. */
  readonly pingMs?: number;
  /** How long the origin may take to answer that; then the connection is cut. Default 10,000. */
  readonly pingTimeoutMs?: number;
  /** A connection takes no new requests after this long, and is closed when its last has ended. Default none. */
  readonly ageMs?: number;
  /** Requests at once on one connection, if the origin allows as many. Default 256. */
  readonly streamsPerConnectionMax?: number;
  /** Over TLS: speak HTTP/1.1 with an origin that does not choose HTTP/2. Default false. */
  readonly fallback?: boolean;
}

/** Http2ClientOptions with every default filled in. */
export interface Http2ClientSettings {
  readonly limits: Http2Limits;
  readonly pingMs: number;
  readonly pingTimeoutMs: number;
  readonly ageMs: number;
  readonly streamsPerConnectionMax: number;
  readonly fallback: boolean;
}

/** Fills in the defaults. */
export function http2ClientSettingsFrom(options: Http2ClientOptions): Http2ClientSettings {
  return Object.freeze({
    limits: Object.freeze({ ...http2Limits, ...options.limits }),
    pingMs: options.pingMs ?? 310_000,
    pingTimeoutMs: options.pingTimeoutMs ?? 10_000,
    ageMs: options.ageMs ?? Infinity,
    streamsPerConnectionMax: options.streamsPerConnectionMax ?? 256,
    fallback: options.fallback ?? false,
  });
}
