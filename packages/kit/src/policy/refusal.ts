import type { Fault, FaultOptions, Reason } from "../fault.ts";
import { fault } from "../fault.ts";

/**
 * A Fault of a policy of this side, before anything was sent. The mark stays in this process: the same reason from another process is that
 * process's answer, and counts as such.
 */
export function refusal(reason: Pick<Reason, "reason" | "code">, message: string, options?: FaultOptions): Fault {
  return Object.assign(fault(reason, message, options), { local: true });
}

/** Whether a Fault was made by `refusal` in this process. */
export function isRefusal(found: Fault): boolean {
  return "local" in found && found.local === true;
}
