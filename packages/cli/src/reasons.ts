/** Reasons that the executable gives. */
export const cliReasons = {
  OPTION_INVALID: {
    reason: "OPTION_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "An option or argument of a command has a value that it cannot have.",
  },
  CREDENTIALS_MISSING: {
    reason: "CREDENTIALS_MISSING",
    code: "UNAUTHENTICATED",
    meaning: "No control plane and token are known: neither WEIR_CONTROL_URL and WEIR_TOKEN nor a running `weir dev`.",
  },
  PROCESS_FAILED: {
    reason: "PROCESS_FAILED",
    code: "INTERNAL",
    meaning: "A process that `weir dev` started ended before it was ready, or kept ending.",
  },
  START_TIMED_OUT: {
    reason: "START_TIMED_OUT",
    code: "DEADLINE_EXCEEDED",
    meaning: "What `weir dev` started did not become ready in time.",
  },
  PORT_TAKEN: {
    reason: "PORT_TAKEN",
    code: "UNAVAILABLE",
    meaning: "A port that `weir dev` needs is used by another process.",
  },
  CONTRACTS_INVALID: {
    reason: "CONTRACTS_INVALID",
    code: "FAILED_PRECONDITION",
    meaning: "The contracts cannot be read or turned into code; the text is what buf or the compiler says.",
  },
  CONSOLE_BUILD_FAILED: {
    reason: "CONSOLE_BUILD_FAILED",
    code: "INTERNAL",
    meaning: "The pages of the console could not be built.",
  },
} as const;
