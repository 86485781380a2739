/**
 * The gRPC codes without OK, each with its number, HTTP status, Connect name and WebSocket close code.
 * The one table for every protocol. Sources: gRPC statuscodes.md, Connect protocol "Error codes", RFC 6455 §7.4.
 */
export const codes = {
  CANCELLED: { grpc: 1, http: 499, connect: "canceled", close: 1000 },
  UNKNOWN: { grpc: 2, http: 500, connect: "unknown", close: 1011 },
  INVALID_ARGUMENT: { grpc: 3, http: 400, connect: "invalid_argument", close: 1007 },
  DEADLINE_EXCEEDED: { grpc: 4, http: 504, connect: "deadline_exceeded", close: 1011 },
  NOT_FOUND: { grpc: 5, http: 404, connect: "not_found", close: 1008 },
  ALREADY_EXISTS: { grpc: 6, http: 409, connect: "already_exists", close: 1008 },
  PERMISSION_DENIED: { grpc: 7, http: 403, connect: "permission_denied", close: 1008 },
  RESOURCE_EXHAUSTED: { grpc: 8, http: 429, connect: "resource_exhausted", close: 1013 },
  FAILED_PRECONDITION: { grpc: 9, http: 400, connect: "failed_precondition", close: 1008 },
  ABORTED: { grpc: 10, http: 409, connect: "aborted", close: 1012 },
  OUT_OF_RANGE: { grpc: 11, http: 400, connect: "out_of_range", close: 1007 },
  UNIMPLEMENTED: { grpc: 12, http: 501, connect: "unimplemented", close: 1003 },
  INTERNAL: { grpc: 13, http: 500, connect: "internal", close: 1011 },
  UNAVAILABLE: { grpc: 14, http: 503, connect: "unavailable", close: 1013 },
  DATA_LOSS: { grpc: 15, http: 500, connect: "data_loss", close: 1011 },
  UNAUTHENTICATED: { grpc: 16, http: 401, connect: "unauthenticated", close: 1008 },
} as const;

/** One of the 16 gRPC codes, by name. */
export type Code = keyof typeof codes;

/** One entry of a catalogue: a stable name that callers may branch on, its code, and what it means to a person. */
export interface Reason {
  readonly reason: string;
  readonly code: Code;
  readonly meaning: string;
}

/**
 * Typed detail of a Fault: a protobuf message by its full name, in its JSON form, its binary form, or both
 * (`detailFromMessage` of rpc/fault-detail makes both). gRPC carries the binary form only.
 */
export interface FaultDetail {
  readonly typeName: string;
  /** The JSON form; undefined when only the bytes are known. */
  readonly value: unknown;
  /** The binary form; absent when only the JSON form is known. */
  readonly bytes?: Uint8Array;
}

/** What a Fault may carry beside code, reason and message. `cause` is for logs and never leaves the process. */
export interface FaultOptions {
  readonly details?: readonly FaultDetail[];
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** The one error. Make it with `fault`, recognise it with `isFault`, turn anything into it with `faultFrom`. */
export class Fault extends Error {
  /** What `isFault` looks for. */
  readonly brand = "weir.fault";
  readonly code: Code;
  readonly reason: string;
  readonly details: readonly FaultDetail[];
  readonly retryAfterMs: number | undefined;

  constructor(reason: Pick<Reason, "reason" | "code">, message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Fault";
    this.code = reason.code;
    this.reason = reason.reason;
    this.details = options.details ?? [];
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** A Fault for a reason of a catalogue. The message says what was expected and what was found. */
export function fault(reason: Pick<Reason, "reason" | "code">, message: string, options?: FaultOptions): Fault {
  return new Fault(reason, message, options);
}

/** A package's catalogue: reasons by their own name. Written `{ … } as const`; each key is its reason. */
export type Reasons = Readonly<Record<string, Reason>>;

/** Reasons that the grammar itself gives. Every catalogue stands in docs/reasons.md too; a test compares. */
export const coreReasons = {
  CALL_CANCELLED: { reason: "CALL_CANCELLED", code: "CANCELLED", meaning: "The caller gave up before the answer was ready." },
  DEADLINE_EXCEEDED: { reason: "DEADLINE_EXCEEDED", code: "DEADLINE_EXCEEDED", meaning: "The deadline passed before the answer." },
  UNEXPECTED: { reason: "UNEXPECTED", code: "INTERNAL", meaning: "Something unplanned failed; the log has the cause by its id." },
} as const;

/** Whether a value is a Fault, by brand: two copies of the package recognise each other's. */
export function isFault(value: unknown): value is Fault {
  return typeof value === "object" && value !== null && (value as { brand?: unknown }).brand === "weir.fault";
}

/**
 * Turns anything caught into a Fault: a Fault stays, an abort becomes CALL_CANCELLED, a time-out DEADLINE_EXCEEDED,
 * the rest UNEXPECTED with an opaque id; what was thrown stays at home as `cause`.
 */
export function faultFrom(thrown: unknown, id: () => string = () => crypto.randomUUID()): Fault {
  if (isFault(thrown)) return thrown;
  const name = typeof thrown === "object" && thrown !== null && "name" in thrown ? thrown.name : "";
  if (name === "AbortError") return fault(coreReasons.CALL_CANCELLED, "The call was cancelled.", { cause: thrown });
  if (name === "TimeoutError") return fault(coreReasons.DEADLINE_EXCEEDED, "The call ran out of time.", { cause: thrown });
  return fault(coreReasons.UNEXPECTED, `Something unexpected failed (id ${id()}).`, { cause: thrown });
}
