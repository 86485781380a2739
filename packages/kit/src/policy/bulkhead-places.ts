import type { Call } from "../call.ts";
import type { Clock } from "../clock.ts";
import type { Fault } from "../fault.ts";
import type { BulkheadOptions } from "./bulkhead.ts";
import type { Lane } from "./lane.ts";
import { byLane, lanes } from "./lane.ts";
import { LaneQueue } from "./lane-queue.ts";
import { policyReasons } from "./reasons.ts";
import { refusal } from "./refusal.ts";

/** Which lane a call goes by, and whose it is. */
export interface Entrant {
  readonly lane: Lane;
  readonly caller: string;
}

/** What the places hold now. */
export interface PlacesState {
  readonly concurrencyMax: number;
  readonly queueMax: number;
  readonly underWay: number;
  readonly underWayByLane: Readonly<Record<Lane, number>>;
  readonly waiting: Readonly<Record<Lane, number>>;
  /** How long the eldest of those that wait has waited; 0 when nobody does. */
  readonly waitedMs: number;
  /** Refused so far, by lane. */
  readonly refused: Readonly<Record<Lane, number>>;
}

/** Somebody who waits. `leave` takes it out of its lane and says why. */
interface Waiting extends Entrant {
  readonly sinceMs: number;
  readonly begin: () => void;
  readonly leave: (reason: Fault) => void;
}

/** Holds the places of a bulkhead, and those that wait for one. */
export class Places {
  readonly #clock: Clock;
  readonly #waiting: Record<Lane, LaneQueue<Waiting>> = byLane(() => new LaneQueue<Waiting>());
  readonly #underWayByLane = byLane(() => 0);
  readonly #underWayByCaller = new Map<string, number>();
  readonly #refused = byLane(() => 0);
  #options: Required<BulkheadOptions>;
  /** Those who give way to more urgent calls under way. */
  readonly #paused = new Set<() => void>();
  #underWay = 0;
  #waitingCount = 0;

