import type { Logger } from "../call.ts";
import type { Clock } from "../clock.ts";
import type { Fault } from "../fault.ts";
import { faultFrom } from "../fault.ts";
import type { CarriedEvent, Partition } from "./carrier.ts";
import type { EventWork } from "./consumer.ts";
import type { ConsumerCounts } from "./consumer-metrics.ts";
import type { DeadLetters, ParkingPlace, ParkReason } from "./dead-letters.ts";
import { Hints } from "./pause.ts";
import type { Slots } from "./slots.ts";

/** What a reader of a partition is given by its consumer. */
export interface PartitionReaderOptions {
  readonly group: string;
  /** By the name of the type. An event without one is nobody's here, and done. */
  readonly works: ReadonlyMap<string, EventWork>;
  readonly deadLetters: DeadLetters;
  readonly attemptsMax: number;
  /** Shared by all partitions of the process. */
  readonly slots: Slots;
  readonly counts: ConsumerCounts;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Entry {
  readonly event: CarriedEvent;
  isDone: boolean;
}

/** Events that were fetched and not committed: what is held in memory, and what comes again after a kill. */
const windowMax = 256;
const fetchMax = 100;
const commitMsMin = 25;
/** For what is being worked on when the partition is given back. */
const finishMsMax = 5000;
/** A handler that does not heed its signal is left behind after so long. */
const leaveMsMax = 1000;
const retryMsMin = 100;
const retryMsMax = 30_000;

/** Not the event's fault: it is tried for as long as this lasts, and holds its key meanwhile. */
const passing = new Set<Fault["code"]>(["UNAVAILABLE", "ABORTED", "RESOURCE_EXHAUSTED"]);
/** Trying again is in vain. */
const lasting = new Set<Fault["code"]>(["INVALID_ARGUMENT", "DATA_LOSS", "UNIMPLEMENTED"]);

/**
 * Works on one partition: keys beside each other, each key in order, and commits as far as everything before is done. A class because it
 * holds what is under way.
 */
export class PartitionReader {
  readonly #partition: Partition;
  readonly #options: PartitionReaderOptions;
  readonly #place: ParkingPlace;
  readonly #entries: Entry[] = [];
  /** The last work of each key that has some. */
  readonly #chains = new Map<string, Promise<void>>();
  /** Keys that have parked events. */
  readonly #parked = new Set<string>();
  readonly #moved = new Hints();
  readonly #stopping = new AbortController();
  /** Aborts what is worked on when it takes too long to stop. */
  readonly #cutting = new AbortController();
  #committed = 0;
  #target = 0;
  #committing: Promise<void> | undefined;
  #failure: Fault | undefined;

  constructor(partition: Partition, options: PartitionReaderOptions) {
    this.#partition = partition;
    this.#options = options;
    this.#place = { group: options.group, topic: partition.topic, partition: partition.index };
  }

  /** Reads until the signal aborts; resolves once nothing is worked on any more. Rejects with what kept it from going on. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#stopping.abort();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      await this.#lookForReplays();
      while (!signal.aborted && this.#failure === undefined) {
        const room = windowMax - this.#entries.length;
        if (room === 0) await this.#moved.pause(this.#options.clock, 1000, signal);
        else for (const event of await this.#partition.fetch(Math.min(room, fetchMax))) this.#accept(event);
      }
    } catch (error) {
      if (!signal.aborted) this.#failure ??= faultFrom(error);
    } finally {
      stop();
      signal.removeEventListener("abort", stop);
      await this.#finish();
    }
    if (this.#failure !== undefined && !signal.aborted) throw this.#failure;
  }

  /** Somebody may want parked events to be tried again. */
  lookForReplays(): void {
    this.#lookForReplays().catch((error: unknown) => this.#options.log.warn("parked events cannot be read", { error: faultFrom(error) }));
  }

  async #lookForReplays(): Promise<void> {
    const keys = await this.#options.deadLetters.keys(this.#place);
    for (const [key, isReplayed] of keys) {
      this.#parked.add(key);
      if (isReplayed) this.#chain(key, () => this.#replay(key));
    }
  }

