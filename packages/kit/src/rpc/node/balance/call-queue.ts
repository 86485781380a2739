import type { RequestOptions } from "@weir/wire";
import { WireError, wireReasons } from "@weir/wire";
import type { Clock } from "../../../clock.ts";
import { kitReasons } from "../../../reasons.ts";

/** How one call waits. */
export interface QueuedCall {
  readonly options: RequestOptions;
  readonly waitMs: number;
  /** What it is rejected with when that time is over. */
  readonly late: () => WireError;
  /** Also waits when it is said that there is nothing to wait for just now. */
  readonly patient: boolean;
}

/** Calls that wait until there are endpoints. */
export interface CallQueue {
  readonly size: number;
  /** Resolves when it is worth a try; rejects with a WireError when the time is over, the call is given up, or the queue fails. */
  wait(call: QueuedCall): Promise<void>;
  /** Lets all go on. */
  release(): void;
  /** Rejects those that wait, but not the patient ones unless `all`. */
  fail(error: WireError, all: boolean): void;
}

interface Waiter {
  readonly patient: boolean;
  end(error: WireError | undefined): void;
}

/** An empty queue; one more than `waitersMax` is CALLS_WAITING_TOO_MANY. */
export function createCallQueue(clock: Clock, waitersMax: number): CallQueue {
  const waiters = new Set<Waiter>();
  return {
    get size() {
      return waiters.size;
    },
    wait: ({ options, waitMs, late, patient }) =>
      new Promise((resolve, reject) => {
        const { signal } = options;
        if (signal?.aborted === true) return reject(cancelled());
        if (waiters.size >= waitersMax) return reject(tooMany(waitersMax));
        const waiter: Waiter = {
          patient,
          end(error) {
            if (!waiters.delete(waiter)) return;
            stopTimer();
            signal?.removeEventListener("abort", onAbort);
            if (error === undefined) resolve();
            else reject(error);
          },
        };
        const onAbort = (): void => waiter.end(cancelled());
        const stopTimer = clock.after(waitMs, () => waiter.end(late()));
        waiters.add(waiter);
        signal?.addEventListener("abort", onAbort, { once: true });
        options.onCancel?.(onAbort);
      }),
    release() {
      for (const waiter of Array.from(waiters)) waiter.end(undefined);
    },
    fail(error, all) {
      for (const waiter of Array.from(waiters)) if (all || !waiter.patient) waiter.end(error);
    },
  };
}

function cancelled(): WireError {
  return new WireError(wireReasons.REQUEST_CANCELLED, "expected to go on, found the request given up");
}

function tooMany(waitersMax: number): WireError {
  const message = `expected at most ${waitersMax} calls waiting for endpoints, found one more`;
  return new WireError({ ...kitReasons.CALLS_WAITING_TOO_MANY, status: 429 }, message);
}
