/** How urgent a call is. All urgent ones go before all normal ones, those before all bulk ones. */
export type Lane = "urgent" | "normal" | "bulk";

/** All lanes, the most urgent first. */
export const lanes = ["urgent", "normal", "bulk"] as const;

/** One value for each lane. */
export function byLane<T>(make: (lane: Lane) => T): Record<Lane, T> {
  return { urgent: make("urgent"), normal: make("normal"), bulk: make("bulk") };
}
