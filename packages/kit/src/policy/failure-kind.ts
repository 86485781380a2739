import type { Call } from "../call.ts";
import type { Code, Fault } from "../fault.ts";
import { policyReasons } from "./reasons.ts";
import { isRefusal } from "./refusal.ts";

/**
 * Whose a failure is. "caller": it gave up, its time was over, or it asked for what cannot be; "overload": the server works but takes no
 * more; "server": the server, or the way to it, failed. "local": a policy of this side refused before anything was sent.
 */
export type FailureKind = "caller" | "overload" | "server" | "local";

const serverCodes: ReadonlySet<Code> = new Set(["UNKNOWN", "DEADLINE_EXCEEDED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"]);

/**
 * Whose a failure of a call is. A breaker counts "server" alone; the time-out of a caller that left too little time is the caller's. What
 * another process refused by a policy of its own is its answer: LOAD_SHED and RESOURCE_EXHAUSTED are "overload", BREAKER_OPEN is "server".
 */
export function failureKind(fault: Fault, call: Call): FailureKind {
  if (isRefusal(fault)) return "local";
  if (call.ended !== undefined) return "caller";
  if (fault.code === "DEADLINE_EXCEEDED" && call.remainingMs() === 0) return "caller";
  if (fault.code === "RESOURCE_EXHAUSTED" || fault.reason === policyReasons.LOAD_SHED.reason) return "overload";
  return serverCodes.has(fault.code) ? "server" : "caller";
}
