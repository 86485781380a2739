import type { Fault } from "../fault.ts";
import { coreReasons, fault, isFault } from "../fault.ts";

/** The Fault of a signal that has aborted: its reason if that is one, else CALL_CANCELLED with the reason as cause. */
export function abortFault(signal: AbortSignal): Fault {
  const reason: unknown = signal.reason;
  return isFault(reason) ? reason : fault(coreReasons.CALL_CANCELLED, "Waiting was given up.", { cause: reason });
}
