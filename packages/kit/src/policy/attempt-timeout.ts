import type { Call } from "../call.ts";
import { fault } from "../fault.ts";
import { answerUntilEnded } from "../rpc/until-ended.ts";
import type { Layer } from "../service.ts";
import { expectRanges } from "./option-range.ts";
import { policyReasons } from "./reasons.ts";
import { isStreamMessage } from "./stream-message.ts";

/** How long one attempt may take. */
export interface AttemptTimeoutOptions {
  /** Until the answer is there; of a stream, until it begins. */
  readonly timeoutMs: number;
}

/**
 * Bounds one attempt. The attempt has a call of its own, whose signal aborts alone: neither other attempts nor the caller hear of it. It
 * rejects with ATTEMPT_TIMEOUT, or with DEADLINE_EXCEEDED when the caller's own time was over first. Throws POLICY_OPTION_INVALID.
 */
export function attemptTimeout<Q, R>({ timeoutMs }: AttemptTimeoutOptions): Layer<Q, R> {
  expectRanges({ timeoutMs: [timeoutMs, 1, 2 ** 31 - 1] });
  return (next) => (request, call) => {
    if (call.remainingMs() <= timeoutMs) return next(request, call);
    const attempt = call.child({ attempt: true });
    return bounded(next(request, attempt), attempt, timeoutMs);
  };
}

async function bounded<R>(answer: Promise<R>, attempt: Call, timeoutMs: number): Promise<R> {
  const late = fault(policyReasons.ATTEMPT_TIMEOUT, `Expected an answer within ${timeoutMs} ms, found none.`);
  const stop = attempt.clock.after(timeoutMs, () => attempt.cancel(late));
  let goesOn = false;
  try {
    const found = await answerUntilEnded(answer, attempt);
    goesOn = isStreamMessage(found);
    return found;
  } finally {
    stop();
    // A stream is still to be ended by its caller; anything else is over, and lets go of caller and deadline.
    if (!goesOn) attempt.finish();
  }
}
