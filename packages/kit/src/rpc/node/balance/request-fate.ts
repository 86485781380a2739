import type { ClientResponse, RequestOptions, WireError } from "@weir/wire";
import { headerValue, wireReasons } from "@weir/wire";

/**
 * What the end of a request says of its endpoint: it answered well or badly, not before the caller's time was over, no connection could be
 * made, the caller gave up without saying why, or nothing.
 */
export type Outcome = "success" | "failure" | "late" | "unreachable" | "given-up" | "unknown";

/**
 * Whether a request may be sent again. "unsent": it never left this process. "unprocessed": the other side has said that it did nothing with
 * it. "idempotent": only if doing it twice is the same as once. "never": not at all.
 */
export type Repeatability = "unsent" | "unprocessed" | "idempotent" | "never";

/** What a rejection means. */
export interface Fate {
  readonly outcome: Outcome;
  readonly repeatable: Repeatability;
  /** A connection was lost or could not be made: the list of endpoints may be old. */
  readonly disconnected: boolean;
  /** A kept connection had been closed meanwhile; others to the same endpoint may have been, too. */
  readonly stale?: boolean;
  /** Sending it again costs the endpoint nothing that it has not planned for. */
  readonly free?: boolean;
}

const unknown: Fate = { outcome: "unknown", repeatable: "never", disconnected: false };
const givenUp: Fate = { outcome: "given-up", repeatable: "never", disconnected: false };
const late: Fate = { outcome: "late", repeatable: "never", disconnected: false };
const unreachable: Fate = { outcome: "unreachable", repeatable: "unsent", disconnected: true };
const busy: Fate = { outcome: "unknown", repeatable: "unsent", disconnected: false };
const refused: Fate = { outcome: "unknown", repeatable: "unprocessed", disconnected: false };
/** A connection that goes away refuses all its last streams at once, and another takes them; a server that refuses a stream may be full. */
const goneAway: Fate = { ...refused, free: true };
const failed: Fate = { outcome: "failure", repeatable: "idempotent", disconnected: false };
const lost: Fate = { outcome: "failure", repeatable: "idempotent", disconnected: true };
/** A kept connection that was closed while the request came is how HTTP/1.1 servers stop; it says nothing bad of them. */
const stale: Fate = { outcome: "unknown", repeatable: "idempotent", disconnected: true, stale: true };

const fates: Readonly<Record<string, Fate>> = {
  [wireReasons.CONNECT_FAILED.reason]: unreachable,
  [wireReasons.CONNECT_TIMEOUT.reason]: unreachable,
  [wireReasons.CLIENT_CLOSED.reason]: busy,
  [wireReasons.WAITERS_TOO_MANY.reason]: busy,
  [wireReasons.WAIT_TIMEOUT.reason]: busy,
  [wireReasons.UPSTREAM_STREAM_REFUSED.reason]: refused,
  [wireReasons.CONNECTION_STALE.reason]: stale,
  [wireReasons.CONNECTION_RESET.reason]: lost,
  [wireReasons.PING_TIMEOUT.reason]: lost,
  [wireReasons.TOTAL_TIMEOUT.reason]: late,
};

/** What it means that a request was rejected. */
export function fateOf(thrown: unknown, options: RequestOptions): Fate {
  if (!isWireError(thrown)) return unknown;
  if (thrown.reason === wireReasons.REQUEST_CANCELLED.reason) {
    if (options.signal?.aborted !== true) return givenUp;
    return isDeadline(options.signal.reason) ? late : unknown;
  }
  const fate = isGoAway(thrown) ? goneAway : (fates[thrown.reason] ?? otherFate(thrown));
  // What wire says of the request itself comes before what the reason usually means.
  if (thrown.sent && fate.repeatable === "unsent") return { ...fate, repeatable: "idempotent" };
  if (!thrown.sent && fate.repeatable === "idempotent") return { ...fate, repeatable: "unprocessed" };
  return fate;
}

/** REFUSED_STREAM, RFC 9113 §7. */
const refusedStream = 7;

function isGoAway({ reason, http2Code }: WireError): boolean {
  return reason === wireReasons.UPSTREAM_STREAM_REFUSED.reason && http2Code !== undefined && http2Code !== refusedStream;
}

function otherFate({ reason, code, sent }: WireError): Fate {
  // A handshake that fails before the request has left: a certificate of that endpoint alone may have run out.
  if (reason.startsWith("TLS_") && !sent) return unreachable;
  return code === "UNAVAILABLE" || code === "DEADLINE_EXCEEDED" ? failed : unknown;
}

/** Codes of gRPC that blame whoever answers: those whose HTTP status is 500, 503 or 504. */
const blamed = new Set(["2", "4", "13", "14", "15"]);

/** What an answer whose body is whole or will not be looked at says of its endpoint. */
export function outcomeOf(response: ClientResponse): Outcome {
  const { status, headers, body } = response;
  if (status >= 500) return status === 501 || status === 505 ? "success" : "failure";
  const code = headerValue(headers, "grpc-status");
  if (code !== undefined) return blamed.has(code) ? "failure" : "success";
  return body === undefined || body instanceof Uint8Array ? "success" : outcomeOfTrailers(body.trailers?.());
}

/** Whether an answer says that another endpoint should do it: 503 or, of gRPC, UNAVAILABLE in place of an answer. One that starts or stops does. */
export function saysElsewhere({ status, headers, body }: ClientResponse): boolean {
  if (status === 503) return true;
  const code = headerValue(headers, "grpc-status");
  if (code !== undefined) return code === "14";
  const trailers = body === undefined || body instanceof Uint8Array || body.whole?.length !== 0 ? undefined : body.trailers?.();
  return trailers !== undefined && headerValue(trailers, "grpc-status") === "14";
}

/** What the trailers of an answer say of its endpoint. */
export function outcomeOfTrailers(trailers: readonly string[] | undefined): Outcome {
  const code = trailers === undefined ? undefined : headerValue(trailers, "grpc-status");
  return code !== undefined && blamed.has(code) ? "failure" : "success";
}

/** By brand: two copies of the package recognise each other's. */
function isWireError(thrown: unknown): thrown is WireError {
  return typeof thrown === "object" && thrown !== null && "sent" in thrown && "reason" in thrown && "brand" in thrown;
}

function isDeadline(reason: unknown): boolean {
  if (typeof reason !== "object" || reason === null) return false;
  return ("code" in reason && reason.code === "DEADLINE_EXCEEDED") || ("name" in reason && reason.name === "TimeoutError");
}
