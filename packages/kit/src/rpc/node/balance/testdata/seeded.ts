import type { VirtualClock } from "../../../../testing/virtual-clock.ts";
import { createVirtualClock } from "../../../../testing/virtual-clock.ts";

/** A seed by chance, or the one of the variable SEED; a test that fails is run again with the seed it printed. */
export function seedOf(): number {
  return Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
}

/** A virtual clock whose chance comes from the seed. */
export function seededClock(seed: number): VirtualClock {
  return createVirtualClock({ seed });
}