  constructor(options: Required<BulkheadOptions>, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  get state(): PlacesState {
    const { concurrencyMax, queueMax } = this.#options;
    const waiting = byLane((lane) => this.#waiting[lane].size);
    const own = { underWay: this.#underWay, underWayByLane: { ...this.#underWayByLane }, waiting, waitedMs: this.waitedMs() };
    return { concurrencyMax, queueMax, ...own, refused: { ...this.#refused } };
  }

  apply(options: Required<BulkheadOptions>): void {
    this.#options = options;
    while (this.#beginNext());
    while (this.#waitingCount > options.queueMax) this.#dismiss(this.#leastUrgent());
  }

  /** How long the eldest of those that wait has waited; 0 when nobody does. */
  waitedMs(): number {
    if (this.#waitingCount === 0) return 0;
    let sinceMs = Infinity;
    for (const lane of lanes) for (const one of this.#waiting[lane].eldest()) sinceMs = Math.min(sinceMs, one.sinceMs);
    return this.#clock.monotonicMs() - sinceMs;
  }

  /** Undefined when a place was taken at once; else it resolves with the place, or rejects. Throws BULKHEAD_FULL. */
  enter(call: Call, entrant: Entrant): Promise<void> | undefined {
    // Who waits and may not go holds nobody up; who waits and may has gone already.
    if (this.#underWay < this.#options.concurrencyMax && this.#mayBegin(entrant)) {
      this.#take(entrant);
      return undefined;
    }
    if (this.#waitingCount >= this.#options.queueMax && !this.#displace(entrant)) throw this.#full(entrant.lane);
    return this.#turn(call, entrant);
  }

  leave({ lane, caller }: Entrant): void {
    this.#underWay -= 1;
    this.#underWayByLane[lane] -= 1;
    const left = (this.#underWayByCaller.get(caller) ?? 1) - 1;
    if (left === 0) this.#underWayByCaller.delete(caller);
    else this.#underWayByCaller.set(caller, left);
    this.#beginNext();
    // A lane that went quiet is whom others gave way to; who still has to will pause again.
    if (this.#paused.size > 0 && this.#underWayByLane[lane] === 0) for (const resume of this.#paused) resume();
  }

  /** Resolves once no call of a more urgent lane is under way, or the time is over; undefined when none is. */
  untilFree(lane: Lane, pauseMsMax: number): Promise<void> | undefined {
    const { urgent, normal } = this.#underWayByLane;
    if (lane === "urgent" || (urgent === 0 && (lane === "normal" || normal === 0))) return undefined;
    return new Promise((resolve) => {
      const resume = (): void => {
        this.#paused.delete(resume);
        stop();
        resolve();
      };
      const stop = this.#clock.after(pauseMsMax, resume);
      this.#paused.add(resume);
    });
  }

  #take({ lane, caller }: Entrant): void {
    this.#underWay += 1;
    this.#underWayByLane[lane] += 1;
    this.#underWayByCaller.set(caller, (this.#underWayByCaller.get(caller) ?? 0) + 1);
  }

  #mayBegin({ lane, caller }: Entrant): boolean {
    if (lane === "urgent") return true;
    if (lane === "bulk" && this.#underWayByLane.bulk >= this.#options.bulkMax) return false;
    return this.#callerMayBegin(caller);
  }

  #callerMayBegin(caller: string): boolean {
    return (this.#underWayByCaller.get(caller) ?? 0) < this.#options.perCallerMax;
  }

  /** Gives a free place to whoever is next. False when there is none, or nobody who may. */
  #beginNext(): boolean {
    if (this.#waitingCount === 0) return false;
    if (this.#underWay >= this.#options.concurrencyMax) return false;
    const bounded = this.#options.perCallerMax < this.#options.concurrencyMax;
    for (const lane of lanes) {
      if (lane === "bulk" && this.#underWayByLane.bulk >= this.#options.bulkMax) continue;
      const may = bounded && lane !== "urgent" ? (caller: string): boolean => this.#callerMayBegin(caller) : undefined;
      const next = this.#waiting[lane].shift(may);
      if (!next) continue;
      this.#take(next);
      next.begin();
      return true;
    }
    return false;
  }

  #turn(call: Call, entrant: Entrant): Promise<void> {
    return new Promise((resolve, reject) => {
      const queue = this.#waiting[entrant.lane];
      const over = (): void => {
        this.#waitingCount -= 1;
        call.offEnd(one.leave);
        stop?.();
      };
      const one: Waiting = {
        ...entrant,
        sinceMs: this.#clock.monotonicMs(),
        begin() {
          over();
          resolve();
        },
        leave(reason) {
          queue.remove(place);
          over();
          reject(reason);
        },
      };
      const { waitMsMax } = this.#options;
      const stop = waitMsMax < call.remainingMs() ? this.#clock.after(waitMsMax, () => one.leave(this.#full(entrant.lane))) : undefined;
      const place = queue.push(entrant.caller, one);
      this.#waitingCount += 1;
      call.onEnd(one.leave);
    });
  }

  /** Makes room for a new one by refusing one that has less right to wait. False when there is none. */
  #displace({ lane, caller }: Entrant): boolean {
    const other = this.#leastUrgent();
    if (!other) return false;
    const lessUrgent = lanes.indexOf(other.lane) > lanes.indexOf(lane);
    // Whoever waits more often than the new one would is the one to give way.
    const noisier = other.lane === lane && this.#waiting[lane].longest > this.#waiting[lane].waitingOf(caller) + 1;
    if (!lessUrgent && !noisier) return false;
    this.#dismiss(other);
    return true;
  }

  #leastUrgent(): Waiting | undefined {
    return this.#waiting.bulk.youngestOfLongest() ?? this.#waiting.normal.youngestOfLongest() ?? this.#waiting.urgent.youngestOfLongest();
  }

  #dismiss(one: Waiting | undefined): void {
    one?.leave(this.#full(one.lane));
  }

  #full(lane: Lane): Fault {
    this.#refused[lane] += 1;
    const { concurrencyMax, queueMax } = this.#options;
    const message = `Expected at most ${concurrencyMax} calls under way and ${queueMax} waiting, found one more.`;
    return refusal(policyReasons.BULKHEAD_FULL, message);
  }
}
