import type { Logger } from "../../call.ts";
import { Call } from "../../call.ts";
import type { Clock } from "../../clock.ts";
import { systemClock } from "../../clock.ts";
import { fault, isFault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import type { CallCounts } from "./error-trial.ts";
import { turnedBad } from "./error-trial.ts";
import type { GenerationPhase, GenerationState, Use } from "./generation.ts";
import { Generation } from "./generation.ts";

export type { GenerationPhase, GenerationState, Use } from "./generation.ts";

/** How generations follow each other. */
export interface HotSwapOptions<T> {
  /** What is swapped, on metrics and in the log: "rules". */
  readonly name: string;
  /** Makes a value ready for its first call. Default nothing. */
  readonly warmUp?: (value: T, signal: AbortSignal) => Promise<void>;
  /** Tries a value before anybody is served by it; a rejection refuses it. Default nothing. */
  readonly selfTest?: (value: T, signal: AbortSignal) => Promise<void>;
  /** For loading, warming up and testing together. Default 10000. */
  readonly prepareMsMax?: number;
  /** How long a new generation is compared with the one before, which stays ready meanwhile. Default 60000; 0 for never. */
  readonly trialMs?: number;
  /** Failures are compared over the calls of so long. Default 10000. */
  readonly windowMs?: number;
  /** Fewer calls in the window say nothing. Default 20. */
  readonly trialCallsMin?: number;
  /** Generations that may be there at a time: serving, standing by, draining and being prepared. At least 3, default 4. */
  readonly generationsMax?: number;
  /** Calls that outlast their generation by more are ended with GENERATION_RETIRED. Default 30000. */
  readonly drainMsMax?: number;
  readonly clock?: Clock;
  readonly log?: Logger;
}

/** Where a hot swap stands. */
export interface HotSwapState {
  readonly name: string;
  /** The generation that takes new calls; 0 before the first. */
  readonly current: number;
  /** Those that are there, oldest first. */
  readonly generations: readonly GenerationState[];
  /** The last 16 that are not, oldest first: gone, refused, rolled back. */
  readonly past: readonly GenerationState[];
  readonly switched: number;
  readonly refused: number;
  readonly rolledBack: number;
}

/** Loads what is to be swapped in; it should stop when the signal aborts. */
export type Load<T> = (signal: AbortSignal) => Promise<T>;

const pastMax = 16;
const sweepMs = 1000;
const roomMs = 20;
const baselineCalls = 100;

/**
 * A value that is replaced while it is used. Each call keeps the generation that it began with. A class because it holds generations and a timer.
 */
export class HotSwap<T> {
  readonly #options: Required<HotSwapOptions<T>>;
  readonly #live: Generation<T>[] = [];
  readonly #past: GenerationState[] = [];
  #current: Generation<T> | undefined;
  #standby: Generation<T> | undefined;
  /** How the one that stands by did while it was asked. */
  #baseline: CallCounts = { calls: 0, failures: 0 };
  #preparing = false;
  #numbered = 0;
  #switched = 0;
  #refused = 0;
  #rolledBack = 0;
  #stopTimer: (() => void) | undefined;
  readonly #deadlines = new Map<Generation<T>, number>();

  constructor(options: HotSwapOptions<T>) {
    this.#options = {
      warmUp: async () => undefined,
      selfTest: async () => undefined,
      prepareMsMax: 10_000,
      trialMs: 60_000,
      windowMs: 10_000,
      trialCallsMin: 20,
      drainMsMax: 30_000,
      clock: systemClock,
      log: new Call().log,
      ...options,
      generationsMax: Math.max(3, options.generationsMax ?? 4),
    };
  }

  /**
   * Loads, warms up and tests a value, and gives it the new calls; calls under way finish where they began. Rejects with
   * HOT_SWAP_REFUSED, the cause behind it, and then nothing has changed; with HOT_SWAP_BUSY when another is being prepared, or when too many
   * generations still have calls. `signal` gives up.
   */
  async swap(load: Load<T>, options: { readonly label?: string; readonly signal?: AbortSignal } = {}): Promise<GenerationState> {
    if (this.#preparing) throw fault(kitReasons.HOT_SWAP_BUSY, `Expected one swap of ${this.#options.name} at a time, found another.`);
    this.#preparing = true;
    try {
      await this.#room(options.signal);
      return await this.#swap(load, options);
    } finally {
      this.#preparing = false;
    }
  }

  /** Gives the new calls back to the generation before, while there is one. Throws HOT_SWAP_EMPTY. */
  rollBack(reason: string): GenerationState {
    const [bad, good] = [this.#current, this.#standby];
    if (!bad || !good) throw fault(kitReasons.HOT_SWAP_EMPTY, `Expected a generation of ${this.#options.name} that stands by, found none.`);
    this.#current = good;
    this.#standby = undefined;
    this.#rolledBack++;
    good.enter("serving");
    this.#options.log.error("rolled back", { swap: this.#options.name, generation: bad.number, to: good.number, reason });
    this.#retire(bad, reason);
    return good.state();
  }

  /** The current value for one call, which holds it until its `end`. Throws HOT_SWAP_EMPTY before the first swap. */
  use(call: Call): Use<T> {
    if (!this.#current) throw fault(kitReasons.HOT_SWAP_EMPTY, `Expected a generation of ${this.#options.name}, found none yet.`);
    return this.#current.use(call);
  }

  state(): HotSwapState {
    return {
      name: this.#options.name,
      current: this.#current?.number ?? 0,
      generations: this.#live.map((each) => each.state()),
      past: [...this.#past],
      switched: this.#switched,
      refused: this.#refused,
      rolledBack: this.#rolledBack,
    };
  }

  async #swap(load: Load<T>, { label = "", signal }: { readonly label?: string; readonly signal?: AbortSignal }): Promise<GenerationState> {
    const { name, log, clock, windowMs, prepareMsMax } = this.#options;
    const stop = new AbortController();
    const onStop = (): void => stop.abort(signal?.reason);
    if (signal?.aborted) onStop();
    signal?.addEventListener("abort", onStop, { once: true });
    const number = ++this.#numbered;
    const generation: Generation<T> = new Generation<T>(number, {
      label,
      clock,
      windowMs,
      onEnd: (failed) => this.#onEnd(generation, failed),
    });
    this.#live.push(generation);
    const cancel = clock.after(prepareMsMax, () => stop.abort(new Error(`it took longer than ${prepareMsMax} ms`)));
    try {
      generation.hold(await this.#prepared(generation, load, stop.signal));
    } catch (error) {
      stop.abort(error);
      const reason = messageOf(error);
      const doing = { loading: "load", warming_up: "warm up", testing: "pass its self-test" }[generation.phase as "loading"];
      this.#refused++;
      this.#remove(generation, "refused", reason);
      log.warn("swap refused", { swap: name, generation: number, label, error });
      const text = `Expected generation ${number} of ${name}${label === "" ? "" : ` (${label})`} to ${doing}, found: ${reason}`;
      throw fault(kitReasons.HOT_SWAP_REFUSED, text, { cause: error });
    } finally {
      cancel();
      signal?.removeEventListener("abort", onStop);
    }
    this.#switch(generation);
    return generation.state();
  }

  async #prepared(generation: Generation<T>, load: Load<T>, signal: AbortSignal): Promise<T> {
    const value = await untilAborted(load(signal), signal);
    generation.enter("warming_up");
    await untilAborted(this.#options.warmUp(value, signal), signal);
    generation.enter("testing");
    await untilAborted(this.#options.selfTest(value, signal), signal);
    return value;
  }

  #switch(next: Generation<T>): void {
    const { trialMs, log, name } = this.#options;
    const before = this.#current;
    const older = this.#standby;
    this.#current = next;
    this.#switched++;
    this.#standby = undefined;
    if (before && trialMs > 0) {
      this.#baseline = baselineFrom(before.recent, this.#baseline);
      this.#standby = before;
      before.enter("standby");
      next.enter("trial");
      this.#deadlines.set(next, this.#options.clock.monotonicMs() + trialMs);
    } else next.enter("serving");
    log.info("switched", { swap: name, generation: next.number, from: before?.number ?? 0 });
    if (older) this.#retire(older);
    if (before && trialMs <= 0) this.#retire(before);
    this.#watch();
  }

  /** Waits until one more may be prepared: when it is switched to, the one that stands by now will drain. */
  async #room(signal: AbortSignal | undefined): Promise<void> {
    const { clock, generationsMax, prepareMsMax, name } = this.#options;
    const untilMs = clock.monotonicMs() + prepareMsMax;
    while (this.#live.length + 1 > generationsMax) {
      for (const each of this.#live) each.sweep();
      const standby = this.#standby;
      // A trial that is overtaken by the next is over.
      if (standby && standby.inFlight === 0) {
        this.#settle();
        continue;
      }
      if (signal?.aborted === true || clock.monotonicMs() >= untilMs) {
        const found = this.#live.map((each) => `${each.number} (${each.inFlight})`).join(", ");
        const expected = `Expected fewer than ${generationsMax} generations of ${name} before another is prepared`;
        throw fault(kitReasons.HOT_SWAP_BUSY, `${expected}, found those with calls in flight: ${found}.`);
      }
      await clock.sleep(roomMs, signal).catch(() => undefined);
    }
  }

  #onEnd(generation: Generation<T>, failed: boolean): void {
    if (generation.phase === "draining" && generation.inFlight === 0) this.#remove(generation, "gone");
    if (!failed || generation !== this.#current || !this.#standby) return;
    const why = turnedBad(generation.recent, this.#baseline, { callsMin: this.#options.trialCallsMin });
    if (why !== undefined) this.rollBack(why);
  }

  /** The trial is over: the one before is no longer needed. */
  #settle(): void {
    const before = this.#standby;
    this.#standby = undefined;
    if (this.#current?.phase === "trial") this.#current.enter("serving");
    if (before) this.#retire(before);
  }

  #retire(generation: Generation<T>, reason?: string): void {
    generation.enter("draining", reason);
    this.#deadlines.set(generation, this.#options.clock.monotonicMs() + this.#options.drainMsMax);
    if (generation.inFlight === 0) this.#remove(generation, "gone");
    else this.#watch();
  }

  #remove(generation: Generation<T>, phase: GenerationPhase, reason?: string): void {
    const wasBad = phase === "gone" && generation.state().reason !== undefined;
    generation.enter(wasBad ? "rolled_back" : phase, reason);
    const at = this.#live.indexOf(generation);
    if (at !== -1) this.#live.splice(at, 1);
    this.#deadlines.delete(generation);
    this.#past.push(generation.state());
    if (this.#past.length > pastMax) this.#past.shift();
  }

  /** Looks once a second after those whose time is bounded, for as long as there are any. */
  #watch(): void {
    if (this.#stopTimer || this.#deadlines.size === 0) return;
    this.#stopTimer = this.#options.clock.after(sweepMs, () => {
      this.#stopTimer = undefined;
      const nowMs = this.#options.clock.monotonicMs();
      for (const [generation, untilMs] of this.#deadlines) {
        generation.sweep();
        if (nowMs < untilMs) continue;
        if (generation.phase === "draining") generation.cut();
        else if (generation === this.#current) this.#settle();
        if (generation.phase !== "draining") this.#deadlines.delete(generation);
      }
      this.#watch();
    });
  }
}

/** A generation that was asked too little says too little: what was known before it still counts. */
function baselineFrom(recent: CallCounts, known: CallCounts): CallCounts {
  if (recent.calls >= baselineCalls) return recent;
  return { calls: recent.calls + known.calls, failures: recent.failures + known.failures };
}

function untilAborted<V>(work: Promise<V>, signal: AbortSignal): Promise<V> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function messageOf(error: unknown): string {
  if (isFault(error) || error instanceof Error) return error.message;
  return String(error);
}
