import type { ConnectionOutput } from "../http1/output.ts";
import { WebSocketConnection, type WebSocketAgreement } from "./connection.ts";
import { websocketSettingsFrom, type WebSocketOptions } from "./options.ts";

/**
 * One WebSocket connection without a socket: bytes in by `receive`, bytes out by `output`. The same state machine that
 * servers and clients run; for tests, fuzzers, and transports of one's own.
 */
export function createWebSocketConnection(
  output: ConnectionOutput,
  options: WebSocketOptions & { readonly agreement: WebSocketAgreement },
): WebSocketConnection {
  return new WebSocketConnection(websocketSettingsFrom(options), output, options.agreement);
}
