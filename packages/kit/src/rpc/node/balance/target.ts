import type { Fault } from "../../../fault.ts";
import type { EndpointAddress } from "./endpoint-address.ts";

/** Whom a target tells what it finds. */
export interface TargetListener {
  /** All endpoints there are now; none is an answer too. The same list again is no harm. */
  resolved(addresses: readonly EndpointAddress[]): void;
  /** The endpoints could not be learnt this time. The target goes on by itself. */
  failed(error: Fault): void;
}

/** A target that is being watched. */
export interface TargetWatch {
  /** Somebody could not reach an endpoint: look again soon. Asking often is no harm, it is answered seldom. */
  refresh(): void;
  /** Lets go of timers and streams. Nothing is told afterwards. */
  close(): void;
}

/** Where the endpoints of a service are learnt. */
export interface Target {
  /** As it was given: "dns:///feed.internal:7000". Names it in messages and metrics. */
  readonly url: string;
  /** What requests name as their authority when they name none; undefined for the endpoint's own address. */
  readonly authority: string | undefined;
  /** Begins to look. Listeners are told from a later turn or at once. */
  watch(listener: TargetListener): TargetWatch;
}
