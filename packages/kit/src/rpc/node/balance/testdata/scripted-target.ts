import type { Fault } from "../../../../fault.ts";
import { fault } from "../../../../fault.ts";
import { addressFrom } from "../endpoint-address.ts";
import type { Target, TargetListener } from "../target.ts";

/** A target that a test speaks for. */
export interface ScriptedTarget extends Target {
  /** "10.0.0.1:1 10.0.0.1:2"; "" for an empty answer. */
  resolve(addresses: string): void;
  fail(): void;
  /** How often it was asked to look again. */
  readonly refreshes: number;
  readonly isClosed: boolean;
}

/** A target that says nothing until the test does. */
export function scriptedTarget(authority?: string): ScriptedTarget {
  let listener: TargetListener | undefined;
  let refreshes = 0;
  let isClosed = false;
  return {
    url: "test:///scripted",
    authority,
    get refreshes() {
      return refreshes;
    },
    get isClosed() {
      return isClosed;
    },
    watch(given) {
      listener = given;
      return {
        refresh: () => void (refreshes += 1),
        close: () => void (isClosed = true),
      };
    },
    resolve: (addresses) => listener?.resolved(addresses === "" ? [] : addresses.split(" ").map(addressFrom)),
    fail: () => listener?.failed(notFound()),
  };
}

function notFound(): Fault {
  return fault({ reason: "TARGET_UNRESOLVED", code: "UNAVAILABLE" }, "queryA ENOTFOUND");
}
