import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { abortFault } from "./abort-fault.ts";

/** One of the things that a `select` waits for. Made by `channel.receiving()`, `channel.sending(value)` and `elapsing(durationMs)`. */
export interface Arm<R> {
  /** Whether `take` would succeed at once. */
  ready(): boolean;
  /** Does it. Only called when ready, in the same turn. */
  take(): R;
  /** Waits; exactly one of the two is called at most once, unless the answer is called first, which stops the waiting. */
  park(settle: (result: R) => void, refused: (reason: Error) => void): () => void;
}

/** What a `select` may be told. */
export interface SelectOptions {
  /** Ends the waiting: the select rejects with the signal's Fault, and nothing has been sent or received. */
  readonly signal?: AbortSignal;
  /** Chooses among arms that are ready together. Default the system's. */
  readonly clock?: Clock;
}

/** Which arm it was, by its key, and what it gave. */
export type Selected<Arms extends Readonly<Record<string, Arm<unknown>>>> = {
  [Key in keyof Arms]: { readonly key: Key; readonly value: Arms[Key] extends Arm<infer R> ? R : never };
}[keyof Arms];

/**
 * Waits until one of the arms can be done and does exactly that one. Of several that are ready each is as likely as the others, so
 * that none starves. The others leave no trace.
 * @example const found = await select({ job: jobs.receiving(), late: elapsing(1000) });
 */
export function select<Arms extends Readonly<Record<string, Arm<unknown>>>>(
  arms: Arms,
  options: SelectOptions = {},
): Promise<Selected<Arms>> {
  const { signal } = options;
  if (signal?.aborted) return Promise.reject(abortFault(signal));
  try {
    const ready = trySelect(arms, options);
    if (ready) return Promise.resolve(ready);
  } catch (thrown) {
    return Promise.reject(thrown as Error);
  }
  return new Promise((resolve, reject) => {
    const stops: (() => void)[] = [];
    const end = (): void => {
      for (const stop of stops) stop();
    };
    for (const [key, arm] of Object.entries(arms)) {
      const settle = (value: unknown): void => {
        end();
        resolve({ key, value } as Selected<Arms>);
      };
      const refused = (reason: Error): void => {
        end();
        reject(reason);
      };
      stops.push(arm.park(settle, refused));
    }
    if (!signal) return;
    const onAbort = (): void => {
      end();
      reject(abortFault(signal));
    };
    signal.addEventListener("abort", onAbort, { once: true });
    stops.push(() => signal.removeEventListener("abort", onAbort));
  });
}

/** Waits at one arm that is not ready. Rejects when it is refused, or with the signal's Fault when that aborts first. */
export function waitAt<R>(arm: Arm<R>, signal: AbortSignal | undefined): Promise<R> {
  return new Promise((resolve, reject) => {
    if (!signal) {
      arm.park(resolve, reject);
      return;
    }
    const release = (): void => signal.removeEventListener("abort", onAbort);
    const stop = arm.park(
      (result) => (release(), resolve(result)),
      (reason) => (release(), reject(reason)),
    );
    const onAbort = (): void => {
      stop();
      reject(abortFault(signal));
    };
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** Does one of the arms that are ready; undefined when none is. Throws what the arm throws (CHANNEL_CLOSED for sending). */
export function trySelect<Arms extends Readonly<Record<string, Arm<unknown>>>>(
  arms: Arms,
  options: Pick<SelectOptions, "clock"> = {},
): Selected<Arms> | undefined {
  const ready = Object.entries(arms).filter(([, arm]) => arm.ready());
  const chosen = ready[ready.length < 2 ? 0 : Math.floor((options.clock ?? systemClock).random() * ready.length)];
  return chosen && ({ key: chosen[0], value: chosen[1].take() } as Selected<Arms>);
}

/** An arm that is done after `durationMs`. */
export function elapsing(durationMs: number, clock: Clock = systemClock): Arm<undefined> {
  const dueMs = clock.monotonicMs() + durationMs;
  const left = (): number => dueMs - clock.monotonicMs();
  return {
    ready: () => left() <= 0,
    take: () => undefined,
    park: (settle) => clock.after(Math.max(0, left()), () => settle(undefined)),
  };
}
