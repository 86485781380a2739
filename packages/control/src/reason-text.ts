import { fault } from "@weir/kit/fault";
import { controlReasons } from "./reasons.ts";

/** Longest reason that a person may give for a change, in characters. */
export const reasonCharactersMax = 500;

/** A person's reason without the space around it. Rejects with REASON_MISSING or REASON_TOO_LONG. */
export function reasonText(text: string): string {
  const trimmed = text.trim();
  if (trimmed === "") throw fault(controlReasons.REASON_MISSING, "Expected a reason for the change, found none.");
  if (trimmed.length > reasonCharactersMax) {
    throw fault(controlReasons.REASON_TOO_LONG, `Expected a reason of at most ${reasonCharactersMax} characters, found ${trimmed.length}.`);
  }
  return trimmed;
}
