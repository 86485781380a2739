import type { Call } from "../call.ts";
import { systemClock } from "../clock.ts";
import type { PlacesState } from "./bulkhead-places.ts";
import { Places } from "./bulkhead-places.ts";
import { createBulkheadMetrics } from "./bulkhead-metrics.ts";
import type { CallerCost, CallerCosts } from "./caller-costs.ts";
import { createCallerCosts } from "./caller-costs.ts";
import { bulkheadPlace } from "./give-way.ts";
import type { Lane } from "./lane.ts";
import { expectRanges } from "./option-range.ts";
import type { Policy, PolicyParts } from "./policy.ts";
import { whenOver } from "./stream-message.ts";

/** Bounds of calls under way. */
export interface BulkheadOptions {
  /** Calls under way at most. */
  readonly concurrencyMax: number;
  /** Calls that wait at most, all lanes together. Default 0. */
  readonly queueMax?: number;
  /** Calls of the bulk lane under way at most: the rest is kept for others. Default `concurrencyMax`. */
  readonly bulkMax?: number;
  /** Calls of one caller under way at most, in a lane that is not urgent. Default `concurrencyMax`. */
  readonly perCallerMax?: number;
  /** A call waits no longer than this. Default as long as it has. */
  readonly waitMsMax?: number;
}

/** What a bulkhead is given beside. */
export interface BulkheadParts<Q> extends PolicyParts {
  /** The lane of a call. Default "normal". */
  readonly laneOf?: (request: Q, call: Call) => Lane;
  /** Whose call it is. Within a lane callers take turns. Default all are one caller, which also costs no counting. */
  readonly callerOf?: (request: Q, call: Call) => string;
}

/** What a bulkhead holds now. */
export interface BulkheadState extends PlacesState {
  /** What callers cost so far, the costliest first; none without `callerOf`. */
  readonly callers: readonly CallerCost[];
}

/** A policy that also says cheaply how long one waits. */
export interface Bulkhead<Q> extends Policy<BulkheadOptions, BulkheadState, Q> {
  /** How long the eldest of those that wait has waited; 0 when nobody does. For load shedding, as `queueAgeMs`. */
  waitedMs(): number;
}

/**
 * Calls under way are bounded, so that one slow neighbour cannot hold everything; a stream is under way until it is over. Who waits goes by
 * lane, then in turn by caller, then by age. When all places to wait are taken, the youngest of the least urgent lane leaves, of the caller
 * that has most waiting there, if it is less urgent or its caller has more waiting than the new one; if not, the new one is refused. Refuses
 * with BULKHEAD_FULL; whoever waits leaves with its call. Metrics: weir_bulkhead_in_flight, _waiting and _refused_total by lane. Throws
 * POLICY_OPTION_INVALID.
 */
export function createBulkhead<Q = unknown>(options: BulkheadOptions, parts: BulkheadParts<Q> = {}): Bulkhead<Q> {
  const { clock = systemClock, laneOf, callerOf } = parts;
  const costs: CallerCosts | undefined = callerOf && createCallerCosts(parts);
  const places = new Places(checked(options), clock);
  createBulkheadMetrics(parts, () => places.state);
  return {
    state: () => ({ ...places.state, callers: costs?.top ?? [] }),
    waitedMs: () => places.waitedMs(),
    apply(changed) {
      places.apply(checked(changed));
    },
    layer: (next) => async (request, call) => {
      const lane = laneOf?.(request, call) ?? "normal";
      const caller = callerOf?.(request, call) ?? "";
      const waits = places.enter(call, { lane, caller });
      if (waits) await waits;
      if (laneOf && lane !== "urgent") call.set(bulkheadPlace, { places, lane });
      const beganMs = costs ? clock.monotonicMs() : 0;
      const leave = (): void => {
        places.leave({ lane, caller });
        costs?.add(caller, clock.monotonicMs() - beganMs);
      };
      let answer;
      try {
        answer = await next(request, call);
      } catch (thrown) {
        leave();
        throw thrown;
      }
      return whenOver(answer, call, leave);
    },
  };
}

function checked(options: BulkheadOptions): Required<BulkheadOptions> {
  const { concurrencyMax, queueMax = 0, bulkMax = concurrencyMax, perCallerMax = concurrencyMax, waitMsMax = Infinity } = options;
  expectRanges({ concurrencyMax: [concurrencyMax, 1, 1e6], queueMax: [queueMax, 0, 1e6], bulkMax: [bulkMax, 1, 1e6] });
  expectRanges({ perCallerMax: [perCallerMax, 1, 1e6], waitMsMax: [waitMsMax, 1, Infinity] });
  return { concurrencyMax, queueMax, bulkMax, perCallerMax, waitMsMax };
}
