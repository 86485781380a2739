// For users: serve and call.
export { createServer, type ListenAddress, type ListenOptions, type Server } from "./server.ts";
export { createClient, type Client, type ClientState } from "./client.ts";
export type { ClientRequest, ClientResponse, RequestOptions } from "./client-call.ts";
export type { ClientOptions, ClientTimeouts } from "./client-options.ts";
export type { ServerLimits, ServerOptions, ServerTimeouts } from "./options.ts";
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

// For tests and transports: the same state machine without a socket.
export { createConnection, type ServerConnection } from "./http1/connection.ts";
export type { Peer } from "./http1/exchange.ts";
export type { ConnectionOutput } from "./http1/output.ts";
export { joinDuplexes } from "./http1/byte-duplex.ts";
export type { MessageLimits } from "./http1/limits.ts";
export type { WireClock } from "./clock.ts";
