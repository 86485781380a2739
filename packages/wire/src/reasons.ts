import { http2Reasons } from "./http2/reasons.ts";
import { tlsReasons } from "./tls-reasons.ts";
import { websocketReasons } from "./websocket/reasons.ts";

/** The gRPC code names that wire uses; the table with their numbers stands in kit. */
export type WireCode =
  | "CANCELLED"
  | "INVALID_ARGUMENT"
  | "PERMISSION_DENIED"
  | "UNAUTHENTICATED"
  | "DEADLINE_EXCEEDED"
  | "RESOURCE_EXHAUSTED"
  | "UNIMPLEMENTED"
  | "INTERNAL"
  | "UNAVAILABLE";

/** One refusal of the catalogue; `status` is what an HTTP client is answered. */
export interface WireReason {
  readonly reason: string;
  readonly code: WireCode;
  readonly status: number;
  readonly meaning: string;
}

/** What a WireError may carry: how far the exchange had come, and what went wrong underneath. */
export interface WireErrorOptions {
  readonly sent?: boolean;
  readonly answered?: boolean;
  readonly cause?: unknown;
  readonly http2Code?: number | undefined;
}

/** What wire rejects with. It carries the brand of a Fault, so kit treats it as one, though wire imports nothing. */
export class WireError extends Error {
  readonly brand = "weir.fault";
  readonly code: WireCode;
  readonly reason: string;
  readonly status: number;
  readonly details: readonly never[] = [];
  readonly retryAfterMs: number | undefined = undefined;
  /** Client only: whether any byte of the request may have reached the other side. False means a retry is always safe. */
  readonly sent: boolean;
  /** Client only: whether any byte of an answer has been seen. */
  readonly answered: boolean;
  /** The code of RST_STREAM or GOAWAY (RFC 9113 §7) that the peer sent, when that is what failed; peers may send unknown ones. */
  readonly http2Code: number | undefined;

  constructor(reason: Pick<WireReason, "reason" | "code" | "status">, message: string, options: WireErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "WireError";
    this.code = reason.code;
    this.reason = reason.reason;
    this.status = reason.status;
    this.sent = options.sent ?? false;
    this.answered = options.answered ?? false;
    this.http2Code = options.http2Code;
  }
}

/**
 * Refusals and failures of HTTP/1.1, and those that all protocols share. The first part is what a server answers to a request that it will not take;
 * the middle what a handler did wrong (a bare 500 for the client); the last what a client rejects with.
 */
