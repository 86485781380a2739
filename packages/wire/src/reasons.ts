/** The gRPC code names that wire uses; the table with their numbers stands in kit. */
export type WireCode = "CANCELLED" | "INVALID_ARGUMENT" | "DEADLINE_EXCEEDED" | "RESOURCE_EXHAUSTED" | "UNIMPLEMENTED" | "INTERNAL" | "UNAVAILABLE";

/** One refusal of the catalogue; `status` is what an HTTP client is answered. */
export interface WireReason {
  readonly reason: string;
  readonly code: WireCode;
  readonly status: number;
  readonly meaning: string;
}

/** What wire rejects with. It carries the brand of a Fault, so kit treats it as one, though wire imports nothing. */
export class WireError extends Error {
  readonly brand = "weir.fault";
  readonly code: WireCode;
  readonly reason: string;
  readonly status: number;
  readonly details: readonly never[] = [];
  readonly retryAfterMs: number | undefined = undefined;
  /** Client only: whether any byte of the request may have reached the other side. False means a retry is always safe. */
  readonly sent: boolean;

  constructor(reason: WireReason, message: string, options: { sent?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "WireError";
    this.code = reason.code;
    this.reason = reason.reason;
    this.status = reason.status;
    this.sent = options.sent ?? false;
  }
}
