import { WireError, wireReasons } from "../reasons.ts";

/** What was thrown while bytes were read, as an error of wire. */
export function errorFrom(thrown: unknown): WireError {
  return thrown instanceof WireError ? thrown : handlerError(thrown);
}

/** A listener did not take a message. */
export function handlerError(cause: unknown): WireError {
  return new WireError(wireReasons.HANDLER_FAILED, "expected a message to be taken, found a rejection", { cause });
}

/** Nothing can be sent any more. */
export function closedError(): WireError {
  return new WireError(wireReasons.WEBSOCKET_CLOSED, "expected an open session, found it closing or closed");
}

/** The connection ended before its close frame. */
export function lostError(found: string, cause?: unknown): WireError {
  return new WireError(wireReasons.WEBSOCKET_LOST, `expected a close frame, ${found}`, { cause });
}

/** More would wait for the peer than may. */
export function slowError(bytesMax: number): WireError {
  return new WireError(wireReasons.WEBSOCKET_SLOW, `expected at most ${bytesMax} bytes to wait for the peer, found more`);
}