  #accept(event: CarriedEvent): void {
    const entry: Entry = { event, isDone: false };
    this.#entries.push(entry);
    this.#chain(event.key, async () => {
      if (!(await this.#handle(event))) return;
      entry.isDone = true;
      this.#advance();
    });
  }

  /** After everything that was begun for the key before. */
  #chain(key: string, work: () => Promise<void>): void {
    const before = this.#chains.get(key) ?? Promise.resolve();
    const chained = before.then(work).catch((error: unknown) => {
      this.#failure ??= faultFrom(error);
      this.#stopping.abort();
    });
    this.#chains.set(key, chained);
    void chained.then(() => {
      if (this.#chains.get(key) === chained) this.#chains.delete(key);
    });
  }

  #advance(): void {
    let count = 0;
    while (this.#entries[count]?.isDone) count++;
    if (count === 0) return;
    this.#target = this.#entries[count - 1]?.event.position ?? this.#target;
    this.#entries.splice(0, count);
    this.#moved.hint();
    this.#committing ??= this.#commit();
  }

  async #commit(): Promise<void> {
    try {
      while (this.#committed < this.#target) {
        // What is done meanwhile is committed together.
        await new Hints().pause(this.#options.clock, commitMsMin, this.#stopping.signal);
        const target = this.#target;
        await this.#partition.commit(target);
        this.#committed = target;
      }
    } catch (error) {
      this.#failure ??= faultFrom(error);
      this.#stopping.abort();
    } finally {
      this.#committing = undefined;
    }
  }

  async #finish(): Promise<void> {
    const { clock } = this.#options;
    const stopTimer = clock.after(finishMsMax, () => this.#cutting.abort());
    const left = Promise.withResolvers<void>();
    const stopWaiting = clock.after(finishMsMax + leaveMsMax, left.resolve);
    await Promise.race([Promise.all(this.#chains.values()), left.promise]);
    stopTimer();
    stopWaiting();
    await this.#committing;
  }

  /** True when the event is done: handled, nobody's, or parked. */
  async #handle(event: CarriedEvent): Promise<boolean> {
    const { deadLetters, counts } = this.#options;
    if (this.#parked.has(event.key)) {
      const isBehind = await this.#surely(() => deadLetters.parkBehind(this.#place, event));
      if (isBehind === undefined) return false;
      if (isBehind) counts.count(event.topic, "parked");
      if (isBehind) return true;
      this.#parked.delete(event.key);
    }
    const why = await this.#work(event);
    if (why === "stopped") return false;
    if (why !== "done") {
      if ((await this.#surely(() => deadLetters.park(this.#place, event, why).then(() => true))) === undefined) return false;
      this.#parked.add(event.key);
      this.#options.log.error("an event was parked", { group: this.#place.group, type: event.type, id: event.id, key: event.key, ...why });
    }
    counts.count(event.topic, why === "done" ? "handled" : "parked");
    return true;
  }

  /** The parked events of a key in their order, as long as they can be handled. */
  async #replay(key: string): Promise<void> {
    const { deadLetters, counts } = this.#options;
    for (;;) {
      const event = await this.#surely(async () => (await deadLetters.nextReplay(this.#place, key)) ?? "none");
      if (event === undefined || event === "none") return;
      const why = await this.#work(event);
      if (why === "stopped") return;
      if (why !== "done") {
        await this.#surely(() => deadLetters.failedAgain(this.#place, event, why).then(() => true));
        return;
      }
      if ((await this.#surely(() => deadLetters.handled(event.sequence).then(() => true))) === undefined) return;
      counts.count(event.topic, "replayed");
    }
  }

  /** Tries an event as often as it may be. */
  async #work(event: CarriedEvent): Promise<"done" | "stopped" | ParkReason> {
    const { works, slots, attemptsMax, clock, counts } = this.#options;
    const work = works.get(event.type);
    if (!work) return "done";
    for (let attempts = 1, failures = 1; ; failures++) {
      if (this.#stopping.signal.aborted || !(await slots.take(this.#stopping.signal))) return "stopped";
      try {
        await work(event, this.#cutting.signal);
        return "done";
      } catch (error) {
        const found = faultFrom(error);
        if (this.#cutting.signal.aborted) return "stopped";
        if (!passing.has(found.code) && (attempts >= attemptsMax || lasting.has(found.code)))
          return { reason: found.reason, problem: problemText(error, found), attempts };
        if (!passing.has(found.code)) attempts++;
        counts.count(event.topic, "retried");
      } finally {
        slots.give();
      }
      await new Hints().pause(clock, pauseMs(clock, failures), this.#stopping.signal);
    }
  }

  /** Does what the database must keep, for as long as it takes. Undefined when the reader stops first. */
  async #surely<R>(action: () => Promise<R>): Promise<R | undefined> {
    for (let failures = 1; !this.#stopping.signal.aborted; failures++) {
      try {
        return await action();
      } catch (error) {
        if (!passing.has(faultFrom(error).code)) throw error;
        await new Hints().pause(this.#options.clock, pauseMs(this.#options.clock, failures), this.#stopping.signal);
      }
    }
    return undefined;
  }
}

function pauseMs(clock: Clock, failures: number): number {
  return Math.min(retryMsMax, retryMsMin * 2 ** Math.min(failures - 1, 20)) * (0.5 + clock.random() / 2);
}

const problemCharactersMax = 1000;

/** For who looks after it: the operator may see what a caller may not. */
function problemText(error: unknown, found: Fault): string {
  const text = error instanceof Error ? error.message : found.message;
  return text.slice(0, problemCharactersMax);
}
