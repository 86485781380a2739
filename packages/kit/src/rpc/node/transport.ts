import type { Client, Http2ClientOptions, TlsClientOptions } from "@weir/wire";
import { createClient } from "@weir/wire";
import type { Metadata } from "../../call.ts";
import { fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import { createConnectTransport } from "../connect-transport.ts";
import { createGrpcTransport } from "../grpc-transport.ts";
import { createGrpcWebTransport } from "../grpc-web-transport.ts";
import type { Send } from "../http-send.ts";
import type { Compression, ProtocolOptions } from "../protocol-options.ts";
import type { Transport } from "../transport.ts";
import { gzip } from "./gzip.ts";
import type { SendClient } from "./wire-send.ts";
import { createWireSend } from "./wire-send.ts";

/** Where `createWireTransport` sends calls, and how. */
export interface WireTransportOptions extends Omit<ProtocolOptions, "compression"> {
  /** "http://127.0.0.1:7000" or "https://feed.example"; a pool of its own is made for it. Either this or `client`. */
  readonly url?: string;
  /** A client of wire that somebody else made and closes; it has to speak HTTP/2 for gRPC. A balanced one will do. */
  readonly client?: SendClient;
  /** Default "connect". */
  readonly protocol?: "connect" | "grpc" | "grpc-web";
  /**
   * HTTP/2, for `url`: with prior knowledge over cleartext, else by ALPN. Default for gRPC, which needs it; the others speak HTTP/1.1 over
   * cleartext, and over TLS whichever the other side chooses.
   */
  readonly http2?: boolean | Http2ClientOptions;
  /** Whom to trust and which certificate to show, for an https `url`. Default: the authorities of the platform, none. */
  readonly tls?: TlsClientOptions;
  /** "gzip" for both ways, or what to do in detail. Default none, neither way: on a fast network it costs more than it saves. */
  readonly compression?: "gzip" | Compression;
  /** Calls that may wait for a place on a connection of `url`, up to 30 seconds; one more is WAITERS_TOO_MANY. Default 16,384. */
  readonly callsWaitingMax?: number;
  /** Connect only: methods that change nothing are asked by GET. Default false. */
  readonly useGet?: boolean;
  /** Sent with every call, behind the call's own: such as `["authorization", "Bearer …"]`. Default none. */
  readonly metadata?: Metadata;
}

/** A Transport that holds connections. */
export interface WireTransport extends Transport {
  /** Cuts what is on its way and lets go of the connections, if the pool was made here. */
  close(): Promise<void>;
}

/** An HTTP/2 connection is kept for this long without a call: to make one costs more than to keep it. */
const http2IdleMs = 30_000;

/** For a place on a connection: as long as a unary call has by default, so that its own deadline is what ends it. */
const waitMs = 30_000;

/**
 * Calls over wire's pool of kept connections: every kind of method, in both directions at once over HTTP/2. Time is bounded by the call's
 * deadline alone, so that a quiet stream may stay open. A call that the other side has provably not looked at (RFC 9113 §8.7) is sent once
 * more, within a budget; every other failure stays as it is, a Fault whose `sent` says whether a retry is safe. Over a balanced client it is
 * that one which sends again, and nothing does so here.
 * Throws PEER_UNREACHABLE when the url is not of the form http://host:port or https://host:port, and a fault of wire when certificates cannot
 * be used.
 */
export function createWireTransport(options: WireTransportOptions): WireTransport {
  const client = options.client ?? clientFromUrl(options.url ?? "", options);
  const transport = transportOver(createWireSend(client, options.metadata), options);
  const close = (): Promise<void> => (options.client ? Promise.resolve() : client.close());
  return Object.assign<Transport, { close(): Promise<void> }>((method, message, call) => transport(method, message, call), { close });
}

function transportOver(send: Send, options: WireTransportOptions): Transport {
  const { encoding, answerBytesMax, useGet } = options;
  const compression = options.compression === "gzip" ? { accepts: [gzip], sends: gzip } : options.compression;
  const about = { encoding, answerBytesMax, compression };
  if (options.protocol === "grpc") return createGrpcTransport(send, about);
  return options.protocol === "grpc-web" ? createGrpcWebTransport(send, about) : createConnectTransport(send, { ...about, useGet });
}

function clientFromUrl(url: string, options: WireTransportOptions): Client {
  const { protocol, hostname, port, pathname } = URL.parse(url) ?? {};
  const secure = protocol === "https:";
  if ((!secure && protocol !== "http:") || !hostname || pathname !== "/") {
    throw fault(kitReasons.PEER_UNREACHABLE, `Expected a url of the form http://host:port or https://host:port, found "${url}".`);
  }
  const host = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  const http2 = options.http2 ?? (options.protocol === "grpc" || (secure && { fallback: true }));
  const timeouts = { headerMs: Infinity, bodyIdleMs: Infinity, waitMs, ...(http2 !== false && { idleMs: http2IdleMs }) };
  const tls = secure && (options.tls ?? true);
  const waitersMax = options.callsWaitingMax ?? 16_384;
  return createClient({ host, port: port ? Number(port) : secure ? 443 : 80, http2, tls, timeouts, waitersMax });
}
