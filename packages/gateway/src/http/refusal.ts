import { codes, fault as faultOf, isFault, type Code, type Fault } from "@weir/kit/fault";
import { headerValue, type HttpResponse, type WireError } from "@weir/wire";
import type { Passage } from "../passage.ts";
import { gatewayReasons, type Cause, type GatewayReason } from "../reasons.ts";
import { codeFromReset } from "../rpc/codes.ts";
import { failureEnvelope, failureJson, failureTrailers } from "../rpc/end.ts";
import type { RpcForm } from "../rpc/form.ts";

const encoder = new TextEncoder();

/** What is said to a client: reason, code, status and how it is counted. */
export interface Verdict {
  readonly code: Code;
  readonly reason: string;
  readonly status: number;
  readonly cause: Cause;
}

/**
 * An answer of the gateway's own: `{"code","reason","message"}`, or for an RPC what a failure is in its own form. A 503 says
 * when to come again.
 */
export function refusal(passage: Passage, verdict: Verdict, message: string): HttpResponse {
  passage.cause = verdict.cause;
  if (passage.rpc !== undefined) return rpcRefusal(passage, passage.rpc, { verdict, message });
  const headers = ["content-type", "application/json"];
  if (verdict.status === 503) headers.push("retry-after", "1");
  const body = encoder.encode(JSON.stringify({ code: codes[verdict.code].connect, reason: verdict.reason, message }));
  return { status: verdict.status, headers, body };
}

/**
 * The Fault that says a verdict to the client of an RPC. A deadline that the client set itself has no reason of ours: whoever notices first
 * that it has passed, client, gateway or endpoint, says the same.
 */
export function faultOfVerdict(verdict: Verdict, message: string, { callersDeadline }: Passage): Fault {
  const { code, status, cause } = verdict;
  const reason = cause === "TIMEOUT" && callersDeadline ? "" : verdict.reason;
  // To gRPC a path that nobody knows is a method that nobody implements.
  const said = reason === gatewayReasons.NO_ROUTE.reason ? "UNIMPLEMENTED" : code;
  return faultOf({ reason, code: said }, message, status === 503 ? { retryAfterMs: 1000 } : {});
}

function rpcRefusal(
  passage: Passage,
  form: RpcForm,
  { verdict, message }: { readonly verdict: Verdict; readonly message: string },
): HttpResponse {
  const fault = faultOfVerdict(verdict, message, passage);
  passage.grpcCode = codes[fault.code].grpc;
  const contentType = headerValue(passage.headers, "content-type") ?? "application/grpc";
  if (form === "grpc") return { status: 200, headers: ["content-type", contentType, ...failureTrailers(fault, passage.domain)] };
  if (form === "connect") {
    const { status } = verdict;
    const headers = ["content-type", "application/json"];
    if (status === 503) headers.push("retry-after", "1");
    return { status, headers, body: failureJson(fault, passage.domain) };
  }
  return { status: 200, headers: ["content-type", contentType], body: failureEnvelope(form, fault, passage.domain) };
}

/** Reasons of wire's client, as ours. */
const upstream: Readonly<Record<string, GatewayReason>> = {
  CONNECT_FAILED: gatewayReasons.CONNECT_FAILED,
  CONNECT_TIMEOUT: gatewayReasons.CONNECT_FAILED,
  CLIENT_CLOSED: gatewayReasons.CONNECT_FAILED,
  WAITERS_TOO_MANY: gatewayReasons.OVERLOAD,
  WAIT_TIMEOUT: gatewayReasons.OVERLOAD,
  CONNECTION_STALE: gatewayReasons.UPSTREAM_RESET,
  CONNECTION_RESET: gatewayReasons.UPSTREAM_RESET,
  UPSTREAM_STREAM_RESET: gatewayReasons.UPSTREAM_RESET,
  PING_TIMEOUT: gatewayReasons.UPSTREAM_RESET,
  WINDOW_STALLED: gatewayReasons.UPSTREAM_TIMEOUT,
  UPSTREAM_STREAM_REFUSED: gatewayReasons.UPSTREAM_REFUSED,
  UPSTREAM_PROTOCOL_INVALID: gatewayReasons.UPSTREAM_INVALID,
  UPSTREAM_BODY_TRUNCATED: gatewayReasons.UPSTREAM_RESET,
  UPSTREAM_HEAD_TIMEOUT: gatewayReasons.UPSTREAM_TIMEOUT,
  UPSTREAM_BODY_TIMEOUT: gatewayReasons.UPSTREAM_TIMEOUT,
  TOTAL_TIMEOUT: gatewayReasons.UPSTREAM_TIMEOUT,
  UPSTREAM_HEAD_INVALID: gatewayReasons.UPSTREAM_INVALID,
  UPSTREAM_FRAMING_INVALID: gatewayReasons.UPSTREAM_INVALID,
  UPSTREAM_HEAD_TOO_LARGE: gatewayReasons.UPSTREAM_INVALID,
  UPSTREAM_BODY_INVALID: gatewayReasons.UPSTREAM_INVALID,
  REQUEST_CANCELLED: gatewayReasons.CLIENT_GONE,
  CALL_CANCELLED: gatewayReasons.CLIENT_GONE,
  CLIENT_GONE: gatewayReasons.CLIENT_GONE,
  DEADLINE_EXCEEDED: gatewayReasons.UPSTREAM_TIMEOUT,
};

