import type { Call, CallKey } from "@weir/kit/call";
import { fault } from "@weir/kit/fault";
import { quoted } from "./quoted.ts";
import { controlReasons } from "./reasons.ts";
import type { RoleName } from "./tables.ts";

/** Who a call comes from, once its token is known to be good. */
export interface Caller {
  readonly tokenId: string;
  /** Stands in the audit as actor. */
  readonly name: string;
  readonly role: RoleName;
  /** Services it is limited to; empty for all. */
  readonly services: readonly string[];
}

/** Under this key the identity Layer says who calls. */
export const callerKey: CallKey<Caller> = { name: "control.caller" };

/** Under this key the identity Layer names who calls for the audit, also when the call will be refused. */
export const actorKey: CallKey<string> = { name: "control.actor" };

/** Who calls. Rejects with TOKEN_MISSING when no identity Layer let the call in. */
export function callerOf(call: Call): Caller {
  const caller = call.get(callerKey);
  if (!caller) throw fault(controlReasons.TOKEN_MISSING, `Expected a caller on ${call.method}, found none.`);
  return caller;
}

/** Whether the caller may see and touch a service. */
export function mayTouch(caller: Caller, service: string): boolean {
  return caller.services.length === 0 || caller.services.includes(service);
}

/** Rejects with SERVICE_NOT_PERMITTED unless the caller may touch the service. */
export function assertMayTouch(call: Call, service: string): void {
  const caller = callerOf(call);
  if (mayTouch(caller, service)) return;
  throw fault(controlReasons.SERVICE_NOT_PERMITTED, `Expected one of ${caller.services.join(", ")}, found ${quoted(service)}.`);
}
