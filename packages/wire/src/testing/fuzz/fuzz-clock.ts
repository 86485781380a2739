import { VirtualClock } from "../virtual-clock.ts";

/** The clock of all targets. It stands still while bytes are read. */
export const fuzzClock: VirtualClock = new VirtualClock();

const outcomesBetween = 256;
/** Longer than the timing wheel takes to come round. */
const roundMs = 15_000;
let outcomes = 0;

/** To be called before an outcome: now and then lets time pass, so that the timing wheel lets go of connections that are closed. */
export function letGo(): void {
  outcomes += 1;
  if (outcomes % outcomesBetween === 0) fuzzClock.advance(roundMs);
}
