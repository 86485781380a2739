import type { Code, FaultDetail } from "../fault.ts";
import { codes, Fault } from "../fault.ts";
import { base64FromBytes, bytesFromBase64 } from "../contract/base64.ts";
import { kitReasons } from "../reasons.ts";
import type { ErrorInfo } from "./error-detail.ts";
import {
  bytesFromErrorInfo,
  bytesFromRetryInfo,
  durationTextFromMs,
  errorInfoFromBytes,
  errorInfoTypeName,
  msFromDurationText,
  retryAfterMsFromBytes,
  retryInfoTypeName,
} from "./error-detail.ts";

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
 * `domain` is the service, `retryAfterMs` as a google.rpc.RetryInfo. Other details carry their JSON form in `debug` and an
 * empty `value`. Source: Connect protocol, "Error end-stream".
 */
export function errorJsonFromFault(fault: Fault, domain: string): ErrorJson {
  const details: ErrorDetailJson[] = [];
  const given = (typeName: string): boolean => fault.details.some((detail) => detail.typeName === typeName);
  if (!given(errorInfoTypeName)) {
    const info: ErrorInfo = { reason: fault.reason, domain };
    details.push({ type: errorInfoTypeName, value: unpadded(bytesFromErrorInfo(info)), debug: info });
  }
  if (fault.retryAfterMs !== undefined && !given(retryInfoTypeName)) {
    const debug = { retryDelay: durationTextFromMs(fault.retryAfterMs) };
    details.push({ type: retryInfoTypeName, value: unpadded(bytesFromRetryInfo(fault.retryAfterMs)), debug });
  }
  for (const detail of fault.details) details.push({ type: detail.typeName, value: "", debug: detail.value });
  return { code: codes[fault.code].connect, message: fault.message, details };
}

/**
 * Reads a Connect error JSON back into a Fault. Undefined when it is not one: then the HTTP status decides
 * (`faultFromHttpStatus`). Without an ErrorInfo the reason is PEER_FAULT.
 */
export function faultFromErrorJson(json: unknown): Fault | undefined {
  if (!isRecord(json)) return undefined;
  const code = codeFromConnect(json["code"]);
  if (code === undefined) return undefined;
  const details: FaultDetail[] = [];
  let reason = typeof json["reason"] === "string" && json["reason"] !== "" ? json["reason"] : kitReasons.PEER_FAULT.reason;
  let retryAfterMs: number | undefined;
  for (const entry of Array.isArray(json["details"]) ? (json["details"] as unknown[]) : []) {
    if (!isRecord(entry) || typeof entry["type"] !== "string") continue;
    const detail = detailFromJson(entry["type"], entry);
    const value = isRecord(detail.value) ? detail.value : {};
    const isInfo = detail.typeName === errorInfoTypeName;
    const isRetry = detail.typeName === retryInfoTypeName;
    if (isInfo && typeof value["reason"] === "string") reason = value["reason"];
    if (isRetry) retryAfterMs = msFromDurationText(value["retryDelay"]);
    // An ErrorInfo is only kept when it says more than the Fault itself does.
    if (isInfo ? value["metadata"] !== undefined : !isRetry) details.push(detail);
  }
  const message = typeof json["message"] === "string" ? json["message"] : "";
  return new Fault({ reason, code }, message, { details, retryAfterMs });
}

/** The Fault for an HTTP answer that is not a Connect error. Source: Connect protocol, "HTTP to error code". */
export function faultFromHttpStatus(status: number): Fault {
  return new Fault(
    { reason: kitReasons.PEER_HTTP_STATUS.reason, code: codeFromHttpStatus(status) },
    `Expected a Connect answer, found HTTP status ${status}.`,
  );
}

/** Source: Connect protocol, "HTTP to error code". */
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

/** `debug` when the peer sent it; else the known types by hand; else the base64 text of the bytes. */
function detailFromJson(typeName: string, entry: Record<string, unknown>): FaultDetail {
  if (entry["debug"] !== undefined) return { typeName, value: entry["debug"] };
  const text = typeof entry["value"] === "string" ? entry["value"] : "";
  const bytes = bytesFromBase64(text);
  if (bytes && typeName === errorInfoTypeName) return { typeName, value: errorInfoFromBytes(bytes) };
  if (bytes && typeName === retryInfoTypeName) {
    const retryAfterMs = retryAfterMsFromBytes(bytes);
    return { typeName, value: retryAfterMs === undefined ? {} : { retryDelay: durationTextFromMs(retryAfterMs) } };
  }
  return { typeName, value: text };
}

/** Connect writes base64 without padding. */
function unpadded(bytes: Uint8Array): string {
  return base64FromBytes(bytes).replace(/=+$/, "");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
