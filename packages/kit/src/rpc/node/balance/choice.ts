import { createLeastLoad } from "./least-load.ts";
import type { Picker } from "./picker.ts";
import { createRingHash } from "./ring-hash.ts";
import { createRoundRobin } from "./round-robin.ts";

/** Two drawn by chance (by weight), of which the less loaded is taken. The default. */
export interface LeastLoadChoice {
  readonly kind: "least-load";
}

/** One after the other, by weight. */
export interface RoundRobinChoice {
  readonly kind: "round-robin";
}

/** The same key goes to the same endpoint, and few keys move when endpoints come and go. Requests without a key go anywhere. */
export interface RingHashChoice {
  readonly kind: "ring-hash";
  /** Header that holds the key, in lower case; a key in the request's options comes first. Default none. */
  readonly header?: string;
  /**
   * With 1.25 no endpoint gets a key while it has more than 1.25 times its share of what is in flight: the next on the ring takes it.
   * Default Infinity.
   */
  readonly loadFactorMax?: number;
}

/** How endpoints are chosen. */
export type Choice = LeastLoadChoice | RoundRobinChoice | RingHashChoice;

/** The picker of a choice, without endpoints yet. */
export function createPicker(choice: Choice, random: () => number): Picker {
  if (choice.kind === "round-robin") return createRoundRobin(random);
  if (choice.kind === "ring-hash") return createRingHash({ loadFactorMax: choice.loadFactorMax ?? Infinity, random });
  return createLeastLoad(random);
}
