/** Reasons why a data plane refuses a resource of a Snapshot, or the whole of it. */
export const snapshotReasons = {
  ROUTE_NAME_INVALID: {
    reason: "ROUTE_NAME_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "The name of a route is empty, too long, taken twice, or holds other characters than a-z, 0-9, dot and dash.",
  },
  ROUTE_HOST_INVALID: {
    reason: "ROUTE_HOST_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "The host of a route is not a lower-case host name without a port.",
  },
  ROUTE_PATH_INVALID: {
    reason: "ROUTE_PATH_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "The path prefix of a route does not begin with a slash, or holds what a path cannot hold.",
  },
  ROUTE_PATH_TAKEN: {
    reason: "ROUTE_PATH_TAKEN",
    code: "INVALID_ARGUMENT",
    meaning: "Another route has the same host and path prefix.",
  },
  ROUTE_SHARES_INVALID: {
    reason: "ROUTE_SHARES_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "The weights of a route do not sum to 10000, or name a version twice.",
  },
  ROUTE_CLUSTER_UNKNOWN: {
    reason: "ROUTE_CLUSTER_UNKNOWN",
    code: "INVALID_ARGUMENT",
    meaning: "A route sends users to a version that has no cluster.",
  },
  ROUTE_USER_ID_INVALID: {
    reason: "ROUTE_USER_ID_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "A route looks for the user id in a place that names no header, query parameter or cookie.",
  },
  ROUTE_TIMEOUT_INVALID: {
    reason: "ROUTE_TIMEOUT_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "The time-out of a route is longer than an hour.",
  },
  CLUSTER_NAME_INVALID: {
    reason: "CLUSTER_NAME_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "The service or version of a cluster is empty, too long, taken twice, or holds characters that names cannot hold.",
  },
  ENDPOINT_INVALID: {
    reason: "ENDPOINT_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "An endpoint of a cluster has no id, an id twice, or an address that is not host:port.",
  },
} as const;
