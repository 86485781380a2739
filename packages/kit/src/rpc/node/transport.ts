import type { Client, ClientResponse } from "@weir/wire";
import { createClient } from "@weir/wire";
import type { Call, Metadata } from "../../call.ts";
import { fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import type { ConnectAnswer, ConnectRequest } from "../connect-transport.ts";
import { createConnectTransport } from "../connect-transport.ts";
import type { Transport } from "../transport.ts";

/** Where `createWireTransport` sends calls. */
export interface WireTransportOptions {
  /** "http://127.0.0.1:7000"; a pool of its own is made for it. Either this or `client`. */
  readonly url?: string;
  /** A pool that somebody else made and closes. */
  readonly client?: Client;
  /** Sent with every call, before the call's own: such as `["authorization", "Bearer …"]`. Default none. */
  readonly metadata?: Metadata;
  /** Bytes of one message of an answer at most. Default 4 MiB. */
  readonly answerBytesMax?: number;
}

/** A Transport that holds connections. */
export interface WireTransport extends Transport {
  /** Cuts what is on its way and lets go of the connections, if the pool was made here. */
  close(): Promise<void>;
}

/**
 * Calls over wire's pool of kept connections: every kind of method. Time is bounded by the call's deadline alone, so that a quiet stream may
 * stay open. What wire rejects with stays as it is: a Fault by brand, whose `sent` says whether a retry is safe.
 * Throws PEER_UNREACHABLE when the url is not of the form http://host:port.
 */
export function createWireTransport(options: WireTransportOptions): WireTransport {
  const { metadata = [] } = options;
  const client = options.client ?? clientFromUrl(options.url ?? "");
  const transport = createConnectTransport(
    async (request, call) => answerFrom(await client.request(requestFrom(request, metadata), optionsFrom(call))),
    {
      answerBytesMax: options.answerBytesMax,
    },
  );
  const close = (): Promise<void> => (options.client ? Promise.resolve() : client.close());
  return Object.assign<Transport, { close(): Promise<void> }>((method, message, call) => transport(method, message, call), { close });
}

function clientFromUrl(url: string): Client {
  const { protocol, hostname, port, pathname } = URL.parse(url) ?? {};
  if (protocol !== "http:" || !hostname || pathname !== "/") {
    throw fault(kitReasons.PEER_UNREACHABLE, `Expected a url of the form http://host:port, found "${url}".`);
  }
  const host = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  return createClient({ host, port: port ? Number(port) : 80, timeouts: { headerMs: Infinity, bodyIdleMs: Infinity } });
}

function requestFrom(
  request: ConnectRequest,
  metadata: Metadata,
): { method: string; target: string; headers: string[]; body: ConnectRequest["body"] } {
  return { method: "POST", target: request.path, headers: [...request.headers, ...metadata], body: request.body };
}

function optionsFrom(call: Call): { signal: AbortSignal } {
  return { signal: call.signal };
}

function answerFrom(response: ClientResponse): ConnectAnswer {
  return { status: response.status, headers: response.headers, body: response.body };
}
