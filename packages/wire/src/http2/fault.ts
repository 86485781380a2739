import type { WireReason } from "../reasons.ts";

/** Error codes of RFC 9113 §7. */
export const errorCodes = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
  HTTP_1_1_REQUIRED: 13,
} as const;

/** One of `errorCodes`; peers may send others. */
export type ErrorCode = (typeof errorCodes)[keyof typeof errorCodes];

/** What ends a whole connection: it is answered with GOAWAY and `errorCode`. Never leaves this folder. */
export class ConnectionFault extends Error {
  readonly errorCode: ErrorCode;
  readonly reason: WireReason;

  constructor(errorCode: ErrorCode, reason: WireReason, message: string) {
    super(message);
    this.name = "ConnectionFault";
    this.errorCode = errorCode;
    this.reason = reason;
  }
}

/** Makes what ends a connection. */
export function connectionFault(errorCode: ErrorCode, reason: WireReason, message: string): ConnectionFault {
  return new ConnectionFault(errorCode, reason, message);
}

/** What ends a connection that asks too much. */
export function calm(reason: WireReason, expected: string): ConnectionFault {
  return new ConnectionFault(errorCodes.ENHANCE_YOUR_CALM, reason, `expected ${expected}`);
}

/** The name of a code that a peer sent. */
export function errorName(code: number): string {
  for (const [name, value] of Object.entries(errorCodes)) if (value === code) return name;
  return `0x${code.toString(16)}`;
}
