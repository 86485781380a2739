import type { Call } from "../call.ts";
import type { Clock } from "../clock.ts";
import { fault } from "../fault.ts";
import type { DeadlineEntry } from "../rpc/node/deadline-queue.ts";
import { DeadlineQueue } from "../rpc/node/deadline-queue.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { expectRanges } from "./option-range.ts";
import type { Policy, PolicyParts } from "./policy.ts";
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
 * rejects with ATTEMPT_TIMEOUT, or with DEADLINE_EXCEEDED when the caller's own time was over first. Its metric is
 * weir_timeouts_total by bound (attempt). Throws POLICY_OPTION_INVALID.
 */
export function createAttemptTimeout(
  options: AttemptTimeoutOptions,
  { name = "default", metrics = createMetrics() }: PolicyParts = {},
): Policy<AttemptTimeoutOptions, AttemptTimeoutState> {
  const counted = metrics
    .counter({
      name: "weir_timeouts_total",
      help: "Attempts and calls that took longer than a policy lets them.",
      labels: ["policy", "bound"],
    })
    .labels(name, "attempt");
  let timeoutMs = checked(options);
  let timedOut = 0;

  /** All attempts that got the same time share one timer; those under way when the time changes keep theirs. */
  let times: { readonly clock: Clock; readonly boundMs: number; readonly queue: DeadlineQueue } | undefined;
  function queueOf(clock: Clock): DeadlineQueue {
    if (times === undefined || times.clock !== clock || times.boundMs !== timeoutMs)
      times = { clock, boundMs: timeoutMs, queue: new DeadlineQueue(clock) };
    return times.queue;
  }
  const onTimeout = (): void => {
    timedOut += 1;
    counted.add();
  };

  return {
    state: () => ({ timeoutMs, timedOut }),
    apply(changed) {
      timeoutMs = checked(changed);
    },
    layer: (next) => (request, call) => {
      const nowMs = call.clock.monotonicMs();
      if (call.deadlineMs - nowMs <= timeoutMs) return next(request, call);
      const attempt = call.child({ attempt: true, metadata: call.metadata });
      return new TimedAttempt(attempt, { boundMs: timeoutMs, nowMs, queue: queueOf(call.clock), onTimeout }).bound(next(request, attempt));
    },
  };
}

/** An attempt that has so long. A class as it stands in a queue of its like. */
class TimedAttempt implements DeadlineEntry {
  readonly deadlineMs: number;
  readonly #call: Call;
  readonly #boundMs: number;
  readonly #queue: DeadlineQueue;
  readonly #onTimeout: () => void;
  earlier: DeadlineEntry | undefined;
  later: DeadlineEntry | undefined;

  constructor(
    call: Call,
    given: { readonly boundMs: number; readonly nowMs: number; readonly queue: DeadlineQueue; readonly onTimeout: () => void },
  ) {
    this.#call = call;
    this.#boundMs = given.boundMs;
    this.#queue = given.queue;
    this.#onTimeout = given.onTimeout;
    this.deadlineMs = given.nowMs + given.boundMs;
    this.#queue.add(this);
  }

  expire(): void {
    this.#onTimeout();
    this.#call.cancel(fault(policyReasons.ATTEMPT_TIMEOUT, `Expected an answer within ${this.#boundMs} ms, found none.`));
  }

  /** The answer, or the Fault of the attempt's end when that comes first. By hand and not async: every call goes by here. */
  bound<R>(answer: Promise<R>): Promise<R> {
    return new Promise((resolve, reject) => {
      const onEnd = (reason: Error): void => {
        this.#queue.remove(this);
        reject(reason);
      };
      this.#call.onEnd(onEnd);
      answer.then(
        (found) => {
          this.#queue.remove(this);
          this.#call.offEnd(onEnd);
          // A stream is still to be ended by its caller; anything else is over, and lets go of its caller.
          if (!isStreamMessage(found)) this.#call.finish();
          resolve(found);
        },
        (thrown: Error) => {
          this.#queue.remove(this);
          this.#call.offEnd(onEnd);
          this.#call.finish();
          reject(thrown);
        },
      );
    });
  }
}

function checked({ timeoutMs }: AttemptTimeoutOptions): number {
  expectRanges({ timeoutMs: [timeoutMs, 1, 2 ** 31 - 1] });
  return timeoutMs;
}
