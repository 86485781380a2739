import { cacheReasons } from "./cache/reasons.ts";
import { eventReasons } from "./events/reasons.ts";
import { configReasons } from "./config/reasons.ts";
import { flowReasons } from "./flow/reasons.ts";
import { policyReasons } from "./policy/reasons.ts";

const ownReasons = {
  JSON_INVALID: {
    reason: "JSON_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "The JSON is malformed or does not fit the message; the text names the field, what was expected and what was found.",
  },
  BINARY_INVALID: {
    reason: "BINARY_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "The bytes are no protobuf message of the type; the text names the byte, what was expected and what was found.",
  },
  MESSAGE_INVALID: {
    reason: "MESSAGE_INVALID",
    code: "INTERNAL",
    meaning: "A message to be written holds a value that its contract does not allow: a mistake of this program.",
  },
  VALIDATION_FAILED: {
    reason: "VALIDATION_FAILED",
    code: "INVALID_ARGUMENT",
    meaning: "A request breaks rules that its contract has (buf.validate); the details name each field, its rule and what is wrong.",
  },
  CONTRACT_INVALID: {
    reason: "CONTRACT_INVALID",
    code: "FAILED_PRECONDITION",
    meaning: "A contract cannot be turned into code; the text names the place, what was expected and what was found.",
  },
  ROUTE_NOT_FOUND: {
    reason: "ROUTE_NOT_FOUND",
    code: "NOT_FOUND",
    meaning: "No method of this app answers the path.",
  },
  VERB_NOT_ALLOWED: {
    reason: "VERB_NOT_ALLOWED",
    code: "UNIMPLEMENTED",
    meaning: "The path exists, but not for this HTTP method; the Allow header lists those it has.",
  },
  CONTENT_TYPE_UNSUPPORTED: {
    reason: "CONTENT_TYPE_UNSUPPORTED",
    code: "INVALID_ARGUMENT",
    meaning: "The body is in a format that the method does not read; the text names those it does.",
  },
  ENCODING_UNSUPPORTED: {
    reason: "ENCODING_UNSUPPORTED",
    code: "UNIMPLEMENTED",
    meaning: "The message is compressed in a way that this side does not read; the text names those that it does.",
  },
  ENCODING_INVALID: {
    reason: "ENCODING_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "A message that is said to be compressed cannot be decompressed, or nobody said how it is compressed.",
  },
  DECOMPRESSED_TOO_LARGE: {
    reason: "DECOMPRESSED_TOO_LARGE",
    code: "RESOURCE_EXHAUSTED",
    meaning: "A message becomes larger than the limit of the side that reports it once it is decompressed; the rest of it was not.",
  },
  PROTOCOL_VERSION_UNSUPPORTED: {
    reason: "PROTOCOL_VERSION_UNSUPPORTED",
    code: "INVALID_ARGUMENT",
    meaning: "The header connect-protocol-version names another version than 1.",
  },
  TIMEOUT_INVALID: {
    reason: "TIMEOUT_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "The header connect-timeout-ms is no whole number of at most ten digits, or grpc-timeout none of at most eight and a unit.",
  },
  REQUEST_TOO_LARGE: {
    reason: "REQUEST_TOO_LARGE",
    code: "RESOURCE_EXHAUSTED",
    meaning: "A message of the request is larger than this app reads.",
  },
  RESPONSE_TOO_LARGE: {
    reason: "RESPONSE_TOO_LARGE",
    code: "RESOURCE_EXHAUSTED",
    meaning: "A message of the answer is larger than the limit of the side that reports it.",
  },
  PATH_INVALID: {
    reason: "PATH_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "The path is not valid percent-encoded UTF-8.",
  },
  QUERY_INVALID: {
    reason: "QUERY_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "The query cannot be read, or gives a single-valued field more than once.",
  },
  ENVELOPE_INVALID: {
    reason: "ENVELOPE_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "The enveloped messages of a request are cut off or flagged in an unknown way.",
  },
  REQUEST_COUNT_INVALID: {
    reason: "REQUEST_COUNT_INVALID",
    code: "UNIMPLEMENTED",
    meaning: "A method that takes one message was sent none, or more than one.",
  },
  METADATA_INVALID: {
    reason: "METADATA_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "Metadata whose name ends in -bin is not base64.",
  },
  HTTP_VERSION_UNSUPPORTED: {
    reason: "HTTP_VERSION_UNSUPPORTED",
    code: "UNIMPLEMENTED",
    meaning: "A request of gRPC came over HTTP/1.1; it needs HTTP/2, gRPC-Web and Connect do not.",
  },
  ORIGIN_NOT_ALLOWED: {
    reason: "ORIGIN_NOT_ALLOWED",
    code: "PERMISSION_DENIED",
    meaning: "A browser asked from an origin that the app's corsOrigins do not list.",
  },
  UPGRADE_REQUIRED: {
    reason: "UPGRADE_REQUIRED",
    code: "FAILED_PRECONDITION",
    meaning: "The method takes a stream, which REST carries over WebSocket only.",
  },
  HANDLER_MISSING: {
    reason: "HANDLER_MISSING",
    code: "FAILED_PRECONDITION",
    meaning: "A method of the contract has no handler, or something that is not a function.",
  },
  HANDLER_UNKNOWN: {
    reason: "HANDLER_UNKNOWN",
    code: "FAILED_PRECONDITION",
    meaning: "A handler belongs to no method of the contract.",
  },
  HANDLER_ANSWER_INVALID: {
    reason: "HANDLER_ANSWER_INVALID",
    code: "INTERNAL",
    meaning: "A handler or a layer answered a stream for a single message, or a single message for a stream.",
  },
  ROUTE_CONFLICT: {
    reason: "ROUTE_CONFLICT",
    code: "FAILED_PRECONDITION",
    meaning: "Two methods claim the same HTTP method and path, or one service is implemented twice.",
  },
  TEMPLATE_INVALID: {
    reason: "TEMPLATE_INVALID",
    code: "FAILED_PRECONDITION",
    meaning: "The path template of a google.api.http rule is malformed or names a field that a path cannot set.",
  },
  STREAM_UNSUPPORTED: {
    reason: "STREAM_UNSUPPORTED",
    code: "UNIMPLEMENTED",
    meaning: "The transport or the protocol cannot stream in this direction.",
  },
  STREAM_TRUNCATED: {
    reason: "STREAM_TRUNCATED",
    code: "INTERNAL",
    meaning: "The answer ended without its end message or trailers; what came before is valid, more may be missing.",
  },
  PEER_UNREACHABLE: {
    reason: "PEER_UNREACHABLE",
    code: "UNAVAILABLE",
    meaning: "The other side could not be reached, or the connection broke before the answer was there.",
  },
  PEER_ANSWER_INVALID: {
    reason: "PEER_ANSWER_INVALID",
    code: "INTERNAL",
    meaning: "The other side answered something that the protocol does not allow.",
  },
  PEER_ANSWER_FOREIGN: {
    reason: "PEER_ANSWER_FOREIGN",
    code: "UNKNOWN",
    meaning: "The other side answered in a content type that is not of the protocol: something else may listen there.",
  },
  ANSWER_COUNT_INVALID: {
    reason: "ANSWER_COUNT_INVALID",
    code: "UNIMPLEMENTED",
    meaning: "A method that answers one message was answered none, or more than one.",
  },
  PEER_HTTP_STATUS: {
    reason: "PEER_HTTP_STATUS",
    code: "UNKNOWN",
    meaning: "Something on the way answered a plain HTTP error; its status was mapped to the code.",
  },
  PEER_FAULT: {
    reason: "PEER_FAULT",
    code: "UNKNOWN",
    meaning: "The other side failed without naming a reason; its code was kept.",
  },
  DATABASE_URL_INVALID: {
    reason: "DATABASE_URL_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "The address of the database is none of sqlite:<file>, sqlite::memory: and postgres://….",
  },
  DATABASE_UNAVAILABLE: {
    reason: "DATABASE_UNAVAILABLE",
    code: "UNAVAILABLE",
    meaning: "The database could not be opened or reached, or went away; it is tried again with the next query.",
  },
  DATABASE_CONFLICT: {
    reason: "DATABASE_CONFLICT",
    code: "ALREADY_EXISTS",
    meaning: "A row with the same key is there already.",
  },
  DATABASE_BUSY: {
    reason: "DATABASE_BUSY",
    code: "ABORTED",
    meaning: "Others held or changed the same rows for longer than the retries lasted; nothing was written.",
  },
  DATABASE_CHANNEL_INVALID: {
    reason: "DATABASE_CHANNEL_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "A channel of changes is named by 1 to 60 letters a-z and _.",
  },
  MIGRATION_CHANGED: {
    reason: "MIGRATION_CHANGED",
    code: "FAILED_PRECONDITION",
    meaning: "A migration that the database has been through differs from the one in the program; add a new one instead.",
  },
  MIGRATION_UNKNOWN: {
    reason: "MIGRATION_UNKNOWN",
    code: "FAILED_PRECONDITION",
    meaning: "The database has been through a migration that this program does not know; a newer version wrote it.",
  },
  MIGRATION_FAILED: {
    reason: "MIGRATION_FAILED",
    code: "INTERNAL",
    meaning: "A migration failed and was undone; those before it stand, and the next start goes on from there.",
  },
  METRIC_INVALID: {
    reason: "METRIC_INVALID",
    code: "FAILED_PRECONDITION",
    meaning: "A metric, label or bucket is named or used in a way that Prometheus or its first declaration does not allow.",
  },
  HISTOGRAM_INVALID: {
    reason: "HISTOGRAM_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "Counts that are said to come from a latency histogram do not fit its buckets.",
  },
  DAEMON_FAILED: {
    reason: "DAEMON_FAILED",
    code: "INTERNAL",
    meaning: "A long-running part broke, and with it everything that was started beside it.",
  },
  DAEMON_STUCK: {
    reason: "DAEMON_STUCK",
    code: "DEADLINE_EXCEEDED",
    meaning: "A long-running part did not stop in time and was left behind.",
  },
  SERVICE_UNKNOWN: {
    reason: "SERVICE_UNKNOWN",
    code: "NOT_FOUND",
    meaning: "The health of a service was asked for that this server does not have.",
  },
  SERVICES_TOO_MANY: {
    reason: "SERVICES_TOO_MANY",
    code: "RESOURCE_EXHAUSTED",
    meaning: "The server has more services than one answer may list; ask for each by its name.",
  },
  REFLECTION_INVALID: {
    reason: "REFLECTION_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "A reflection request asks for nothing that the server knows of; newer kinds of requests among them.",
  },
  APP_NOT_SERVING: {
    reason: "APP_NOT_SERVING",
    code: "UNAVAILABLE",
    meaning: "The app has not finished warming up, or it stops; another instance takes the call.",
  },
  WARM_UP_FAILED: {
    reason: "WARM_UP_FAILED",
    code: "INTERNAL",
    meaning: "A step of the warm-up failed, so the app never began to serve.",
  },
  WORKER_ENDED: {
    reason: "WORKER_ENDED",
    code: "INTERNAL",
    meaning: "A worker of an app ended before it served, or did not come to serve in time; its own log says why.",
  },
  WORKERS_REPLACE_FAILED: {
    reason: "WORKERS_REPLACE_FAILED",
    code: "FAILED_PRECONDITION",
    meaning: "The successor of a worker did not come to serve; the workers that are left go on.",
  },
  PRACTICE_FAILED: {
    reason: "PRACTICE_FAILED",
    code: "INTERNAL",
    meaning: "A call that an app made to itself to warm up failed; the first of its users would have seen the same.",
  },
  WARM_UP_TIMEOUT: {
    reason: "WARM_UP_TIMEOUT",
    code: "DEADLINE_EXCEEDED",
    meaning: "The warm-up took longer than its bound, so the app never began to serve.",
  },
  HOT_MODULE_INVALID: {
    reason: "HOT_MODULE_INVALID",
    code: "FAILED_PRECONDITION",
    meaning: "A module that was to be swapped in cannot be loaded; the text names its file, the line and what is wrong.",
  },
  HOT_SWAP_REFUSED: {
    reason: "HOT_SWAP_REFUSED",
    code: "FAILED_PRECONDITION",
    meaning: "What was to be swapped in did not load, warm up or pass its self-test in time; the generation before goes on.",
  },
  HOT_SWAP_BUSY: {
    reason: "HOT_SWAP_BUSY",
    code: "RESOURCE_EXHAUSTED",
    meaning: "Another swap is under way, or as many generations as may be kept have calls in flight.",
  },
  HOT_SWAP_EMPTY: {
    reason: "HOT_SWAP_EMPTY",
    code: "UNAVAILABLE",
    meaning: "Nothing has been swapped in yet, or there is no generation to roll back to.",
  },
  GENERATION_RETIRED: {
    reason: "GENERATION_RETIRED",
    code: "UNAVAILABLE",
    meaning: "A stream outlasted the generation that it began with by more than may be; ask again and the current one answers.",
  },
  ADMIN_PAGE_TAKEN: {
    reason: "ADMIN_PAGE_TAKEN",
    code: "ALREADY_EXISTS",
    meaning: "A page of the admin port was given a path that another has, or that is none.",
  },
  ADMIN_CHANGE_REFUSED: {
    reason: "ADMIN_CHANGE_REFUSED",
    code: "PERMISSION_DENIED",
    meaning: "A change by the admin port came from another machine, from a page in a browser, or not as JSON.",
  },
  ADDRESS_UNAVAILABLE: {
    reason: "ADDRESS_UNAVAILABLE",
    code: "FAILED_PRECONDITION",
    meaning: "The address to listen on is taken by another process or not allowed to this one.",
  },
  TLS_FILE_UNREADABLE: {
    reason: "TLS_FILE_UNREADABLE",
    code: "FAILED_PRECONDITION",
    meaning: "A file of certificates or keys is missing, may not be read, or is too long.",
  },
  ENVIRONMENT_INVALID: {
    reason: "ENVIRONMENT_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "A variable of the environment has a value that it cannot have; the text names it.",
  },
  TARGET_INVALID: {
    reason: "TARGET_INVALID",
    code: "FAILED_PRECONDITION",
    meaning: "A target is none of static:///, dns:/// and weir:///, or an address in it is not host:port.",
  },
  TARGET_UNRESOLVED: {
    reason: "TARGET_UNRESOLVED",
    code: "UNAVAILABLE",
    meaning: "The endpoints of a target could not be learnt, or not in time; the text says why.",
  },
  ENDPOINTS_NONE: {
    reason: "ENDPOINTS_NONE",
    code: "UNAVAILABLE",
    meaning: "The target answered that it has no endpoints, and none were known from before.",
  },
  CALLS_WAITING_TOO_MANY: {
    reason: "CALLS_WAITING_TOO_MANY",
    code: "RESOURCE_EXHAUSTED",
    meaning: "As many calls wait for the endpoints of a target as may.",
  },
} as const;

/** Reasons that the kit gives beside those of the grammar (`coreReasons` in fault.ts). Also listed in docs/reasons.md. */
export const kitReasons: typeof ownReasons &
  typeof cacheReasons &
  typeof configReasons &
  typeof eventReasons &
  typeof flowReasons &
  typeof policyReasons = {
  ...ownReasons,
  ...cacheReasons,
  ...configReasons,
  ...eventReasons,
  ...flowReasons,
  ...policyReasons,
};
