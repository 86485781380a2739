/** The part of wire's catalogue that concerns WebSocket. With which close code each of them leaves stands in close-codes.ts. */
export const websocketReasons = {
  WEBSOCKET_REQUEST_INVALID: {
    reason: "WEBSOCKET_REQUEST_INVALID",
    code: "INVALID_ARGUMENT",
    status: 400,
    meaning: "The request is no opening handshake: not GET with Upgrade: websocket, or its key, protocols or extensions are malformed.",
  },
  WEBSOCKET_VERSION_UNSUPPORTED: {
    reason: "WEBSOCKET_VERSION_UNSUPPORTED",
    code: "UNIMPLEMENTED",
    status: 426,
    meaning: "Sec-WebSocket-Version is not 13.",
  },
  WEBSOCKET_ORIGIN_REFUSED: {
    reason: "WEBSOCKET_ORIGIN_REFUSED",
    code: "PERMISSION_DENIED",
    status: 403,
    meaning: "The page that asks comes from an origin that may not.",
  },
  WEBSOCKET_DRAINING: {
    reason: "WEBSOCKET_DRAINING",
    code: "UNAVAILABLE",
    status: 503,
    meaning: "The server takes no more sessions.",
  },
  WEBSOCKET_REFUSED: {
    reason: "WEBSOCKET_REFUSED",
    code: "UNAVAILABLE",
    status: 502,
    meaning: "The server answered the opening handshake with another status than 101.",
  },
  WEBSOCKET_ANSWER_INVALID: {
    reason: "WEBSOCKET_ANSWER_INVALID",
    code: "UNAVAILABLE",
    status: 502,
    meaning: "The answer to the opening handshake has a wrong Sec-WebSocket-Accept, or chose what was not offered.",
  },
  WEBSOCKET_FRAME_INVALID: {
    reason: "WEBSOCKET_FRAME_INVALID",
    code: "INVALID_ARGUMENT",
    status: 400,
    meaning:
      "A frame breaks RFC 6455: reserved bits or opcode, wrong masking, a length not written in its shortest form, a control frame that is long or fragmented, or fragments out of order.",
  },
  WEBSOCKET_CLOSE_INVALID: {
    reason: "WEBSOCKET_CLOSE_INVALID",
    code: "INVALID_ARGUMENT",
    status: 400,
    meaning: "A close frame has half a code, a code that may not be sent, or a reason that is not UTF-8.",
  },
  WEBSOCKET_TEXT_INVALID: {
    reason: "WEBSOCKET_TEXT_INVALID",
    code: "INVALID_ARGUMENT",
    status: 400,
    meaning: "A text message is not UTF-8.",
  },
  WEBSOCKET_DEFLATE_INVALID: {
    reason: "WEBSOCKET_DEFLATE_INVALID",
    code: "INVALID_ARGUMENT",
    status: 400,
    meaning: "A compressed message cannot be decompressed.",
  },
  WEBSOCKET_MESSAGE_TOO_LARGE: {
    reason: "WEBSOCKET_MESSAGE_TOO_LARGE",
    code: "RESOURCE_EXHAUSTED",
    status: 413,
    meaning: "A message is longer than messageBytesMax, decompressed, or a frame longer than frameBytesMax.",
  },
  WEBSOCKET_FRAGMENTS_TOO_MANY: {
    reason: "WEBSOCKET_FRAGMENTS_TOO_MANY",
    code: "RESOURCE_EXHAUSTED",
    status: 413,
    meaning: "A message has more than fragmentsMax fragments, or more than emptyFragmentsMax empty ones.",
  },
  WEBSOCKET_CONTROL_FLOOD: {
    reason: "WEBSOCKET_CONTROL_FLOOD",
    code: "RESOURCE_EXHAUSTED",
    status: 429,
    meaning: "More than controlFramesPerSecondMax pings and pongs came in a second.",
  },
  WEBSOCKET_SLOW: {
    reason: "WEBSOCKET_SLOW",
    code: "RESOURCE_EXHAUSTED",
    status: 503,
    meaning: "The peer does not read: sendBytesMax wait to be sent, or nothing was taken within writeIdleMs.",
  },
  WEBSOCKET_IDLE: {
    reason: "WEBSOCKET_IDLE",
    code: "DEADLINE_EXCEEDED",
    status: 408,
    meaning: "No message went either way within idleMs.",
  },
  WEBSOCKET_PONG_TIMEOUT: {
    reason: "WEBSOCKET_PONG_TIMEOUT",
    code: "DEADLINE_EXCEEDED",
    status: 408,
    meaning: "Nothing came within pongMs after a ping: the peer or the way to it is gone.",
  },
  WEBSOCKET_CLOSE_TIMEOUT: {
    reason: "WEBSOCKET_CLOSE_TIMEOUT",
    code: "DEADLINE_EXCEEDED",
    status: 408,
    meaning: "The peer did not answer our close frame within closeMs.",
  },
  WEBSOCKET_LOST: {
    reason: "WEBSOCKET_LOST",
    code: "UNAVAILABLE",
    status: 502,
    meaning: "The connection ended without a close frame.",
  },
  WEBSOCKET_CLOSED: {
    reason: "WEBSOCKET_CLOSED",
    code: "UNAVAILABLE",
    status: 503,
    meaning: "The session is closing or closed: nothing can be sent.",
  },
  WEBSOCKET_SEND_INVALID: {
    reason: "WEBSOCKET_SEND_INVALID",
    code: "INTERNAL",
    status: 500,
    meaning: "A close code or reason, or a ping's payload, that may not be sent.",
  },
} as const;
