import type { Fault } from "../fault.ts";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";

/** The one message of a stream that has to hold one. None or more is ANSWER_COUNT_INVALID; a fault behind the message counts. */
export async function onlyMessage<T>(messages: AsyncIterator<T>, path: string): Promise<T> {
  const first = await messages.next();
  if (first.done === true) throw wrongCount(path, "none");
  const second = await messages.next();
  if (second.done === true) return first.value;
  void messages.return?.();
  throw wrongCount(path, "more");
}

function wrongCount(path: string, found: string): Fault {
  return fault(kitReasons.ANSWER_COUNT_INVALID, `Expected one message from ${path}, found ${found}.`);
}
