import { VirtualClock } from "../virtual-clock.ts";
import type { FuzzTarget } from "./fuzz-target.ts";

/** The clock of all targets. It stands still while bytes are read. */
export const fuzzClock: VirtualClock = new VirtualClock();

const outcomesBetween = 32;
/** Longer than the timing wheel takes to come round. */
const roundMs = 15_000;
let underWay = 0;
let over = 0;

/**
 * The same target, of which many outcomes may be under way at once. Now and then, while none is, it lets time pass, so that the
 * timing wheel lets go of connections that are closed.
 */
export function standingStill(target: FuzzTarget): FuzzTarget {
  return {
    ...target,
    async outcome(pieces) {
      if (underWay === 0 && over >= outcomesBetween) {
        over = 0;
        fuzzClock.leap(roundMs);
      }
      underWay += 1;
      try {
        return await target.outcome(pieces);
      } finally {
        underWay -= 1;
        over += 1;
      }
    },
  };
}
