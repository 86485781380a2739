import type { Client } from "@weir/wire";
import { createClient } from "@weir/wire";
import type { Clock } from "../../../clock.ts";
import { jittered } from "./backoff.ts";
import type { ConnectionOptions } from "./balance-options.ts";
import type { EndpointAddress } from "./endpoint-address.ts";

/** A kept HTTP/2 connection costs less than making a new one. */
const http2IdleMs = 30_000;

/** What the clients of all endpoints are made with. */
export interface EndpointClientParts {
  readonly options: ConnectionOptions;
  /** Of the target: its name is asked for in TLS, as an address stands in no certificate. */
  readonly authority: string | undefined;
  readonly clock: Clock;
}

/**
 * Makes the client of each endpoint. Over HTTP/2 a quiet stream may stay open: what is dead does not answer PING. HTTP/1.1 has no such thing, so
 * wire's times for head and body stay. An endpoint that is known to take HTTP/1.1 alone, or gRPC alone, is spoken to so whatever the options say.
 */
export function endpointClients({ options, authority, clock }: EndpointClientParts): (address: EndpointAddress) => Client {
  const { timeouts, tls, ...rest } = options;
  const serverName = authority?.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  const named = serverName !== undefined && tls ? { serverName, ...(tls === true ? {} : tls) } : tls;
  return ({ host, port, speaks }) => {
    const http2 = speaks === "http1" ? false : speaks === "grpc" ? options.http2 || true : (options.http2 ?? true);
    const waits = http2 === false ? timeouts : { headerMs: Infinity, bodyIdleMs: Infinity, idleMs: http2IdleMs, ...timeouts };
    // Connections of each endpoint grow old by another time, so that they are not all made anew at once.
    const ageMs = typeof http2 === "object" && http2.ageMs !== undefined ? jittered(http2.ageMs, clock.random, 0.1) : undefined;
    const spread = typeof http2 === "object" && ageMs !== undefined ? { ...http2, ageMs } : http2;
    return createClient({ ...rest, host, port, clock, http2: spread, ...(waits && { timeouts: waits }), ...(named && { tls: named }) });
  };
}
