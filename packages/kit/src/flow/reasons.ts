/** Reasons that channels, actors and bounded maps give. Part of the kit's catalogue. */
export const flowReasons = {
  CHANNEL_CLOSED: {
    reason: "CHANNEL_CLOSED",
    code: "FAILED_PRECONDITION",
    meaning: "A value was to be sent on a channel that has been closed; it has not been delivered.",
  },
  FLOW_OPTION_INVALID: {
    reason: "FLOW_OPTION_INVALID",
    code: "INTERNAL",
    meaning: "A channel, an actor or a bounded map was given an option outside its range: a mistake of this program.",
  },
  MAILBOX_FULL: {
    reason: "MAILBOX_FULL",
    code: "RESOURCE_EXHAUSTED",
    meaning: "The mailbox of an actor holds as many messages as it may; the message has not been taken, or was dropped for a newer one.",
  },
  ACTOR_STOPPED: {
    reason: "ACTOR_STOPPED",
    code: "UNAVAILABLE",
    meaning: "The actor has stopped, by its owner or because it failed too often; the message has not been handled.",
  },
  ACTOR_FAILED: {
    reason: "ACTOR_FAILED",
    code: "INTERNAL",
    meaning: "A handler of the actor failed on this message, as often as it may be tried; the log holds the cause.",
  },
  MESSAGE_TOO_LARGE: {
    reason: "MESSAGE_TOO_LARGE",
    code: "INVALID_ARGUMENT",
    meaning: "A message is larger than half the memory of its channel between threads.",
  },
  SHARED_CHANNEL_BROKEN: {
    reason: "SHARED_CHANNEL_BROKEN",
    code: "DATA_LOSS",
    meaning: "A thread ended while it reserved room in a channel between threads; the channel must be made anew.",
  },
  HANDLER_TIMEOUT: {
    reason: "HANDLER_TIMEOUT",
    code: "DEADLINE_EXCEEDED",
    meaning: "A handler of the actor took longer than it may; its incarnation was given up, whatever it still does.",
  },
  SUPERVISOR_GAVE_UP: {
    reason: "SUPERVISOR_GAVE_UP",
    code: "INTERNAL",
    meaning: "What a supervisor looks after failed more often than it may within its time, and nobody above could help.",
  },
} as const;
