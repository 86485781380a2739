/** Every reason that control gives, beside those of kit, wire and api. Each key is its reason. */
export const controlReasons = {
  // every method
  REASON_MISSING: {
    reason: "REASON_MISSING",
    code: "INVALID_ARGUMENT",
    meaning: "A change needs a reason, and the one given is empty or blank.",
  },
  REASON_TOO_LONG: {
    reason: "REASON_TOO_LONG",
    code: "INVALID_ARGUMENT",
    meaning: "The reason given for a change is longer than 500 characters.",
  },
  PAGE_INVALID: {
    reason: "PAGE_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "More entries, seconds or columns were asked for than one answer holds.",
  },
  WRITES_TOO_MANY: {
    reason: "WRITES_TOO_MANY",
    code: "RESOURCE_EXHAUSTED",
    meaning: "Too many changes wait for their turn already; nothing was changed.",
  },
  CONTROL_SUPERSEDED: {
    reason: "CONTROL_SUPERSEDED",
    code: "UNAVAILABLE",
    meaning: "Another control has taken over this database; this one changes nothing any more.",
  },
  UNAUDITED: {
    reason: "UNAUDITED",
    code: "INTERNAL",
    meaning: "A method that changes something was reached without the audit around it; nothing was changed.",
  },
  // identity
  TOKEN_MISSING: {
    reason: "TOKEN_MISSING",
    code: "UNAUTHENTICATED",
    meaning: "The method needs a token, and the call brings none as `authorization: Bearer …`.",
  },
  TOKEN_UNKNOWN: {
    reason: "TOKEN_UNKNOWN",
    code: "UNAUTHENTICATED",
    meaning: "Control does not know the token.",
  },
  TOKEN_EXPIRED: {
    reason: "TOKEN_EXPIRED",
    code: "UNAUTHENTICATED",
    meaning: "The token was good until a time that has passed.",
  },
  TOKEN_REVOKED: {
    reason: "TOKEN_REVOKED",
    code: "UNAUTHENTICATED",
    meaning: "The token has been revoked.",
  },
  ROLE_INSUFFICIENT: {
    reason: "ROLE_INSUFFICIENT",
    code: "PERMISSION_DENIED",
    meaning: "The token's role does not reach to this method.",
  },
  SERVICE_NOT_PERMITTED: {
    reason: "SERVICE_NOT_PERMITTED",
    code: "PERMISSION_DENIED",
    meaning: "The token is limited to other services.",
  },
  ATTEMPTS_TOO_MANY: {
    reason: "ATTEMPTS_TOO_MANY",
    code: "RESOURCE_EXHAUSTED",
    meaning: "Too many refused attempts from this address or with this token; try again later.",
  },
  TOKEN_INVALID: {
    reason: "TOKEN_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "The token asked for has no name, no role, too long a life, or limits that its role cannot have.",
  },
  TOKEN_NOT_FOUND: {
    reason: "TOKEN_NOT_FOUND",
    code: "NOT_FOUND",
    meaning: "There is no token with this id.",
  },
  TOKENS_TOO_MANY: {
    reason: "TOKENS_TOO_MANY",
    code: "RESOURCE_EXHAUSTED",
    meaning: "There are as many tokens or open links as control keeps.",
  },
  LINK_UNKNOWN: {
    reason: "LINK_UNKNOWN",
    code: "UNAUTHENTICATED",
    meaning: "Control has made no link with this code.",
  },
  LINK_EXPIRED: {
    reason: "LINK_EXPIRED",
    code: "UNAUTHENTICATED",
    meaning: "The link was good for ten minutes that have passed.",
  },
  LINK_USED: {
    reason: "LINK_USED",
    code: "UNAUTHENTICATED",
    meaning: "The link has been opened before; each works once.",
  },
  // registry
  INSTANCE_INVALID: {
    reason: "INSTANCE_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "A field of the instance cannot stand as it is; the message names it.",
  },
  INSTANCES_TOO_MANY: {
    reason: "INSTANCES_TOO_MANY",
    code: "RESOURCE_EXHAUSTED",
    meaning: "There are as many instances as control keeps.",
  },
  // releases and routes
  SERVICE_UNKNOWN: {
    reason: "SERVICE_UNKNOWN",
    code: "NOT_FOUND",
    meaning: "No instance of this service has ever registered.",
  },
  VERSION_UNKNOWN: {
    reason: "VERSION_UNKNOWN",
    code: "INVALID_ARGUMENT",
    meaning: "The service has no instance and no release of this version.",
  },
  VERSION_IS_STABLE: {
    reason: "VERSION_IS_STABLE",
    code: "FAILED_PRECONDITION",
    meaning: "All users are on this version already, so there is nothing to release.",
  },
  RELEASE_UNDER_WAY: {
    reason: "RELEASE_UNDER_WAY",
    code: "FAILED_PRECONDITION",
    meaning: "Some users are on the new version; a release begins when all or none are.",
  },
  RELEASE_NOT_UNDER_WAY: {
    reason: "RELEASE_NOT_UNDER_WAY",
    code: "FAILED_PRECONDITION",
    meaning: "The service has one version, so there is nothing to move users to.",
  },
  RELEASE_CHANGED: {
    reason: "RELEASE_CHANGED",
    code: "ABORTED",
    meaning: "The release is no longer at the revision that the change was made for.",
  },
  WEIGHTS_INCOMPLETE: {
    reason: "WEIGHTS_INCOMPLETE",
    code: "INVALID_ARGUMENT",
    meaning: "The weights do not name the new and the stable version, each once.",
  },
  WEIGHTS_SUM_INVALID: {
    reason: "WEIGHTS_SUM_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "The weights do not sum to 10000.",
  },
  ROUTE_UNKNOWN: {
    reason: "ROUTE_UNKNOWN",
    code: "NOT_FOUND",
    meaning: "There is no route of this name.",
  },
  ROUTES_TOO_MANY: {
    reason: "ROUTES_TOO_MANY",
    code: "RESOURCE_EXHAUSTED",
    meaning: "There are as many routes as control keeps.",
  },
  // settings
  CONFIG_SUBSCRIBER_INVALID: {
    reason: "CONFIG_SUBSCRIBER_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "The service, version, instance or keys of a subscription to settings cannot stand as they are.",
  },
  CONFIGS_TOO_MANY: {
    reason: "CONFIGS_TOO_MANY",
    code: "RESOURCE_EXHAUSTED",
    meaning: "There are as many subscriptions to settings, or versions with settings, as control keeps.",
  },
  CONFIG_SERVICE_UNKNOWN: {
    reason: "CONFIG_SERVICE_UNKNOWN",
    code: "NOT_FOUND",
    meaning: "No instance of this service (and version) has ever subscribed to settings, so nobody knows what it takes.",
  },
  CONFIG_VALUES_INVALID: {
    reason: "CONFIG_VALUES_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "A change of settings does not fit what the instances take; each key is named with what was expected and found.",
  },
  CONFIG_CHANGED: {
    reason: "CONFIG_CHANGED",
    code: "ABORTED",
    meaning: "The settings are no longer at the revision that the change was made for.",
  },
  // data planes and traffic
  DATA_PLANE_INVALID: {
    reason: "DATA_PLANE_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "The name of the data plane, or what it says of itself, cannot stand as it is.",
  },
  DATA_PLANES_TOO_MANY: {
    reason: "DATA_PLANES_TOO_MANY",
    code: "RESOURCE_EXHAUSTED",
    meaning: "There are as many data planes or subscriptions as control serves.",
  },
  REVISION_UNKNOWN: {
    reason: "REVISION_UNKNOWN",
    code: "INVALID_ARGUMENT",
    meaning: "The data plane speaks of a revision that control has not made.",
  },
  REPORT_INVALID: {
    reason: "REPORT_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "A traffic report is too large, from the future, or holds what cannot be counted.",
  },
  WATCHERS_TOO_MANY: {
    reason: "WATCHERS_TOO_MANY",
    code: "RESOURCE_EXHAUSTED",
    meaning: "As many streams of pages or of instances are open as control serves.",
  },
  // start
  CONTROL_OPTIONS_INVALID: {
    reason: "CONTROL_OPTIONS_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "Control was given options that it cannot start with; the message names the field.",
  },
} as const;
