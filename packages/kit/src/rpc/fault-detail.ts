import type { JsonValue, MessageType } from "../contract/contract.ts";
import type { Code, FaultDetail } from "../fault.ts";
import { Fault, isFault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { ErrorInfo } from "./error-detail.ts";
import {
  badRequestFromBytes,
  badRequestTypeName,
  bytesFromBadRequest,
  bytesFromErrorInfo,
  bytesFromRetryInfo,
  durationTextFromMs,
  errorInfoFromBytes,
  errorInfoTypeName,
  msFromDurationText,
  retryAfterMsFromBytes,
  retryInfoTypeName,
  travellingMs,
} from "./error-detail.ts";

/** A detail that every protocol carries: in its JSON form and its binary form. */
export function detailFromMessage<T>(type: MessageType<T>, message: T): FaultDetail {
  return { typeName: type.typeName, value: JSON.parse(type.toJson(message)) as JsonValue, bytes: type.toBinary(message) };
}

/** The message of a detail, from whichever form it has; undefined when it is of another type or malformed. */
export function messageFromDetail<T>(type: MessageType<T>, detail: FaultDetail): T | undefined {
  if (detail.typeName !== type.typeName) return undefined;
  try {
    return detail.bytes ? type.fromBinary(detail.bytes) : type.fromJson(detail.value as JsonValue);
  } catch (thrown) {
    if (isFault(thrown)) return undefined;
    throw thrown;
  }
}

/**
 * The details of a Fault as they travel: its reason as a google.rpc.ErrorInfo whose `domain` is the service, `retryAfterMs` as a
 * google.rpc.RetryInfo, then its own. No ErrorInfo is added for PEER_FAULT, which says that nobody named a reason: so a Fault
 * that is handed on stays as it came; nor for a domain of "", which says that reasons are not to travel.
 */
export function travellingDetails(fault: Fault, domain: string): FaultDetail[] {
  const details: FaultDetail[] = [];
  const given = (typeName: string): boolean => fault.details.some((detail) => detail.typeName === typeName);
  if (domain !== "" && fault.reason !== "" && fault.reason !== kitReasons.PEER_FAULT.reason && !given(errorInfoTypeName)) {
    const value: ErrorInfo = { reason: fault.reason, domain };
    details.push({ typeName: errorInfoTypeName, value, bytes: bytesFromErrorInfo(value) });
  }
  const retryAfterMs = travellingMs(fault.retryAfterMs);
  if (retryAfterMs !== undefined && !given(retryInfoTypeName)) {
    const value = { retryDelay: durationTextFromMs(retryAfterMs) };
    details.push({ typeName: retryInfoTypeName, value, bytes: bytesFromRetryInfo(retryAfterMs) });
  }
  for (const detail of fault.details) details.push(detail.bytes ? detail : withKnownBytes(detail));
  return details;
}

/** What a Fault is put together from again. */
export interface ReceivedFault {
  readonly code: Code;
  readonly message: string;
  /** Given when no ErrorInfo names one. Default PEER_FAULT. */
  readonly reason?: string | undefined;
  readonly details: readonly FaultDetail[];
  /** Given when no RetryInfo says one. */
  readonly retryAfterMs?: number | undefined;
}

/** The Fault of what came over the wire. An ErrorInfo and a RetryInfo become `reason` and `retryAfterMs`. */
export function faultFromReceived(received: ReceivedFault): Fault {
  const details: FaultDetail[] = [];
  let reason = received.reason ?? kitReasons.PEER_FAULT.reason;
  let { retryAfterMs } = received;
  for (const given of received.details) {
    const detail = given.value === undefined && given.bytes ? withKnownValue(given, given.bytes) : given;
    const value = isRecord(detail.value) ? detail.value : {};
    const isInfo = detail.typeName === errorInfoTypeName;
    const isRetry = detail.typeName === retryInfoTypeName;
    if (isInfo && typeof value["reason"] === "string" && value["reason"] !== "") reason = value["reason"];
    if (isRetry) retryAfterMs = msFromDurationText(value["retryDelay"]) ?? retryAfterMs;
    // An ErrorInfo is only kept when it says more than the Fault itself does.
    if (isInfo ? value["metadata"] !== undefined : !isRetry) details.push(detail);
  }
  return new Fault({ reason, code: received.code }, received.message, { details, retryAfterMs });
}

function withKnownBytes(detail: FaultDetail): FaultDetail {
  const { typeName, value } = detail;
  if (!isRecord(value)) return detail;
  if (typeName === errorInfoTypeName) return { typeName, value, bytes: bytesFromErrorInfo(errorInfoFromJson(value)) };
  if (typeName === badRequestTypeName) return { typeName, value, bytes: bytesFromBadRequest(value) };
  const retryAfterMs = typeName === retryInfoTypeName ? msFromDurationText(value["retryDelay"]) : undefined;
  return retryAfterMs === undefined ? detail : { typeName, value, bytes: bytesFromRetryInfo(retryAfterMs) };
}

function errorInfoFromJson(value: Record<string, unknown>): ErrorInfo {
  const text = (key: unknown): string => (typeof key === "string" ? key : "");
  const metadata = isRecord(value["metadata"]) ? Object.entries(value["metadata"]).map(([key, held]) => [key, text(held)]) : [];
  return { reason: text(value["reason"]), domain: text(value["domain"]), metadata: Object.fromEntries(metadata) as Record<string, string> };
}

function withKnownValue(detail: FaultDetail, bytes: Uint8Array): FaultDetail {
  const { typeName } = detail;
  if (typeName === errorInfoTypeName) return { typeName, value: errorInfoFromBytes(bytes), bytes };
  if (typeName === badRequestTypeName) return { typeName, value: badRequestFromBytes(bytes), bytes };
  const retryAfterMs = typeName === retryInfoTypeName ? retryAfterMsFromBytes(bytes) : undefined;
  return retryAfterMs === undefined ? detail : { typeName, value: { retryDelay: durationTextFromMs(retryAfterMs) }, bytes };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
