import type { Call } from "../call.ts";
import { answerUntilEnded } from "../rpc/until-ended.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { expectRanges } from "./option-range.ts";
import type { Policy, PolicyParts } from "./policy.ts";
import { isStreamMessage } from "./stream-message.ts";

/** How long a call may take with all its attempts. */
export interface TotalTimeoutOptions {
  /** 1 to 2,147,483,647. A caller that leaves less time keeps its own deadline. */
  readonly timeoutMs: number;
}

/** What a total time-out did so far. */
export interface TotalTimeoutState {
  readonly timeoutMs: number;
  /** Calls that ended by this bound, not by their caller's. */
  readonly timedOut: number;
}

/**
 * Bounds a call with everything further in: retries, waits for a place, attempts. What is further in sees the earlier of the caller's
 * deadline and this one, and its signal aborts; the caller's does not. A call that answers a stream is bounded until the stream begins and
 * its messages come with the same deadline. Rejects with DEADLINE_EXCEEDED. Its metric is
 * weir_timeouts_total by bound (total). Throws POLICY_OPTION_INVALID.
 */
export function createTotalTimeout(
  options: TotalTimeoutOptions,
  { name = "default", metrics = createMetrics() }: PolicyParts = {},
): Policy<TotalTimeoutOptions, TotalTimeoutState> {
  const counted = metrics
    .counter({
      name: "weir_timeouts_total",
      help: "Attempts and calls that took longer than a policy lets them.",
      labels: ["policy", "bound"],
    })
    .labels(name, "total");
  let timeoutMs = checked(options);
  let timedOut = 0;

  async function bounded<R>(answer: Promise<R>, own: Call, caller: Call): Promise<R> {
    let goesOn = false;
    try {
      const found = await answerUntilEnded(answer, own);
      goesOn = isStreamMessage(found);
      return found;
    } catch (thrown) {
      if (own.ended?.code === "DEADLINE_EXCEEDED" && caller.ended === undefined) {
        timedOut += 1;
        counted.add();
      }
      throw thrown;
    } finally {
      if (!goesOn) own.finish();
    }
  }

  return {
    state: () => ({ timeoutMs, timedOut }),
    apply(changed) {
      timeoutMs = checked(changed);
    },
    layer: (next) => (request, call) => {
      if (call.remainingMs() <= timeoutMs) return next(request, call);
      const own = call.child({ attempt: true, metadata: call.metadata, timeoutMs });
      return bounded(next(request, own), own, call);
    },
  };
}

function checked({ timeoutMs }: TotalTimeoutOptions): number {
  expectRanges({ timeoutMs: [timeoutMs, 1, 2 ** 31 - 1] });
  return timeoutMs;
}
