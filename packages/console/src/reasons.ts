/** Reasons that the console gives by itself; the others it shows are control's. Also listed in docs/reasons.md. */
export const consoleReasons = {
  STREAM_SILENT: {
    reason: "STREAM_SILENT",
    code: "UNAVAILABLE",
    meaning: "Control's stream said nothing for eight seconds, though it beats every second; it is opened anew.",
  },
  STREAM_ENDED: {
    reason: "STREAM_ENDED",
    code: "UNAVAILABLE",
    meaning: "Control ended a stream that never ends by itself; it is opened anew.",
  },
} as const;
