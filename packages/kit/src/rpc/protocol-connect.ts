import type { Call, Metadata } from "../call.ts";
import type { JsonValue, MessageType } from "../contract/contract.ts";
import { placeAmongPrograms } from "../contract/json.ts";
import { parseJson } from "../contract/json-text.ts";
import type { Fault, Reason } from "../fault.ts";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import { traceparentFrom } from "../telemetry/trace-context.ts";
import { faultFromErrorJson } from "./error-json.ts";
import type { ErrorJson } from "./error-json.ts";

/** Content type of unary messages, and of their errors. */
export const contentTypeUnary = "application/json";

/** Content type of streams of enveloped messages. */
export const contentTypeStream = "application/connect+json";

/** The end message of a stream. Source: Connect protocol, "EndStreamResponse". */
export interface EndStream {
  readonly fault: Fault | undefined;
  readonly metadata: Metadata;
}

/** Whether a header says JSON: parameters other than a charset of UTF-8 are refused. Case does not matter. */
export function isContentType(header: string | undefined, expected: string): boolean {
  if (header === expected) return true;
  if (header === undefined) return false;
  const parts = header.toLowerCase().split(";");
  if (parts[0]?.trim() !== expected) return false;
  return parts.slice(1).every((part) => part.trim() === "charset=utf-8" || part.trim() === 'charset="utf-8"');
}

/** Milliseconds from `connect-timeout-ms`: at most ten digits. Throws TIMEOUT_INVALID. */
export function timeoutMsFromHeader(header: string): number {
  if (!/^\d{1,10}$/.test(header)) {
    throw fault(kitReasons.TIMEOUT_INVALID, `Expected at most ten digits in connect-timeout-ms, found "${header.slice(0, 40)}".`);
  }
  return Number(header);
}

/** The headers of a Connect request: protocol, deadline, trace, then the call's own metadata. */
export function headersFromCall(call: Call, contentType: string): string[] {
  const headers = ["content-type", contentType, "connect-protocol-version", "1"];
  const remainingMs = call.remainingMs();
  if (remainingMs !== Infinity) headers.push("connect-timeout-ms", String(Math.min(9_999_999_999, Math.ceil(remainingMs))));
  if (call.trace.traceId !== "") headers.push("traceparent", traceparentFrom(call.trace));
  headers.push(...call.metadata);
  return headers;
}

/** The end message as JSON text. */
export function endStreamJson(error: ErrorJson | undefined, metadata: readonly string[]): string {
  const lists: Record<string, string[]> = {};
  for (let index = 0; index + 1 < metadata.length; index += 2) {
    const name = metadata[index] as string;
    const list = Object.hasOwn(lists, name) ? lists[name] : undefined;
    if (list) list.push(metadata[index + 1] as string);
    else lists[name] = [metadata[index + 1] as string];
  }
  return JSON.stringify({ ...(error && { error }), ...(metadata.length > 0 && { metadata: lists }) });
}

/** Reads an end message. Throws PEER_ANSWER_INVALID. An error that cannot be read is still an error. */
export function endStreamFromJson(json: JsonValue): EndStream {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw fault(kitReasons.PEER_ANSWER_INVALID, "Expected an object as end message of the stream.");
  }
  const metadata: Metadata = [];
  const lists = json["metadata"];
  if (typeof lists === "object" && lists !== null) {
    for (const [name, values] of Object.entries(lists)) {
      for (const value of Array.isArray(values) ? values : []) if (typeof value === "string") metadata.push(name.toLowerCase(), value);
    }
  }
  const error = json["error"];
  if (error === undefined || error === null) return { fault: undefined, metadata };
  return {
    fault:
      faultFromErrorJson(error) ?? fault(kitReasons.PEER_FAULT, messageOf(error) ?? "The stream ended with an error that says no code."),
    metadata,
  };
}

function messageOf(error: JsonValue): string | undefined {
  const message = typeof error === "object" && error !== null && !Array.isArray(error) ? error["message"] : undefined;
  return typeof message === "string" ? message : undefined;
}

/** Parses JSON text. Throws the given reason, naming what was being read. */
export function jsonFromText(text: string, what: string, reason: Pick<Reason, "reason" | "code"> = kitReasons.JSON_INVALID): JsonValue {
  try {
    return parseJson(text);
  } catch (thrown) {
    throw fault(reason, `Expected JSON as ${what}, found: ${(thrown as Error).message.slice(0, 120)}.`, { cause: thrown });
  }
}

/** Reads a message that the other side answered; what does not fit is the other side's mistake, PEER_ANSWER_INVALID. */
export function messageFromAnswer<T>(type: MessageType<T>, text: string): T {
  const json = jsonFromText(text, `a ${type.typeName}`, kitReasons.PEER_ANSWER_INVALID);
  try {
    return type.fromJson(json, placeAmongPrograms());
  } catch (thrown) {
    throw fault(kitReasons.PEER_ANSWER_INVALID, `Expected a ${type.typeName}, found otherwise: ${(thrown as Error).message}`, {
      cause: thrown,
    });
  }
}
