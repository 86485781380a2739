import type { Code, Fault } from "@weir/kit/fault";
import type { Key } from "../words/en.ts";
import type { Words } from "../model/words.ts";

const known: Readonly<Partial<Record<Code, Key>>> = {
  UNAUTHENTICATED: "fault.UNAUTHENTICATED",
  PERMISSION_DENIED: "fault.PERMISSION_DENIED",
  UNAVAILABLE: "fault.UNAVAILABLE",
  DEADLINE_EXCEEDED: "fault.DEADLINE_EXCEEDED",
  ABORTED: "fault.ABORTED",
};

/** A Fault in the operator's language, with its reason and control's own message behind it. */
export function faultText(fault: Fault, words: Words): string {
  const key = known[fault.code];
  const text = `${fault.reason}: ${fault.message}`;
  return key ? words.say("fault.text", { words: words.say(key), reason: fault.reason, message: fault.message }) : text;
}
