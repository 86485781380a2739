import type { Call } from "../call.ts";
import type { Fault } from "../fault.ts";
import { fault } from "../fault.ts";
import type { Layer } from "../service.ts";
import { expectRanges } from "./option-range.ts";
import { policyReasons } from "./reasons.ts";

/** Which of those that wait goes first: all urgent ones before all bulk ones. */
export type Lane = "urgent" | "normal" | "bulk";

/** Bounds of calls under way. */
export interface BulkheadOptions<Q> {
  /** Calls under way at most. */
  readonly concurrencyMax: number;
  /** Calls that wait at most, all lanes together. Default 0. When it is full, the youngest of the least urgent lane is refused. */
  readonly queueMax?: number;
  /** The lane of a call. Default "normal". */
  readonly laneOf?: (request: Q, call: Call) => Lane;
}

/** What a bulkhead holds now. */
export interface BulkheadState {
  readonly underWay: number;
  readonly waiting: Readonly<Record<Lane, number>>;
}

/** Calls under way are bounded, so that one slow neighbour cannot hold everything. */
export interface Bulkhead<Q> {
  layer<R>(): Layer<Q, R>;
  readonly state: BulkheadState;
}

/** Somebody who waits. `leave` takes it out of its lane and says why. */
interface Waiting {
  readonly begin: () => void;
  readonly leave: (reason: Fault) => void;
}

const lanes = ["urgent", "normal", "bulk"] as const;

/** A bulkhead. Refuses with BULKHEAD_FULL; whoever waits leaves with its call. Throws POLICY_OPTION_INVALID. */
export function createBulkhead<Q>(options: BulkheadOptions<Q>): Bulkhead<Q> {
  const { concurrencyMax, queueMax = 0, laneOf } = options;
  expectRanges({ concurrencyMax: [concurrencyMax, 1, 1e6], queueMax: [queueMax, 0, 1e6] });
  const places = new Places(concurrencyMax, queueMax);
  return {
    get state() {
      return places.state;
    },
    layer: () => (next) => async (request, call) => {
      await places.enter(call, laneOf?.(request, call) ?? "normal");
      try {
        return await next(request, call);
      } finally {
        places.leave();
      }
    },
  };
}

/** Holds the places, and those that wait for one. */
class Places {
  readonly #concurrencyMax: number;
  readonly #queueMax: number;
  readonly #waiting: Record<Lane, Set<Waiting>> = { urgent: new Set(), normal: new Set(), bulk: new Set() };
  #underWay = 0;

  constructor(concurrencyMax: number, queueMax: number) {
    this.#concurrencyMax = concurrencyMax;
    this.#queueMax = queueMax;
  }

  get state(): BulkheadState {
    const { urgent, normal, bulk } = this.#waiting;
    return { underWay: this.#underWay, waiting: { urgent: urgent.size, normal: normal.size, bulk: bulk.size } };
  }

  async enter(call: Call, lane: Lane): Promise<void> {
    if (this.#underWay < this.#concurrencyMax) {
      this.#underWay += 1;
      return;
    }
    const { urgent, normal, bulk } = this.#waiting;
    if (urgent.size + normal.size + bulk.size >= this.#queueMax && !this.#displace(lane)) throw this.#full();
    await this.#turn(call, this.#waiting[lane]);
  }

  leave(): void {
    this.#underWay -= 1;
    for (const lane of lanes) {
      for (const first of this.#waiting[lane]) {
        this.#underWay += 1;
        first.begin();
        return;
      }
    }
  }

  #turn(call: Call, lane: Set<Waiting>): Promise<void> {
    return new Promise((resolve, reject) => {
      const one: Waiting = {
        begin() {
          lane.delete(one);
          call.offEnd(one.leave);
          resolve();
        },
        leave(reason) {
          lane.delete(one);
          call.offEnd(one.leave);
          reject(reason);
        },
      };
      lane.add(one);
      call.onEnd(one.leave);
    });
  }

  /** Makes room for one of `lane` by refusing the youngest of a less urgent one. False when there is none. */
  #displace(lane: Lane): boolean {
    for (const other of lanes.toReversed()) {
      if (other === lane) return false;
      const youngest = [...this.#waiting[other]].at(-1);
      if (youngest) {
        youngest.leave(this.#full());
        return true;
      }
    }
    return false;
  }

  #full(): Fault {
    const [under, waiting] = [this.#concurrencyMax, this.#queueMax];
    return fault(policyReasons.BULKHEAD_FULL, `Expected at most ${under} calls under way and ${waiting} waiting, found one more.`);
  }
}