const httpReasons = {
  REQUEST_LINE_INVALID: {
    reason: "REQUEST_LINE_INVALID",
    code: "INVALID_ARGUMENT",
    status: 400,
    meaning: "The request line is not METHOD SP TARGET SP VERSION CRLF.",
  },
  METHOD_INVALID: { reason: "METHOD_INVALID", code: "INVALID_ARGUMENT", status: 400, meaning: "The method is not a token." },
  TARGET_INVALID: {
    reason: "TARGET_INVALID",
    code: "INVALID_ARGUMENT",
    status: 400,
    meaning: "The target holds characters that no target may hold, or bad percent-encoding.",
  },
  TARGET_AMBIGUOUS: {
    reason: "TARGET_AMBIGUOUS",
    code: "INVALID_ARGUMENT",
    status: 400,
    meaning:
      "The target can be read in more than one way: dot segments, encoded slashes, backslashes, a leading double slash, or another host than Host.",
  },
  LINE_FEED_BARE: { reason: "LINE_FEED_BARE", code: "INVALID_ARGUMENT", status: 400, meaning: "A line ended in LF without CR before it." },
  CARRIAGE_RETURN_BARE: { reason: "CARRIAGE_RETURN_BARE", code: "INVALID_ARGUMENT", status: 400, meaning: "A CR was not followed by LF." },
  CONTROL_CHARACTER: {
    reason: "CONTROL_CHARACTER",
    code: "INVALID_ARGUMENT",
    status: 400,
    meaning: "A control character stood in the head.",
  },
  HEADER_FOLDED: {
    reason: "HEADER_FOLDED",
    code: "INVALID_ARGUMENT",
    status: 400,
    meaning: "A header line began with white space (obsolete folding).",
  },
  HEADER_NAME_INVALID: {
    reason: "HEADER_NAME_INVALID",
    code: "INVALID_ARGUMENT",
    status: 400,
    meaning: "A header name is empty, holds a character that no name may hold, has white space before its colon, or the colon is missing.",
  },
  HOST_MISSING: { reason: "HOST_MISSING", code: "INVALID_ARGUMENT", status: 400, meaning: "An HTTP/1.1 request had no Host." },
  HOST_REPEATED: { reason: "HOST_REPEATED", code: "INVALID_ARGUMENT", status: 400, meaning: "A request had more than one Host." },
  HOST_INVALID: {
    reason: "HOST_INVALID",
    code: "INVALID_ARGUMENT",
    status: 400,
    meaning: "Host is not a name or address with an optional port.",
  },
  CONTENT_LENGTH_INVALID: {
    reason: "CONTENT_LENGTH_INVALID",
    code: "INVALID_ARGUMENT",
    status: 400,
    meaning: "Content-Length is not one plain decimal number that fits.",
  },
  CONTENT_LENGTH_REPEATED: {
    reason: "CONTENT_LENGTH_REPEATED",
    code: "INVALID_ARGUMENT",
    status: 400,
    meaning: "Content-Length stood more than once.",
  },
  FRAMING_AMBIGUOUS: {
    reason: "FRAMING_AMBIGUOUS",
    code: "INVALID_ARGUMENT",
    status: 400,
    meaning: "Content-Length and Transfer-Encoding stood together, Transfer-Encoding stood twice, or stood on HTTP/1.0.",
  },
  CHUNK_INVALID: {
    reason: "CHUNK_INVALID",
    code: "INVALID_ARGUMENT",
    status: 400,
    meaning: "A chunk's size, its extension or its end is malformed.",
  },
  TRAILER_INVALID: { reason: "TRAILER_INVALID", code: "INVALID_ARGUMENT", status: 400, meaning: "A trailer line is malformed." },
  TRAILER_FORBIDDEN: {
    reason: "TRAILER_FORBIDDEN",
    code: "INVALID_ARGUMENT",
    status: 400,
    meaning: "A trailer field named something that only a head may say.",
  },
  BODY_TRUNCATED: {
    reason: "BODY_TRUNCATED",
    code: "INVALID_ARGUMENT",
    status: 400,
    meaning: "The client ended its side before its body was whole.",
  },
  VERSION_UNSUPPORTED: {
    reason: "VERSION_UNSUPPORTED",
    code: "UNIMPLEMENTED",
    status: 505,
    meaning: "The version is neither HTTP/1.1 nor HTTP/1.0.",
  },
  TRANSFER_CODING_UNKNOWN: {
    reason: "TRANSFER_CODING_UNKNOWN",
    code: "UNIMPLEMENTED",
    status: 501,
    meaning: "A transfer coding other than chunked.",
  },
  CONNECT_UNSUPPORTED: {
    reason: "CONNECT_UNSUPPORTED",
    code: "UNIMPLEMENTED",
    status: 501,
    meaning: "The method CONNECT: no tunnels here.",
  },
  EXPECTATION_UNKNOWN: {
    reason: "EXPECTATION_UNKNOWN",
    code: "INVALID_ARGUMENT",
    status: 417,
    meaning: "An Expect other than 100-continue.",
  },
  HEAD_TOO_LARGE: { reason: "HEAD_TOO_LARGE", code: "RESOURCE_EXHAUSTED", status: 431, meaning: "The head is longer than headBytesMax." },
  HEADERS_TOO_MANY: {
    reason: "HEADERS_TOO_MANY",
    code: "RESOURCE_EXHAUSTED",
    status: 431,
    meaning: "The head has more than headerCountMax lines.",
  },
  TRAILERS_TOO_LARGE: {
    reason: "TRAILERS_TOO_LARGE",
    code: "RESOURCE_EXHAUSTED",
    status: 431,
    meaning: "Trailers are longer than trailerBytesMax.",
  },
  TARGET_TOO_LONG: {
    reason: "TARGET_TOO_LONG",
    code: "RESOURCE_EXHAUSTED",
    status: 414,
    meaning: "The target is longer than targetBytesMax.",
  },
  BODY_TOO_LARGE: { reason: "BODY_TOO_LARGE", code: "RESOURCE_EXHAUSTED", status: 413, meaning: "The body is longer than bodyBytesMax." },
  CONNECTIONS_TOO_MANY: {
    reason: "CONNECTIONS_TOO_MANY",
    code: "RESOURCE_EXHAUSTED",
    status: 503,
    meaning: "The server already has connectionsMax connections.",
  },
  HEAD_TIMEOUT: {
    reason: "HEAD_TIMEOUT",
    code: "DEADLINE_EXCEEDED",
    status: 408,
    meaning: "The head did not arrive whole within headerMs.",
  },
  BODY_TIMEOUT: {
    reason: "BODY_TIMEOUT",
    code: "DEADLINE_EXCEEDED",
    status: 408,
    meaning: "No byte of the body arrived within bodyIdleMs.",
  },
  REQUEST_TIMEOUT: {
    reason: "REQUEST_TIMEOUT",
    code: "DEADLINE_EXCEEDED",
    status: 408,
    meaning: "The request did not arrive whole within requestMs.",
  },
  CLIENT_GONE: { reason: "CLIENT_GONE", code: "CANCELLED", status: 499, meaning: "The client went away, or stopped reading its answer." },
  RESPONSE_HEADER_INVALID: {
    reason: "RESPONSE_HEADER_INVALID",
    code: "INTERNAL",
    status: 500,
    meaning: "A handler gave a header with an invalid name, a control character in its value, or one that belongs to the framing.",
  },
  RESPONSE_INVALID: {
    reason: "RESPONSE_INVALID",
    code: "INTERNAL",
    status: 500,
    meaning: "A handler gave a status or a body that cannot be sent.",
  },
  HANDLER_FAILED: { reason: "HANDLER_FAILED", code: "INTERNAL", status: 500, meaning: "A handler rejected instead of answering." },
  BODY_ALREADY_READ: { reason: "BODY_ALREADY_READ", code: "INTERNAL", status: 500, meaning: "A body stream was iterated twice." },
  REQUEST_INVALID: {
    reason: "REQUEST_INVALID",
    code: "INTERNAL",
    status: 500,
    meaning: "A request to be sent has an invalid method, target, authority or header.",
  },
  CONNECT_FAILED: { reason: "CONNECT_FAILED", code: "UNAVAILABLE", status: 503, meaning: "No connection to the origin could be made." },
  WAITERS_TOO_MANY: {
    reason: "WAITERS_TOO_MANY",
    code: "UNAVAILABLE",
    status: 503,
    meaning: "All connections are busy and waitersMax requests wait already.",
  },
  CLIENT_CLOSED: { reason: "CLIENT_CLOSED", code: "UNAVAILABLE", status: 503, meaning: "The client has been closed." },
  CONNECTION_STALE: {
    reason: "CONNECTION_STALE",
    code: "UNAVAILABLE",
    status: 502,
    meaning: "A kept-alive connection died before any byte of an answer: the origin may have closed it just before the request came.",
  },
  CONNECTION_RESET: {
    reason: "CONNECTION_RESET",
    code: "UNAVAILABLE",
    status: 502,
    meaning: "The connection broke before the answer's head was whole.",
  },
  UPSTREAM_HEAD_INVALID: { reason: "UPSTREAM_HEAD_INVALID", code: "UNAVAILABLE", status: 502, meaning: "The answer's head is malformed." },
  UPSTREAM_FRAMING_INVALID: {
    reason: "UPSTREAM_FRAMING_INVALID",
    code: "UNAVAILABLE",
    status: 502,
    meaning: "The answer's length is malformed or said in more than one way.",
  },
  UPSTREAM_HEAD_TOO_LARGE: {
    reason: "UPSTREAM_HEAD_TOO_LARGE",
    code: "UNAVAILABLE",
    status: 502,
    meaning: "The answer's head is longer than headBytesMax or has too many lines.",
  },
  UPSTREAM_BODY_INVALID: {
    reason: "UPSTREAM_BODY_INVALID",
    code: "UNAVAILABLE",
    status: 502,
    meaning: "The answer's chunks or trailers are malformed or too large.",
  },
  UPSTREAM_BODY_TRUNCATED: {
    reason: "UPSTREAM_BODY_TRUNCATED",
    code: "UNAVAILABLE",
    status: 502,
    meaning: "The connection ended before the answer's body was whole.",
  },
  CONNECT_TIMEOUT: {
    reason: "CONNECT_TIMEOUT",
    code: "DEADLINE_EXCEEDED",
    status: 504,
    meaning: "No connection to the origin within connectMs.",
  },
  WAIT_TIMEOUT: { reason: "WAIT_TIMEOUT", code: "DEADLINE_EXCEEDED", status: 504, meaning: "No connection became free in time." },
  UPSTREAM_HEAD_TIMEOUT: {
    reason: "UPSTREAM_HEAD_TIMEOUT",
    code: "DEADLINE_EXCEEDED",
    status: 504,
    meaning: "No whole head of an answer within headerMs.",
  },
  UPSTREAM_BODY_TIMEOUT: {
    reason: "UPSTREAM_BODY_TIMEOUT",
    code: "DEADLINE_EXCEEDED",
    status: 504,
    meaning: "No byte of the answer's body within bodyIdleMs.",
  },
  TOTAL_TIMEOUT: {
    reason: "TOTAL_TIMEOUT",
    code: "DEADLINE_EXCEEDED",
    status: 504,
    meaning: "The answer was not whole within the request's time.",
  },
  REQUEST_CANCELLED: { reason: "REQUEST_CANCELLED", code: "CANCELLED", status: 499, meaning: "Whoever asked gave up." },
} as const;

/** Every refusal and failure of wire, those of HTTP/2, TLS and WebSocket included. */
export const wireReasons: typeof httpReasons & typeof http2Reasons & typeof tlsReasons & typeof websocketReasons = {
  ...httpReasons,
  ...http2Reasons,
  ...tlsReasons,
  ...websocketReasons,
};
