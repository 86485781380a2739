import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import type { Fault } from "../fault.ts";
import { Ring } from "./ring.ts";

/** A message that no actor has handled, and why. */
export interface DeadLetter {
  /** Name of the actor. */
  readonly actor: string;
  readonly message: string;
  readonly payload: unknown;
  /** MAILBOX_FULL, ACTOR_STOPPED, ACTOR_FAILED, or what ended the call of an `ask` before its turn came. */
  readonly fault: Fault;
  /** Wall time, in milliseconds since 1970. */
  readonly atMs: number;
}

/** Where messages go that nobody handled. Bounded: the newest are kept, all are counted. */
export interface DeadLetters {
  readonly capacity: number;
  /** How many there have been by the reason of their fault, those no longer kept included. */
  readonly counts: ReadonlyMap<string, number>;
  /** Takes out what is kept, oldest first. */
  take(): DeadLetter[];
  /** The newest of what is kept, at most so many, newest first; they stay. */
  newest(count: number): DeadLetter[];
  add(letter: Omit<DeadLetter, "atMs">): void;
}

/** How dead letters are kept. */
export interface DeadLettersOptions {
  /** Letters kept at most. Default 1,000. */
  readonly capacity?: number;
  /** Hears of each, such as to log it. It must not throw. */
  readonly onLetter?: (letter: DeadLetter) => void;
  readonly clock?: Clock;
}

/** A box for dead letters. */
export function createDeadLetters(options: DeadLettersOptions = {}): DeadLetters {
  const { capacity = 1000, onLetter, clock = systemClock } = options;
  const kept = new Ring<DeadLetter>();
  const counts = new Map<string, number>();
  return {
    capacity,
    counts,
    newest: (count) => Array.from({ length: Math.min(count, kept.size) }, (_, index) => kept.at(kept.size - 1 - index)),
    take: () => Array.from({ length: kept.size }, () => kept.shift()),
    add(given) {
      const letter = { ...given, atMs: clock.nowMs() };
      const { reason } = letter.fault;
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
      kept.push(letter);
      if (kept.size > capacity) kept.shift();
      onLetter?.(letter);
    },
  };
}
