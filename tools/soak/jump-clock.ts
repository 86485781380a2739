import type { Clock } from "@weir/kit/clock";
import { systemClock } from "@weir/kit/clock";

/** A clock that runs as the platform's, and jumps ahead when told to: hours pass in minutes. */
export interface JumpClock extends Clock {
  /** Lets so much time have passed, and runs what has fallen due meanwhile. */
  jump(durationMs: number): void;
}

interface Alarm {
  readonly atMs: number;
  readonly action: () => void;
  stop: () => void;
}

/** Makes one. */
export function createJumpClock(): JumpClock {
  let aheadMs = 0;
  const alarms = new Set<Alarm>();
  const monotonicMs = (): number => systemClock.monotonicMs() + aheadMs;
  const ring = (alarm: Alarm): void => {
    alarms.delete(alarm);
    alarm.action();
  };
  const arm = (alarm: Alarm): void => {
    alarm.stop = systemClock.after(Math.max(0, alarm.atMs - monotonicMs()), () => ring(alarm));
  };
  const after = (durationMs: number, action: () => void): (() => void) => {
    const alarm: Alarm = { atMs: monotonicMs() + durationMs, action, stop: () => undefined };
    alarms.add(alarm);
    arm(alarm);
    return () => {
      alarms.delete(alarm);
      alarm.stop();
    };
  };
  return {
    nowMs: () => systemClock.nowMs() + aheadMs,
    monotonicMs,
    random: () => systemClock.random(),
    after,
    sleep: (durationMs, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) return reject(signal.reason as Error);
        const onAbort = (): void => {
          cancel();
          reject(signal?.reason as Error);
        };
        const cancel = after(durationMs, () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        });
        signal?.addEventListener("abort", onAbort, { once: true });
      }),
    jump(durationMs) {
      aheadMs += durationMs;
      for (const alarm of [...alarms].toSorted((one, other) => one.atMs - other.atMs)) {
        if (!alarms.has(alarm)) continue;
        alarm.stop();
        if (alarm.atMs <= monotonicMs()) ring(alarm);
        else arm(alarm);
      }
    },
  };
}
