import { createClient, type Client } from "../client.ts";
import type { ClientResponse } from "../client-call.ts";
import type { ByteDuplex, HeaderList } from "../http.ts";
import { leave } from "../http1/writer.ts";
import { WireError, wireReasons } from "../reasons.ts";
import type { TlsClientOptions } from "../tls-client.ts";
import { WebSocketConnection } from "./connection.ts";
import { connectDuplex } from "./duplex-output.ts";
import { agreedHandshake, handshakeRequest, newKey } from "./handshake.ts";
import { websocketSettingsFrom, type WebSocketOptions } from "./options.ts";
import type { WebSocketSession } from "./session.ts";

/** How a client asks for a session. */
export interface ConnectOptions extends WebSocketOptions {
  /** Subprotocols that it speaks, the best first. Default none. */
  readonly protocols?: readonly string[];
  /** Headers beside those of the handshake, names in lower case. */
  readonly headers?: HeaderList;
  /** Asks by this client's pool, which `url` then only names the authority and target for. */
  readonly client?: Client;
  /** How to speak TLS with wss: origins, without `client`. */
  readonly tls?: TlsClientOptions;
  /** For the whole handshake. Default 10,000. */
  readonly timeoutMs?: number;
  /** Gives up the handshake: REQUEST_CANCELLED. */
  readonly signal?: AbortSignal;
}

/**
 * Opens a session at `url` ("ws://host:port/path?query", or "wss://…" over TLS). Rejects with a WireError: WEBSOCKET_REFUSED when the server
 * answers anything but 101, WEBSOCKET_ANSWER_INVALID when its answer does not fit, or what the client rejects with.
 * Redirects are not followed. Many sessions share settings, and hold less memory, when made by one `createConnector`.
 */
export function connectWebSocket(url: string, options: ConnectOptions = {}): Promise<WebSocketSession> {
  return createWebSocketConnector(options)(url);
}

/** A function that opens sessions with the same options. */
export function createWebSocketConnector(options: ConnectOptions = {}): (url: string) => Promise<WebSocketSession> {
  const settings = websocketSettingsFrom(options);
  const { protocols = [], headers = [], timeoutMs = 10_000, signal } = options;
  return async (url) => {
    const { host, port, secure, ...place } = placeFrom(url);
    const tls = secure ? (options.tls ?? true) : false;
    const client = options.client ?? createClient({ host, port, tls, connectionsMax: 1 });
    try {
      const key = newKey();
      const asked = { key, protocols, deflate: settings.deflate };
      const request = {
        method: "GET",
        target: place.target,
        authority: place.authority,
        upgrade: "websocket",
        headers: [...handshakeRequest(key, asked), ...headers],
      };
      const response = await client.request(request, { timeoutMs, ...(signal === undefined ? {} : { signal }) });
      const duplex = switchedDuplex(response);
      try {
        const agreement = agreedHandshake(response.headers, asked);
        const session = connectDuplex(duplex, (output) => new WebSocketConnection(settings, output, { role: "client", ...agreement }));
        if (options.client === undefined) void session.whenClosed.then(() => client.close());
        return session;
      } catch (thrown) {
        duplex.destroy();
        throw thrown;
      }
    } catch (thrown) {
      if (options.client === undefined) void client.close();
      throw thrown;
    }
  };
}

function switchedDuplex(response: ClientResponse): ByteDuplex {
  const { status, duplex, body } = response;
  if (status === 101 && duplex !== undefined) return duplex;
  leave(body);
  throw new WireError(wireReasons.WEBSOCKET_REFUSED, `expected status 101, found ${status}`, { sent: true, answered: true });
}

interface Place {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly authority: string;
  readonly target: string;
}

function placeFrom(url: string): Place {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || parsed.hash !== "" || (parsed.protocol !== "ws:" && parsed.protocol !== "wss:")) {
    throw new WireError(wireReasons.REQUEST_INVALID, `expected ws://host:port/path or wss://host:port/path, found ${JSON.stringify(url)}`);
  }
  const host = parsed.hostname.replace(/^\[(.*)\]$/, "$1");
  const secure = parsed.protocol === "wss:";
  const port = parsed.port === "" ? (secure ? 443 : 80) : Number(parsed.port);
  return { host, port, secure, authority: parsed.host, target: parsed.pathname + parsed.search };
}
