import type { Code } from "@weir/kit/fault";

/**
 * Why the gateway answers a request by itself. `cause` is how it is counted in metrics, reports and the access log;
 * `status` is what the client is answered, which may differ from that of the code (502, 508). Also in docs/reasons.md.
 */
export const gatewayReasons = {
  NO_SNAPSHOT: {
    reason: "NO_SNAPSHOT",
    code: "UNAVAILABLE",
    status: 503,
    cause: "NO_SNAPSHOT",
    meaning: "The gateway has not yet been told any routes.",
  },
  NO_ROUTE: {
    reason: "NO_ROUTE",
    code: "NOT_FOUND",
    status: 404,
    cause: "NO_ROUTE",
    meaning: "No route matches the host and path.",
  },
  NO_HEALTHY_ENDPOINT: {
    reason: "NO_HEALTHY_ENDPOINT",
    code: "UNAVAILABLE",
    status: 503,
    cause: "NO_HEALTHY_ENDPOINT",
    meaning: "The version that the user belongs to has no endpoint to ask, and no other version may answer in its place.",
  },
  CONNECT_FAILED: {
    reason: "CONNECT_FAILED",
    code: "UNAVAILABLE",
    status: 502,
    cause: "CONNECT_FAILED",
    meaning: "No connection to the endpoint came about; nothing of the request was sent.",
  },
  UPSTREAM_RESET: {
    reason: "UPSTREAM_RESET",
    code: "UNAVAILABLE",
    status: 502,
    cause: "RESET",
    meaning: "The endpoint closed the connection before its answer was there. It may have acted on the request.",
  },
  UPSTREAM_TIMEOUT: {
    reason: "UPSTREAM_TIMEOUT",
    code: "DEADLINE_EXCEEDED",
    status: 504,
    cause: "TIMEOUT",
    meaning: "The endpoint did not answer within the time-out of the route.",
  },
  UPSTREAM_INVALID: {
    reason: "UPSTREAM_INVALID",
    code: "INTERNAL",
    status: 502,
    cause: "BAD_ANSWER",
    meaning: "The endpoint answered something that HTTP does not allow.",
  },
  UPSTREAM_REFUSED: {
    reason: "UPSTREAM_REFUSED",
    code: "UNAVAILABLE",
    status: 503,
    cause: "REFUSED",
    meaning: "The endpoint turned the request away before it looked at it, or was going away: nothing was done.",
  },
  UPSTREAM_NOT_GRPC: {
    reason: "UPSTREAM_NOT_GRPC",
    code: "UNKNOWN",
    status: 502,
    cause: "NOT_GRPC",
    meaning: "The endpoint answered a call of gRPC with something else; the code is that of its HTTP status.",
  },
  TIMEOUT_INVALID: {
    reason: "TIMEOUT_INVALID",
    code: "INVALID_ARGUMENT",
    status: 400,
    cause: "TIMEOUT_INVALID",
    meaning: "A grpc-timeout or connect-timeout-ms is not a time.",
  },
  GRPC_WEB_TEXT_INVALID: {
    reason: "GRPC_WEB_TEXT_INVALID",
    code: "INVALID_ARGUMENT",
    status: 400,
    cause: "BODY_INVALID",
    meaning: "A body in the text form of gRPC-Web is not base64.",
  },
  MESSAGE_UNREADABLE: {
    reason: "MESSAGE_UNREADABLE",
    code: "INVALID_ARGUMENT",
    status: 400,
    cause: "BODY_INVALID",
    meaning: "A message that is to be translated for an endpoint of gRPC does not fit its contract.",
  },
  ENDPOINT_UNDESCRIBED: {
    reason: "ENDPOINT_UNDESCRIBED",
    code: "UNIMPLEMENTED",
    status: 501,
    cause: "ENDPOINT_UNDESCRIBED",
    meaning: "The endpoint speaks gRPC alone and does not say by reflection what it serves, so nothing can be translated for it.",
  },
  SESSIONS_TOO_MANY: {
    reason: "SESSIONS_TOO_MANY",
    code: "UNAVAILABLE",
    status: 503,
    cause: "OVERLOAD",
    meaning: "The gateway carries as many upgraded connections as it may.",
  },
  UPGRADE_REFUSED: {
    reason: "UPGRADE_REFUSED",
    code: "UNIMPLEMENTED",
    status: 501,
    cause: "UPGRADE_REFUSED",
    meaning: "A stream was to be handed over to a protocol that carries requests itself, past all that the gateway stands for.",
  },
  OVERLOAD: {
    reason: "OVERLOAD",
    code: "UNAVAILABLE",
    status: 503,
    cause: "OVERLOAD",
    meaning: "The gateway, or every endpoint that could answer, carries as many requests as it may; nothing was sent.",
  },
  LOOP_DETECTED: {
    reason: "LOOP_DETECTED",
    code: "FAILED_PRECONDITION",
    status: 508,
    cause: "LOOP_DETECTED",
    meaning: "The request has come through this gateway several times already.",
  },
  CLIENT_GONE: {
    reason: "CLIENT_GONE",
    code: "CANCELLED",
    status: 499,
    cause: "CLIENT_GONE",
    meaning: "The client went away before the answer was there. Nobody is answered; it stands in the access log only.",
  },
  GATEWAY_FAILED: {
    reason: "GATEWAY_FAILED",
    code: "INTERNAL",
    status: 500,
    cause: "GATEWAY_FAILED",
    meaning: "The gateway itself failed in a way that nobody planned for; the log holds the cause under the request id.",
  },
  TRUSTED_PROXY_INVALID: {
    reason: "TRUSTED_PROXY_INVALID",
    code: "INVALID_ARGUMENT",
    status: 500,
    cause: "TRUSTED_PROXY_INVALID",
    meaning: "An entry of the trusted proxies is neither an address nor a CIDR; the gateway does not start.",
  },
  SNAPSHOT_FILE_INVALID: {
    reason: "SNAPSHOT_FILE_INVALID",
    code: "DATA_LOSS",
    status: 500,
    cause: "SNAPSHOT_FILE_INVALID",
    meaning: "The stored Snapshot is cut off or damaged; the gateway starts empty and waits for control.",
  },
  SNAPSHOT_STALE: {
    reason: "SNAPSHOT_STALE",
    code: "FAILED_PRECONDITION",
    status: 500,
    cause: "SNAPSHOT_STALE",
    meaning: "Control sent a lower revision than the one held, within one epoch; it was not taken.",
  },
  SNAPSHOT_EMPTY: {
    reason: "SNAPSHOT_EMPTY",
    code: "FAILED_PRECONDITION",
    status: 500,
    cause: "SNAPSHOT_EMPTY",
    meaning: "A new epoch began with an empty Snapshot while the held one has routes; it was not taken.",
  },
  SNAPSHOT_NOT_STORED: {
    reason: "SNAPSHOT_NOT_STORED",
    code: "INTERNAL",
    status: 500,
    cause: "SNAPSHOT_NOT_STORED",
    meaning: "The Snapshot could not be written to the state directory; it applies, but is not acknowledged.",
  },
} as const;

/** Names of the reasons above. */
export type GatewayReasonName = keyof typeof gatewayReasons;

/** One entry of the catalogue. */
export type GatewayReason = (typeof gatewayReasons)[GatewayReasonName];

/** What a request or an attempt may have run into, as counted in metrics, reports and the access log. */
export type Cause =
  | GatewayReason["cause"]
  | "BODY_INVALID"
  | "ANSWERED_5XX"
  | `ANSWERED_${Code}`
  | "FALLBACK_USED"
  | "RETRY_USED"
  | "RETRY_DENIED";
