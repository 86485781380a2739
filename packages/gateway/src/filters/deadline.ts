import { fault } from "@weir/kit/fault";
import type { Layer } from "@weir/kit/service";
import { grpcTimeoutFromMs, timeoutMsFromGrpc } from "@weir/kit/rpc/grpc-timeout";
import type { HttpResponse } from "@weir/wire";
import type { CompiledRoute } from "../compiled-route.ts";
import type { Passage } from "../passage.ts";
import { gatewayReasons } from "../reasons.ts";
import { isOpenEnded } from "../rpc/form.ts";

/** Connect says milliseconds in at most ten digits. */
const connectTimeout = /^\d{1,10}$/;
const connectTimeoutMax = 9_999_999_999;

/**
 * Gives the request the time of its route, or what is left of its caller's; all attempts share it. Calls that may go on
 * (gRPC, gRPC-Web, streams of Connect) have a limit only when their caller or their route says one. Throws
 * TIMEOUT_INVALID.
 */
export function deadline(): Layer<Passage, HttpResponse> {
  return (next) => (passage, call) => {
    const route = passage.route as CompiledRoute;
    const { rpc, startedMs } = passage;
    passage.deadlineMs = Math.min(call.deadlineMs, startedMs + (isOpenEnded(rpc) ? route.callTimeoutMs : route.timeoutMs));
    if (rpc !== undefined) callersTime(passage);
    return next(passage, call);
  };
}

function callersTime(passage: Passage): void {
  const { inbound, startedMs, headers } = passage;
  const isConnect = speaksConnect(passage);
  const said = isConnect ? inbound.connectTimeout : inbound.grpcTimeout;
  if (said !== "") {
    const untilMs = startedMs + (isConnect ? timeoutMsFromConnect(said) : timeoutMsFromHeader(said));
    passage.callersDeadline = untilMs < passage.deadlineMs;
    if (passage.callersDeadline) passage.deadlineMs = untilMs;
  }
  if (passage.deadlineMs === Infinity) return;
  // What it holds is said anew for each attempt.
  passage.timeoutAt = headers.push(isConnect ? "connect-timeout-ms" : "grpc-timeout", "") - 1;
}

/** Writes into the headers how much time this attempt has: what is left, not what there was. */
export function tellTimeLeft(passage: Passage, leftMs: number): void {
  if (passage.timeoutAt === -1) return;
  const text = speaksConnect(passage) ? String(Math.min(connectTimeoutMax, Math.ceil(leftMs))) : grpcTimeoutFromMs(leftMs);
  passage.headers[passage.timeoutAt] = text;
}

function speaksConnect({ rpc }: Passage): boolean {
  return rpc === "connect" || rpc === "connect-stream";
}

function timeoutMsFromHeader(header: string): number {
  try {
    return timeoutMsFromGrpc(header);
  } catch (thrown) {
    throw fault(gatewayReasons.TIMEOUT_INVALID, (thrown as Error).message, { cause: thrown });
  }
}

function timeoutMsFromConnect(header: string): number {
  if (connectTimeout.test(header)) return Number(header);
  throw fault(
    gatewayReasons.TIMEOUT_INVALID,
    `Expected at most ten digits in connect-timeout-ms, found ${JSON.stringify(header.slice(0, 40))}.`,
  );
}
