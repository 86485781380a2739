import { fault } from "../fault.ts";
import { policyReasons } from "./reasons.ts";

/** Throws POLICY_OPTION_INVALID unless every value lies within the range of its name. */
export function expectRanges(given: Readonly<Record<string, readonly [value: number, min: number, max: number]>>): void {
  for (const [name, [value, min, max]] of Object.entries(given)) {
    if (!(value >= min && value <= max))
      throw fault(policyReasons.POLICY_OPTION_INVALID, `Expected ${name} from ${min} to ${max}, found ${value}.`);
  }
}
