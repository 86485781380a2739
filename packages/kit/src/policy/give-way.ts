import type { Call, CallKey } from "../call.ts";
import type { Places } from "./bulkhead-places.ts";
import type { Lane } from "./lane.ts";

/** Where a call stands in a bulkhead with lanes. */
export interface BulkheadPlace {
  readonly places: Places;
  readonly lane: Lane;
}

/** Under which a bulkhead with lanes leaves a call's place to `giveWay`; urgent calls have none, as they give way to nobody. */
export const bulkheadPlace: CallKey<BulkheadPlace> = { name: "weir.bulkhead.place" };

/** How long one gives way at a time. */
export interface GiveWayOptions {
  /** Default 10: a call that is less urgent gets a slice that often, however much more urgent work there is. */
  readonly pauseMsMax?: number;
}

/**
 * For a handler that computes: awaited after each slice of about a quarter of a millisecond, it lets the loop take in what has come, and, if
 * the call stands in a bulkhead with lanes, lets calls of more urgent lanes that are under way there finish first. Rejects with the end of the
 * call, so that nobody computes for a caller that has left. Needs Node.
 * @example for (const part of parts) { score(part); await giveWay(call); }
 */
export async function giveWay(call: Call, { pauseMsMax = 10 }: GiveWayOptions = {}): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  const place = call.get(bulkheadPlace);
  await place?.places.untilFree(place.lane, pauseMsMax);
  if (call.ended) throw call.ended;
}
