import { performance } from "node:perf_hooks";
import type { LoopWatch } from "./loop-watch.ts";

/** How often the loop is looked at. */
export interface LoopWatchOptions {
  /** A timer of this length; delays are known to as much. Default 10. */
  readonly tickMs?: number;
  /** Utilisation is told of the last whole window of this length, or of the one that runs when that is quieter. Default 250. */
  readonly windowMs?: number;
}

/**
 * Watches this thread's loop. A timer of a blocked loop does not run; that it is overdue is told by whoever asks meanwhile, in the very turn
 * that blocks. When it runs at last, what is read in the turn after it had arrived while the loop was blocked and waited in the socket:
 * that turn's calls are told its lateness, and from the next on the delay is over. Costs one timer every 10 ms and no thread.
 */
export function createLoopWatch(options: LoopWatchOptions = {}): LoopWatch {
  const { tickMs = 10, windowMs = 250 } = options;
  let dueMs = performance.now() + tickMs;
  let waitedMs = 0;
  let last = performance.eventLoopUtilization();
  let windowEndMs = performance.now() + windowMs;
  let share = 0;
  let closed = false;

  function turnWindow(nowMs: number): void {
    const isOver = nowMs >= windowEndMs;
    // A window is not waited for while it shows that the loop is at rest again.
    if (!isOver && (share === 0 || windowEndMs - nowMs > windowMs - 2 * tickMs)) return;
    const now = performance.eventLoopUtilization();
    const running = performance.eventLoopUtilization(now, last).utilization;
    share = isOver ? running : Math.min(share, running);
    if (!isOver) return;
    last = now;
    windowEndMs = nowMs + windowMs;
  }

  function tick(): void {
    const nowMs = performance.now();
    const lateMs = Math.max(0, nowMs - dueMs);
    dueMs = nowMs + tickMs;
    turnWindow(nowMs);
    if (lateMs <= tickMs) return;
    waitedMs = lateMs;
    // Timers run before the loop reads sockets, immediates after: this one ends the batch that waited.
    setImmediate(() => (waitedMs = 0));
  }

  const timer = setInterval(tick, tickMs).unref();
  return {
    delayMs: () => (closed ? 0 : Math.max(waitedMs, performance.now() - dueMs, 0)),
    utilisation() {
      if (!closed && performance.now() >= windowEndMs) turnWindow(performance.now());
      return closed ? 0 : share;
    },
    close() {
      closed = true;
      clearInterval(timer);
    },
  };
}