/**
 * What something thrown means to the client. Ours and those of wire's client by their reason; what wire's server found
 * wrong with the request's body keeps its own reason and status; anything else is GATEWAY_FAILED.
 */
export function verdictOf(thrown: unknown): Verdict {
  if (!isFault(thrown)) return gatewayReasons.GATEWAY_FAILED;
  // The client of wire gives up when the body it sends fails; what failed is the client's doing.
  const fault = thrown.reason === "REQUEST_CANCELLED" && isFault(thrown.cause) ? thrown.cause : thrown;
  const known = Object.hasOwn(upstream, fault.reason) ? upstream[fault.reason] : undefined;
  if (known !== undefined) return known === gatewayReasons.UPSTREAM_RESET ? resetVerdict(fault) : known;
  if (Object.hasOwn(gatewayReasons, fault.reason)) return gatewayReasons[fault.reason as keyof typeof gatewayReasons];
  return bodyVerdict(fault) ?? gatewayReasons.GATEWAY_FAILED;
}

/** A stream that was reset says why. */
function resetVerdict(fault: Fault): Verdict {
  const { http2Code } = fault as Partial<WireError>;
  const isReset = fault.reason === "UPSTREAM_STREAM_RESET" && http2Code !== undefined;
  return isReset ? { ...gatewayReasons.UPSTREAM_RESET, code: codeFromReset(http2Code) } : gatewayReasons.UPSTREAM_RESET;
}

function bodyVerdict(fault: Fault): Verdict | undefined {
  const status = "status" in fault && typeof fault.status === "number" ? fault.status : 500;
  return status < 500 ? { reason: fault.reason, code: fault.code, status, cause: "BODY_INVALID" } : undefined;
}

/** What is said about an attempt, by cause. `version` is "feed@v2": addresses of endpoints stay at home. */
const messages: Partial<Record<Cause, (version: string, passage: Passage) => string>> = {
  CONNECT_FAILED: (version) => `Expected a connection to ${version}, found none to be had.`,
  RESET: (version) => `Expected an answer from ${version}, found the connection closed.`,
  TIMEOUT_INVALID: () =>
    "Expected at most eight digits and one of H, M, S, m, u, n in grpc-timeout, or ten digits in connect-timeout-ms, found something else.",
  ENDPOINT_UNDESCRIBED: (version) => `Expected ${version} to describe itself by gRPC reflection, found no description.`,
  REFUSED: (version) => `Expected ${version} to take the request, found it turned away unread.`,
  NOT_GRPC: (version) => `Expected an answer of gRPC from ${version}, found something else.`,
  TIMEOUT: (version, passage) => `Expected an answer from ${version} within ${timeoutMsOf(passage)} ms, found none.`,
  BAD_ANSWER: (version) => `Expected a valid answer from ${version}, found something else.`,
  OVERLOAD: (version) => `Expected room for one more request, found ${version} carrying all it may.`,
  NO_HEALTHY_ENDPOINT: (version) => `Expected an endpoint of ${version}, found none.`,
  BODY_INVALID: () => "Expected the whole body of the request, found it broken off or invalid.",
  GATEWAY_FAILED: (_version, { requestId }) => `Something unexpected failed (request id ${requestId}).`,
};

function timeoutMsOf({ deadlineMs, startedMs }: Passage): number {
  return Math.round(deadlineMs - startedMs);
}

/** The message for a verdict about an attempt. */
export function messageOf(verdict: Verdict, passage: Passage): string {
  const { cluster } = passage;
  const version = cluster === undefined ? "the service" : `${cluster.service}@${cluster.version}`;
  return messages[verdict.cause]?.(version, passage) ?? `The request could not be answered: ${verdict.reason}.`;
}
