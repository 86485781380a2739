/** Reasons that policies give. Part of the kit's catalogue. */
export const policyReasons = {
  POLICY_OPTION_INVALID: {
    reason: "POLICY_OPTION_INVALID",
    code: "INTERNAL",
    meaning: "A policy was given an option outside its range: a mistake of this program.",
  },
  POLICY_INVALID: {
    reason: "POLICY_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "Policies that a contract, a configuration or an operator names cannot be; nothing of them was taken.",
  },
  ATTEMPT_TIMEOUT: {
    reason: "ATTEMPT_TIMEOUT",
    code: "UNAVAILABLE",
    meaning: "One attempt took longer than it may while the call still had time; it says nothing about whether it was carried out.",
  },
  HEDGE_LOST: {
    reason: "HEDGE_LOST",
    code: "CANCELLED",
    meaning: "Another attempt of the same call was answered first, so this one was aborted; its caller has an answer.",
  },
  BREAKER_OPEN: {
    reason: "BREAKER_OPEN",
    code: "UNAVAILABLE",
    meaning: "The other side failed so often lately that this call was not sent; the details of the breaker are in its metrics.",
  },
  BULKHEAD_FULL: {
    reason: "BULKHEAD_FULL",
    code: "RESOURCE_EXHAUSTED",
    meaning: "As many calls are under way, and wait, as may; this one was not begun.",
  },
  LOAD_SHED: {
    reason: "LOAD_SHED",
    code: "UNAVAILABLE",
    meaning: "This instance has more work than it can do in time, so it did not begin this call; another one may take it at once.",
  },
  LIMIT_UNKNOWN: {
    reason: "LIMIT_UNKNOWN",
    code: "UNAVAILABLE",
    meaning: "What is left of a global rate limit cannot be asked for now, and the limit is told to refuse calls until it can.",
  },
  RATE_LIMITED: {
    reason: "RATE_LIMITED",
    code: "RESOURCE_EXHAUSTED",
    meaning: "More calls came than the rate allows; retry-after says when the next one may.",
  },
} as const;
