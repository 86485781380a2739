// For users: serve and call.
export { createServer, type ListenAddress, type ListenOptions, type Server } from "./server.ts";
export { createClient, type Client, type ClientState } from "./client.ts";
export type { ClientRequest, ClientResponse, RequestOptions } from "./client-call.ts";
export type { ClientOptions, ClientTimeouts } from "./client-options.ts";
export type { Http2ClientOptions } from "./http2/client-options.ts";
export type { Http2Limits } from "./http2/limits.ts";
export type { ServerLimits, ServerOptions, ServerProtocol, ServerTimeouts } from "./options.ts";
export type { TlsServerOptions } from "./tls.ts";
export type { TlsClientOptions } from "./tls-client.ts";
export { createTlsMaterial } from "./tls-client-material.ts";
export type { SharedTlsMaterial, TlsClientMaterial } from "./tls-client-material.ts";
export type { Pem, TlsCertificate, TlsMaterial } from "./tls-material.ts";
export type { ServerCounters } from "./counters.ts";
export {
  headerValue,
  type Body,
  type BodyStream,
  type ByteDuplex,
  type Exchange,
  type HeaderList,
  type HttpHandler,
  type HttpRequest,
  type HttpResponse,
} from "./http.ts";
export { WireError, wireReasons, type WireCode, type WireErrorOptions, type WireReason } from "./reasons.ts";
export { readBody } from "./read-body.ts";
export { bodyWithTrailers } from "./whole-body.ts";
export { createWebSocketServer, type WebSocketServer, type WebSocketServerOptions } from "./websocket/server.ts";
export { connectWebSocket, createWebSocketConnector, type ConnectOptions } from "./websocket/client.ts";
export type { WebSocketListener, WebSocketSession } from "./websocket/session.ts";
export type { WebSocketClose } from "./websocket/close-codes.ts";
export type { WebSocketCounters, WebSocketLimits, WebSocketOptions, WebSocketTimeouts } from "./websocket/options.ts";
export type { DeflateOptions } from "./websocket/deflate-options.ts";
export type { OriginRule } from "./websocket/handshake.ts";

// For tests and transports: the same state machine without a socket.
export { createConnection, type ServerConnection } from "./http1/connection.ts";
export { createHttp2Connection, type Http2ServerConnection } from "./http2/server-connection.ts";
export type { Peer } from "./http1/exchange.ts";
export type { ConnectionOutput } from "./http1/output.ts";
export { joinDuplexes } from "./http1/byte-duplex.ts";
export type { MessageLimits } from "./http1/limits.ts";
export type { WireClock } from "./clock.ts";
export { createWebSocketConnection } from "./websocket/create-connection.ts";
export type { WebSocketAgreement, WebSocketConnection } from "./websocket/connection.ts";
