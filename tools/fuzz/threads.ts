import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { fuzzTargets } from "@weir/wire/testing/fuzz-targets";
import { findingsOf, type Batch } from "./batch.ts";
import type { Finding } from "./finding.ts";
import type { BatchRunner } from "./fuzz.ts";

/** Threads that try batches. */
export interface FuzzThreads {
  readonly runners: readonly BatchRunner[];
  /** Ends all threads. */
  close(): Promise<void>;
}

/** Outcomes leave nothing behind, so that collections of a large young heap find nothing to move. */
const maxYoungGenerationSizeMb = 96;

/** Starts threads, each with targets of its own. A runner rejects when its thread dies; the batch then tells which inputs did it. */
export function startThreads(count: number): FuzzThreads {
  const workers = Array.from(
    { length: count },
    () => new Worker(new URL(import.meta.url), { resourceLimits: { maxYoungGenerationSizeMb } }),
  );
  return {
    runners: workers.map((worker) => (batch) => answerOf(worker, batch)),
    close: async () => void (await Promise.all(workers.map((worker) => worker.terminate()))),
  };
}

function answerOf(worker: Worker, batch: Batch): Promise<readonly Finding[]> {
  return new Promise((resolve, reject) => {
    const onAnswer = (findings: readonly Finding[]): void => {
      worker.off("error", onError);
      resolve(findings);
    };
    const onError = (cause: unknown): void =>
      reject(
        new Error(`expected ${batch.target} to survive inputs ${batch.from} to ${batch.from + batch.count} of seed ${batch.seed}`, {
          cause,
        }),
      );
    worker.once("error", onError);
    worker.once("message", onAnswer);
    worker.postMessage(batch);
  });
}

async function answer(batch: Batch): Promise<void> {
  const target = fuzzTargets.find(({ name }) => name === batch.target);
  if (target === undefined) throw new Error(`expected a target, found ${batch.target}`);
  parentPort?.postMessage(await findingsOf(target, batch));
}

if (!isMainThread) parentPort?.on("message", (batch: Batch) => void answer(batch));
