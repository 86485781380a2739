/** Reasons that configuration gives. Part of the kit's catalogue. */
export const configReasons = {
  CONFIG_SCHEMA_INVALID: {
    reason: "CONFIG_SCHEMA_INVALID",
    code: "INTERNAL",
    meaning: "A schema or an option of configuration cannot stand as it is: a mistake of this program.",
  },
  CONFIG_INVALID: {
    reason: "CONFIG_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "Configuration does not fit its schema; the text names each source and key, what was expected and what was found.",
  },
  CONFIG_UNREADABLE: {
    reason: "CONFIG_UNREADABLE",
    code: "FAILED_PRECONDITION",
    meaning: "The configuration's file is missing, may not be read, is too long or is no text; the text says which.",
  },
  CONFIG_CONTROL_LOST: {
    reason: "CONFIG_CONTROL_LOST",
    code: "UNAVAILABLE",
    meaning: "The stream of settings from the control plane ended or fell silent; the last ones stay, and it is asked again.",
  },
} as const;
