import type { Clock } from "@weir/kit/clock";
import { createClient, type Client, type ClientOptions } from "@weir/wire";

/** The connections to one endpoint: a client for each way of speaking to it, made when it is first needed. */
export interface EndpointClients {
  /** HTTP/1.1. */
  readonly plain: Client;
  /** HTTP/2: many calls share a connection. */
  readonly multiplexed: Client;
  /** HTTP/1.1 for connections that are handed over, so that sessions take no place from requests. */
  readonly sessions: Client;
  close(): Promise<void>;
}

/** How the connections to one endpoint are made. */
export interface EndpointClientsOptions {
  readonly clock: Clock;
  /** Connections to one endpoint at once. */
  readonly connectionsMax: number;
  /** Upgraded connections to one endpoint at once. */
  readonly sessionsMax: number;
  /** Requests that may wait for a connection to one endpoint. */
  readonly waitersMax: number;
}

/** A connection that cannot be had within this is tried elsewhere. */
const connectMs = 1000;
const waitMs = 1000;

/** Clients of the endpoint at host:port, or [ipv6]:port. */
export function createEndpointClients(address: string, options: EndpointClientsOptions): EndpointClients {
  const { clock, connectionsMax, sessionsMax, waitersMax } = options;
  const colon = address.lastIndexOf(":");
  const common: ClientOptions = {
    host: address.slice(0, colon).replace(/^\[|\]$/g, ""),
    port: Number(address.slice(colon + 1)),
    connectionsMax,
    waitersMax,
    // Answers pass through without being collected, so their length is the endpoint's business.
    limits: { bodyBytesMax: Number.MAX_SAFE_INTEGER },
    timeouts: { connectMs, waitMs },
    clock,
  };
  let plain: Client | undefined;
  let multiplexed: Client | undefined;
  let sessions: Client | undefined;
  let closed = false;
  const made = (more: Partial<ClientOptions>): Client => {
    const client = createClient({ ...common, ...more });
    // One that is asked for too late answers CLIENT_CLOSED, like the others.
    if (closed) void client.close();
    return client;
  };
  return {
    get plain() {
      return (plain ??= made({}));
    },
    get multiplexed() {
      return (multiplexed ??= made({ http2: true }));
    },
    get sessions() {
      return (sessions ??= made({ connectionsMax: sessionsMax }));
    },
    async close() {
      closed = true;
      await Promise.all([plain?.close(), multiplexed?.close(), sessions?.close()]);
    },
  };
}
