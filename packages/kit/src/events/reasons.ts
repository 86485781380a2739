/** Reasons that events, outboxes and consumers give. Part of the kit's catalogue. */
export const eventReasons = {
  EVENT_OPTION_INVALID: {
    reason: "EVENT_OPTION_INVALID",
    code: "INTERNAL",
    meaning: "An event, an outbox, a carrier or a consumer was given an option outside its range: a mistake of this program.",
  },
  EVENT_INVALID: {
    reason: "EVENT_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "An event cannot be published as it is: its key is empty or too long, or its message is too large; the text says which.",
  },
  EVENT_UNREADABLE: {
    reason: "EVENT_UNREADABLE",
    code: "DATA_LOSS",
    meaning: "The bytes of an event are not a message of the type that it names; it was set aside.",
  },
  CARRIER_CLOSED: {
    reason: "CARRIER_CLOSED",
    code: "UNAVAILABLE",
    meaning: "The carrier of the events has been closed.",
  },
  LEASE_LOST: {
    reason: "LEASE_LOST",
    code: "ABORTED",
    meaning: "Another process has taken over what this one was working on; what it did since was not kept.",
  },
} as const;
