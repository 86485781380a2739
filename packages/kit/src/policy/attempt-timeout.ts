import type { Call } from "../call.ts";
import { fault } from "../fault.ts";
import { answerUntilEnded } from "../rpc/until-ended.ts";
import { expectRanges } from "./option-range.ts";
import type { Policy } from "./policy.ts";
import { policyReasons } from "./reasons.ts";
import { isStreamMessage } from "./stream-message.ts";

/** How long one attempt may take. */
export interface AttemptTimeoutOptions {
  /** Until the answer is there; of a stream, until it begins. 1 to 2,147,483,647. */
  readonly timeoutMs: number;
}

/** What an attempt time-out did so far. */
export interface AttemptTimeoutState {
  readonly timeoutMs: number;
  readonly timedOut: number;
}

/**
 * Bounds one attempt. The attempt has a call of its own, whose signal aborts alone: neither other attempts nor the caller hear of it. It
 * rejects with ATTEMPT_TIMEOUT, or with DEADLINE_EXCEEDED when the caller's own time was over first. Throws POLICY_OPTION_INVALID.
 */
export function createAttemptTimeout(options: AttemptTimeoutOptions): Policy<AttemptTimeoutOptions, AttemptTimeoutState> {
  let timeoutMs = checked(options);
  let timedOut = 0;

  async function bounded<R>(answer: Promise<R>, attempt: Call, boundMs: number): Promise<R> {
    const stop = attempt.clock.after(boundMs, () => {
      timedOut += 1;
      attempt.cancel(fault(policyReasons.ATTEMPT_TIMEOUT, `Expected an answer within ${boundMs} ms, found none.`));
    });
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

  return {
    state: () => ({ timeoutMs, timedOut }),
    apply(changed) {
      timeoutMs = checked(changed);
    },
    layer: (next) => (request, call) => {
      if (call.remainingMs() <= timeoutMs) return next(request, call);
      const attempt = call.child({ attempt: true, metadata: call.metadata });
      return bounded(next(request, attempt), attempt, timeoutMs);
    },
  };
}

function checked({ timeoutMs }: AttemptTimeoutOptions): number {
  expectRanges({ timeoutMs: [timeoutMs, 1, 2 ** 31 - 1] });
  return timeoutMs;
}
