import { Call } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import { systemClock } from "@weir/kit/clock";
import type { Code, Fault } from "@weir/kit/fault";
import { fault, faultFrom } from "@weir/kit/fault";
import { consoleReasons } from "../reasons.ts";

/** A stream broke: what happened, and when it is tried again. */
export interface LostStream {
  readonly fault: Fault;
  /** From 1; starts again once a message has come. */
  readonly attempt: number;
  readonly retryInMs: number;
}

/** What `watch` needs. */
export interface WatchOptions<T> {
  /** Opens the stream under a call; cancelling the call must end it. */
  readonly open: (call: Call) => AsyncIterable<T>;
  readonly onMessage: (message: T) => void;
  readonly onLost: (lost: LostStream) => void;
  readonly clock?: Clock;
  /** Control beats every second; after this long without a message the stream counts as lost. Default 8000. */
  readonly silenceMsMax?: number;
}

/** Codes that no retry will mend. */
const final: ReadonlySet<Code> = new Set(["UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED", "INVALID_ARGUMENT"]);

/** Milliseconds to wait before the attempt: 0.5, 1, 2, 4, then 5 s, each up to a fifth shorter by chance. */
export function backoffMs(attempt: number, chance: number): number {
  return Math.min(5000, 500 * 2 ** (attempt - 1)) * (1 - chance / 5);
}

/**
 * Keeps a stream open until the signal aborts, opening it again with backoff whenever it breaks, ends or falls silent.
 * Rejects with the Fault when trying again is no use: not signed in, not allowed, not understood.
 */
export async function watch<T>(options: WatchOptions<T>, signal: AbortSignal): Promise<void> {
  const clock = options.clock ?? systemClock;
  for (let attempt = 1; !signal.aborted; attempt++) {
    let heard = false;
    const broken = await readStream(options, () => (heard = true), signal);
    if (signal.aborted) return;
    if (final.has(broken.code)) throw broken;
    if (heard) attempt = 1;
    const retryInMs = backoffMs(attempt, clock.random());
    options.onLost({ fault: broken, attempt, retryInMs });
    await clock.sleep(retryInMs, signal).catch(() => undefined);
  }
}

/** Reads one stream to its end and says why it ended. */
async function readStream<T>(options: WatchOptions<T>, onHeard: () => void, signal: AbortSignal): Promise<Fault> {
  const clock = options.clock ?? systemClock;
  const silenceMs = options.silenceMsMax ?? 8000;
  const call = new Call({ clock });
  const onAbort = (): void => call.cancel();
  signal.addEventListener("abort", onAbort, { once: true });
  const arm = (): (() => void) =>
    clock.after(silenceMs, () =>
      call.cancel(fault(consoleReasons.STREAM_SILENT, `Expected a message within ${silenceMs} ms, found none.`)),
    );
  let disarm = arm();
  try {
    for await (const message of options.open(call)) {
      disarm();
      onHeard();
      if (!signal.aborted) options.onMessage(message);
      if (signal.aborted) break;
      disarm = arm();
    }
    return fault(consoleReasons.STREAM_ENDED, "Control ended the stream.");
  } catch (thrown) {
    return call.ended ?? faultFrom(thrown);
  } finally {
    disarm();
    signal.removeEventListener("abort", onAbort);
    call.cancel();
  }
}
