import type { Logger } from "../../call.ts";
import type { Clock } from "../../clock.ts";
import { fault, isFault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import type { WorkerState } from "./worker.ts";
import { Worker } from "./worker.ts";

/** How a group of workers is kept. */
export interface WorkerGroupOptions {
  readonly count: number;
  /** For a worker to serve, from its start. */
  readonly startMsMax: number;
  /** For a worker to end after it was told to. */
  readonly stopMsMax: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a group says of itself. */
export interface WorkerGroupState {
  readonly wanted: number;
  readonly serving: number;
  readonly workers: readonly WorkerState[];
  /** Workers that ended without being told to, since the start. */
  readonly crashes: number;
  /** The last of them. */
  readonly lastCrash?: string;
  /** Workers that took the place of others because somebody asked. */
  readonly replaced: number;
  /** Why the last replacement was given up. */
  readonly replaceFailure?: string;
}

const pauseMsMin = 100;
const pauseMsMax = 10_000;

/** Processes that share a port. A class because it holds them. */
export class WorkerGroup {
  readonly #options: WorkerGroupOptions;
  readonly #workers = new Set<Worker>();
  readonly #stop = new AbortController();
  /** Between a crash and the next start: doubles, and begins anew after a worker that lasted. */
  #pauseMs = pauseMsMin;
  #begun = false;
  #replacing: Promise<void> | undefined;
  /** Whose end is the business of whoever started it. */
  readonly #awaited = new Set<Worker>();
  #crashes = 0;
  #lastCrash: string | undefined;
  #replaced = 0;
  #replaceFailure: string | undefined;

  constructor(options: WorkerGroupOptions) {
    this.#options = options;
  }

  /** Starts all; resolves when all serve. Rejects with the first that does not, and then none is left. */
  async start(): Promise<void> {
    const first = Array.from({ length: this.#options.count }, () => this.#add());
    try {
      await Promise.all(first.map((worker) => this.#served(worker)));
      this.#begun = true;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  get workers(): readonly Worker[] {
    return [...this.#workers];
  }

  /**
   * Replaces every worker, one by one: the next one goes when its successor serves. Rejects with WORKERS_REPLACE_FAILED when a successor does
   * not come to serve; the others stay. Asking again while it is under way waits for the same end.
   */
  replace(): Promise<void> {
    this.#replacing ??= this.#replaceAll().finally(() => (this.#replacing = undefined));
    return this.#replacing;
  }

  /** Tells all to drain and end, and kills those that do not in time. */
  async stop(): Promise<void> {
    this.#stop.abort();
    while (this.#workers.size > 0) await Promise.all([...this.#workers].map((worker) => worker.leave(this.#options.stopMsMax)));
  }

  state(): WorkerGroupState {
    const workers = [...this.#workers];
    return {
      wanted: this.#options.count,
      serving: workers.filter(({ isServing, leaving }) => isServing && !leaving).length,
      workers: workers.map((worker) => worker.state()).toSorted((left, right) => left.place - right.place),
      crashes: this.#crashes,
      ...(this.#lastCrash !== undefined && { lastCrash: this.#lastCrash }),
      replaced: this.#replaced,
      ...(this.#replaceFailure !== undefined && { replaceFailure: this.#replaceFailure }),
    };
  }

  async #replaceAll(): Promise<void> {
    const { log, stopMsMax } = this.#options;
    for (const old of this.workers) {
      if (old.leaving || this.#stop.signal.aborted) continue;
      const next = this.#add();
      this.#awaited.add(next);
      try {
        await this.#served(next).finally(() => this.#awaited.delete(next));
      } catch (error) {
        const why = isFault(error) ? error.message : String(error);
        this.#replaceFailure = why;
        await next.leave(stopMsMax);
        throw fault(kitReasons.WORKERS_REPLACE_FAILED, `Expected the successor of worker ${old.place} to serve, found: ${why}`, {
          cause: error,
        });
      }
      log.info("worker is replaced", { place: old.place, by: next.place });
      await old.leave(stopMsMax);
      this.#replaced++;
    }
    this.#replaceFailure = undefined;
  }

  #add(): Worker {
    const taken = new Set([...this.#workers].map(({ place }) => place));
    let place = 1;
    while (taken.has(place)) place++;
    const worker = new Worker(place, this.#options.clock);
    this.#workers.add(worker);
    void worker.ended.then((how) => this.#onEnd(worker, how));
    return worker;
  }

  #onEnd(worker: Worker, how: string): void {
    const { log, clock, count } = this.#options;
    this.#workers.delete(worker);
    if (worker.leaving || this.#awaited.has(worker) || this.#stop.signal.aborted || !this.#begun) return;
    this.#crashes++;
    this.#lastCrash = `worker ${worker.place} after ${Math.round(worker.ageMs / 1000)} s: ${how}`;
    if (worker.ageMs > pauseMsMax) this.#pauseMs = pauseMsMin;
    const waitMs = this.#pauseMs * (0.5 + clock.random() / 2);
    this.#pauseMs = Math.min(pauseMsMax, this.#pauseMs * 2);
    log.error("worker ended unasked and is made anew", { place: worker.place, how, pauseMs: Math.round(waitMs) });
    clock.after(waitMs, () => {
      const staying = [...this.#workers].filter(({ leaving }) => !leaving).length;
      if (this.#stop.signal.aborted || staying >= count) return;
      const next = this.#add();
      this.#served(next).catch(() => next.kill());
    });
  }

  async #served(worker: Worker): Promise<void> {
    const { clock, startMsMax } = this.#options;
    const late = Promise.withResolvers<void>();
    const expected = `Expected worker ${worker.place} to serve within ${startMsMax} ms, found it ${worker.state().state}.`;
    const cancel = clock.after(startMsMax, () => late.reject(fault(kitReasons.WORKER_ENDED, expected)));
    const stopped = new Promise<never>((_, reject) => {
      this.#stop.signal.addEventListener("abort", () => reject(fault(kitReasons.WORKER_ENDED, "The group is told to stop.")), {
        once: true,
      });
    });
    stopped.catch(() => undefined);
    await Promise.race([worker.serving, late.promise, stopped]).finally(cancel);
  }
}
