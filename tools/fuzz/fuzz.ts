import type { FuzzTarget } from "@weir/wire/testing/fuzz-targets";
import { findingsMax, findingsOf, type Batch } from "./batch.ts";
import type { Finding } from "./finding.ts";

/** How long to fuzz, and with what. */
export interface FuzzOptions {
  readonly targets: readonly FuzzTarget[];
  readonly seed: number;
  /** Ends after so long, or after so many inputs, whatever comes first. Default: no bound of this kind. */
  readonly seconds?: number | undefined;
  readonly inputs?: number | undefined;
  /** One input in so many is cut in two at every boundary, which takes most of the time. Default 16. */
  readonly cutOneIn?: number | undefined;
  /** Who tries the inputs, each a batch at a time. Default: this thread alone. */
  readonly runners?: readonly BatchRunner[];
  /** What an earlier run of the same seed came to: it is gone on from there. Default: from the beginning. */
  readonly earlier?: FuzzReport | undefined;
  /** Told every five seconds, and at the end. */
  readonly progress: (state: FuzzProgress) => void;
  readonly found: (finding: Finding) => void;
}

/** Tries a batch. */
export type BatchRunner = (batch: Batch) => Promise<readonly Finding[]>;

/** How far a run has come. */
export interface FuzzProgress {
  /** What it has come to so far; what an end by force leaves unfinished is not counted. */
  readonly report: FuzzReport;
  /** Inputs a second, of this run. */
  readonly rate: number;
  /** Until the end, by what has been seen; undefined while nothing has. */
  readonly secondsLeft: number | undefined;
}

/** What a run came to, with what came before it. */
export interface FuzzReport {
  readonly ok: boolean;
  readonly seed: number;
  readonly inputs: number;
  readonly seconds: number;
  /** Inputs of each target. */
  readonly targets: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
}

const batchCount = 32;
const progressMs = 5000;

/**
 * Makes inputs for each target in turn and compares the outcome of each whole with that in pieces: every one byte by byte, one in
 * `cutOneIn` cut in two at every boundary, the others in random pieces.
 */
export function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  return new FuzzRun(options).run();
}

class FuzzRun {
  readonly #options: FuzzOptions;
  readonly #startedMs = performance.now();
  readonly #secondsBefore: number;
  readonly #inputsBefore: number;
  /** The number of the next input of each target. */
  readonly #next: Map<string, number>;
  readonly #underWay = new Set<Batch>();
  readonly #findings: Finding[];
  #inputs: number;
  #toldMs = this.#startedMs;

  constructor(options: FuzzOptions) {
    this.#options = options;
    const { earlier, targets } = options;
    this.#next = new Map(targets.map(({ name }) => [name, earlier?.targets[name] ?? 0]));
    this.#findings = [...(earlier?.findings ?? [])];
    this.#inputs = this.#inputsBefore = earlier?.inputs ?? 0;
    this.#secondsBefore = earlier?.seconds ?? 0;
  }

  async run(): Promise<FuzzReport> {
    const { targets } = this.#options;
    const here: BatchRunner = (batch) => findingsOf(targets.find(({ name }) => name === batch.target) as FuzzTarget, batch);
    const batches = this.#batches();
    await Promise.all((this.#options.runners ?? [here]).map((runner) => this.#work(runner, batches)));
    this.#tell();
    return this.#report();
  }

  async #work(runner: BatchRunner, batches: Iterator<Batch>): Promise<void> {
    for (let next = batches.next(); next.done !== true; next = batches.next()) {
      const batch = next.value;
      const findings = await runner(batch);
      this.#underWay.delete(batch);
      for (const finding of findings) {
        if (this.#findings.length === findingsMax) break;
        this.#findings.push(finding);
        this.#options.found(finding);
      }
      if (performance.now() - this.#toldMs < progressMs) continue;
      this.#toldMs = performance.now();
      this.#tell();
    }
  }

  *#batches(): Generator<Batch> {
    const { targets, seed, seconds = Infinity, inputs: inputsMax = Infinity, cutOneIn = 16 } = this.#options;
    for (;;) {
      for (const { name: target } of targets) {
        if (this.#inputs >= inputsMax || this.#passed() >= seconds || this.#findings.length >= findingsMax) return;
        const from = this.#next.get(target) as number;
        const batch = { target, seed, from, count: Math.min(batchCount, inputsMax - this.#inputs), cutOneIn };
        this.#next.set(target, from + batch.count);
        this.#inputs += batch.count;
        this.#underWay.add(batch);
        yield batch;
      }
    }
  }

  /** Seconds of this run. */
  #passed(): number {
    return (performance.now() - this.#startedMs) / 1000;
  }

  #report(): FuzzReport {
    const counts = new Map(this.#next);
    for (const { target, from } of this.#underWay) counts.set(target, Math.min(from, counts.get(target) as number));
    return {
      ok: this.#findings.length === 0,
      seed: this.#options.seed,
      inputs: [...counts.values()].reduce((sum, count) => sum + count, 0),
      seconds: this.#secondsBefore + this.#passed(),
      targets: Object.fromEntries(counts),
      findings: this.#findings,
    };
  }

  #tell(): void {
    const { seconds = Infinity, inputs: inputsMax = Infinity } = this.#options;
    const report = this.#report();
    const rate = (report.inputs - this.#inputsBefore) / Math.max(0.001, this.#passed());
    const left = Math.min(seconds - this.#passed(), rate === 0 ? Infinity : (inputsMax - report.inputs) / rate);
    this.#options.progress({ report, rate, secondsLeft: Number.isFinite(left) ? Math.max(0, left) : undefined });
  }
}
