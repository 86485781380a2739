import type { Call } from "@weir/kit/call";
import { giveWay } from "@weir/kit/policy/give-way";

/** How long a call computes before it gives way. */
export const sliceMs = 0.25;

let sink = 0;

function compute(rounds: number): void {
  for (let round = 0; round < rounds; round++) sink = (Math.imul(sink ^ round, 0x9e3779b1) + (sink >>> 7)) | 0;
}

/** Computes for so long in slices, for a call. */
export type Computation = (durationMs: number, call: Call) => Promise<void>;

/** How to compute for a given time: rounds are counted once, when nobody else has the core, so that a slice is the same work always. */
export function createComputation(): Computation {
  const tried = 200_000;
  let leastMs = Infinity;
  for (let tries = 0; tries < 50; tries++) {
    const beganMs = performance.now();
    compute(tried);
    leastMs = Math.min(leastMs, performance.now() - beganMs);
  }
  const rounds = Math.round((tried * sliceMs) / leastMs);
  return async (durationMs, call) => {
    for (let slice = durationMs / sliceMs; slice > 0; slice--) {
      compute(rounds);
      await giveWay(call);
    }
  };
}

/** The bulkhead that both clocks measure; without lanes it serves first come, first. */
export const bulkheadOptions: (withLanes: boolean) => {
  readonly concurrencyMax: number;
  readonly queueMax: number;
  readonly bulkMax?: number;
} = (withLanes) => ({ concurrencyMax: 8, queueMax: 64, ...(withLanes && { bulkMax: 4 }) });
