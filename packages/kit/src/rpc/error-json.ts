import type { Code, Fault, FaultDetail } from "../fault.ts";
import { codes } from "../fault.ts";
import { base64FromBytes, bytesFromBase64 } from "../contract/base64.ts";
import { faultFromReceived, travellingDetails } from "./fault-detail.ts";

/** A detail as Connect writes it: `value` is the binary form in base64, `debug` the JSON form. */
export interface ErrorDetailJson {
  readonly type: string;
  readonly value: string;
  readonly debug?: unknown;
}

/** A Fault as Connect writes it, plus `reason` at the top for people who read REST answers. */
export interface ErrorJson {
  readonly code: string;
  readonly reason?: string;
  readonly message: string;
  readonly details: readonly ErrorDetailJson[];
}

/**
 * The Connect error JSON of a Fault; `cause` and stack stay at home. The reason travels as a google.rpc.ErrorInfo whose
 * `domain` is the service, `retryAfterMs` as a google.rpc.RetryInfo. Details carry their JSON form in `debug`, and an
 * empty `value` when their binary form is not known; what JSON cannot say (a bigint, a circle) is left out. Source: Connect protocol, "Error end-stream".
 */
export function errorJsonFromFault(fault: Fault, domain: string): ErrorJson {
  const details = travellingDetails(fault, domain).map(({ typeName, value, bytes }): ErrorDetailJson => {
    const entry = { type: typeName, value: bytes ? unpadded(bytes) : "" };
    return isJson(value) ? { ...entry, debug: value } : entry;
  });
  return { code: codes[fault.code].connect, message: fault.message, details };
}

/**
 * Reads a Connect error JSON back into a Fault. Undefined when it is not one: then the HTTP status decides
 * (`codeFromHttpStatus`). Without an ErrorInfo the reason is PEER_FAULT, without a RetryInfo the time to wait is the one given.
 */
export function faultFromErrorJson(json: unknown, retryAfterMs?: number): Fault | undefined {
  if (!isRecord(json)) return undefined;
  const code = codeFromConnect(json["code"]);
  if (code === undefined) return undefined;
  const details: FaultDetail[] = [];
  for (const entry of Array.isArray(json["details"]) ? (json["details"] as unknown[]) : []) {
    if (isRecord(entry) && typeof entry["type"] === "string") details.push(detailFromJson(entry["type"], entry));
  }
  const reason = typeof json["reason"] === "string" && json["reason"] !== "" ? json["reason"] : undefined;
  return faultFromReceived({ code, message: typeof json["message"] === "string" ? json["message"] : "", reason, details, retryAfterMs });
}

/** The code of an HTTP status that something else than an RPC server answered. Source: Connect protocol, "HTTP to error code". */
export function codeFromHttpStatus(status: number): Code {
  if (status === 400) return "INTERNAL";
  if (status === 401) return "UNAUTHENTICATED";
  if (status === 403) return "PERMISSION_DENIED";
  if (status === 404) return "UNIMPLEMENTED";
  return status === 429 || status === 502 || status === 503 || status === 504 ? "UNAVAILABLE" : "UNKNOWN";
}

const codesByConnect: ReadonlyMap<string, Code> = new Map(
  (Object.keys(codes) as Code[]).map((code) => [codes[code].connect as string, code]),
);

function codeFromConnect(name: unknown): Code | undefined {
  return typeof name === "string" ? codesByConnect.get(name) : undefined;
}

/** `debug` when the peer sent it, and the bytes; a `value` that is empty beside `debug`, or not base64, is none. */
function detailFromJson(typeName: string, entry: Record<string, unknown>): FaultDetail {
  const text = typeof entry["value"] === "string" ? entry["value"] : "";
  const bytes = text === "" && entry["debug"] !== undefined ? undefined : bytesFromBase64(text);
  return bytes ? { typeName, value: entry["debug"], bytes } : { typeName, value: entry["debug"] };
}

/** Connect writes base64 without padding. */
function unpadded(bytes: Uint8Array): string {
  return base64FromBytes(bytes).replace(/=+$/, "");
}

function isJson(value: unknown): boolean {
  try {
    return JSON.stringify(value) !== undefined;
  } catch {
    return false;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
