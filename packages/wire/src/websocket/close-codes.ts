import { WireError, wireReasons } from "../reasons.ts";
import { isText } from "./utf8.ts";

/** How a session ended. */
export interface WebSocketClose {
  /** The peer's close code, or ours when we ended it; 1005 when the peer gave none, 1006 when there was no close frame. */
  readonly code: number;
  readonly reason: string;
  /** Whether both sides have sent a close frame. */
  readonly clean: boolean;
  /** What went wrong, when something did. */
  readonly error?: WireError | undefined;
}

/** Codes that are never sent, only told. RFC 6455 §7.4.1. */
export const closeCodes = { normal: 1000, goingAway: 1001, none: 1005, lost: 1006, failed: 1011 } as const;

/** Bytes of a reason that fit a close frame. */
export const closeReasonBytesMax = 123;

const codesByReason: Readonly<Record<string, number>> = {
  WEBSOCKET_TEXT_INVALID: 1007,
  WEBSOCKET_DEFLATE_INVALID: 1007,
  WEBSOCKET_MESSAGE_TOO_LARGE: 1009,
  WEBSOCKET_FRAGMENTS_TOO_MANY: 1008,
  WEBSOCKET_CONTROL_FLOOD: 1008,
  WEBSOCKET_IDLE: 1001,
  WEBSOCKET_FRAME_INVALID: 1002,
  WEBSOCKET_CLOSE_INVALID: 1002,
  HANDLER_FAILED: 1011,
};

/** The close code that an error leaves with. */
export function closeCodeFrom(error: WireError): number {
  return codesByReason[error.reason] ?? closeCodes.failed;
}

/** Whether a close frame may carry this code: those of RFC 6455 §7.4 and the IANA registry, and 3000 to 4999. */
export function isCloseCode(code: number): boolean {
  return (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) || (code >= 3000 && code <= 4999);
}

/** What the payload of a close frame says. Throws WEBSOCKET_CLOSE_INVALID, or WEBSOCKET_TEXT_INVALID for the reason. */
export function closeFrom(payload: Uint8Array): { readonly code: number; readonly reason: string } {
  if (payload.length === 0) return { code: closeCodes.none, reason: "" };
  if (payload.length === 1) throw new WireError(wireReasons.WEBSOCKET_CLOSE_INVALID, "expected a close code of two bytes, found one byte");
  const code = ((payload[0] as number) << 8) | (payload[1] as number);
  if (!isCloseCode(code)) throw new WireError(wireReasons.WEBSOCKET_CLOSE_INVALID, `expected a close code that may be sent, found ${code}`);
  if (!isText(payload, 2, payload.length)) {
    throw new WireError(wireReasons.WEBSOCKET_TEXT_INVALID, "expected a close reason in UTF-8, found other bytes");
  }
  return { code, reason: Buffer.prototype.utf8Slice.call(payload, 2, payload.length) };
}

/** The payload of a close frame. Throws WEBSOCKET_SEND_INVALID. */
export function closePayload(code: number, reason: string): Uint8Array {
  if (code === closeCodes.none && reason === "") return new Uint8Array(0);
  if (!isCloseCode(code)) throw new WireError(wireReasons.WEBSOCKET_SEND_INVALID, `expected a close code that may be sent, found ${code}`);
  const payload = Buffer.from(`  ${reason}`);
  if (payload.length > closeReasonBytesMax + 2) {
    throw new WireError(
      wireReasons.WEBSOCKET_SEND_INVALID,
      `expected a reason of at most ${closeReasonBytesMax} bytes, found ${payload.length - 2}`,
    );
  }
  payload.writeUInt16BE(code);
  return payload;
}
