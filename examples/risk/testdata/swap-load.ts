import { createClient } from "@weir/kit/rpc/client";
import { createWireTransport } from "@weir/kit/rpc/node/transport";
import { systemClock } from "@weir/kit/clock";
import process from "node:process";
import { createRiskApp } from "../risk-app.ts";
import type { AssessResponse, RiskClient } from "../risk.weir.ts";
import { Risk } from "../risk.weir.ts";
import { createRiskFolder, pointsOf } from "./risk-folder.ts";

/** What is done to the engine while it is asked. */
export interface SwapLoadOptions {
  readonly ruleChanges: number;
  readonly engineSwaps: number;
  /** Calls at a time. Default 8. */
  readonly concurrency?: number;
  /** Changes the engine's text. Default not. */
  readonly edit?: (engine: string) => string;
  /** Told after every tenth change. */
  readonly onProgress?: (rules: number, engines: number) => void;
}

/** What came of it. */
export interface SwapLoadReport {
  readonly ruleChanges: number;
  readonly engineSwaps: number;
  /** Sets and engines that were refused because one file of two had been written yet. */
  readonly refused: number;
  readonly rolledBack: number;
  readonly calls: number;
  /** Calls that saw rules or an engine change before they were answered. */
  readonly overtaken: number;
  readonly failures: readonly string[];
  /** Answers of which one half was of another version. */
  readonly mixed: readonly string[];
  readonly seconds: number;
  /** Heap in use after a collection; empty without --expose-gc. */
  readonly heap: readonly HeapSample[];
}

/** The heap at one moment. */
export interface HeapSample {
  /** Since the start. */
  readonly seconds: number;
  /** Of rules and engine, so far. */
  readonly changes: number;
  readonly bytes: number;
}

interface Run {
  readonly client: RiskClient;
  readonly stop: AbortSignal;
  calls: number;
  overtaken: number;
  generationNow: () => string;
  readonly failures: string[];
  readonly mixed: string[];
}

const waitMsMax = 30_000;

/** Writes rules and engine anew, time and again, while calls are under way over gRPC and Connect; every answer is looked at. */
export async function swapUnderLoad(options: SwapLoadOptions): Promise<SwapLoadReport> {
  await using folder = await createRiskFolder(options.edit);
  const risk = createRiskApp({ version: "v1", rulesFolder: folder.rules, engineFolder: folder.engine });
  await folder.writeRules(1);
  await using running = await risk.app.start();
  const stop = new AbortController();
  const startMs = performance.now();
  const url = `http://127.0.0.1:${running.port}`;
  const transports = (["grpc", "connect"] as const).map((protocol) => createWireTransport({ url, protocol }));
  const generationNow = (): string => `${risk.rules.state().current}/${risk.engine.state().current}`;
  const runs = transports.map((transport): Run => ({
    client: createClient(Risk, transport),
    stop: stop.signal,
    calls: 0,
    overtaken: 0,
    generationNow,
    failures: [],
    mixed: [],
  }));
  const { concurrency = 8 } = options;
  const load = Array.from({ length: concurrency }, (_, index) => ask(runs[index % runs.length]!));
  const done = { rules: 0, engines: 0 };
  const heap: HeapSample[] = [];
  const count = async (which: keyof typeof done): Promise<void> => {
    done[which]++;
    if (done[which] % 10 !== 0) return;
    options.onProgress?.(done.rules, done.engines);
    if (globalThis.gc === undefined) return;
    globalThis.gc();
    heap.push({ seconds: (performance.now() - startMs) / 1000, changes: done.rules + done.engines, bytes: process.memoryUsage().heapUsed });
  };
  const changes = [changeRules(), changeEngine()];
  async function changeRules(): Promise<void> {
    for (let version = 2; version < options.ruleChanges + 2; version++) {
      await folder.writeRules(version);
      await until(runs[0]!, ({ findings }) => findings[0]?.version === String(version), `rules of version ${version}`);
      await count("rules");
    }
  }
  async function changeEngine(): Promise<void> {
    for (let version = 2; version < options.engineSwaps + 2; version++) {
      await folder.writeEngine(version);
      await until(runs[0]!, ({ engineVersion }) => engineVersion === String(version), `an engine of version ${version}`);
      await count("engines");
    }
  }
  try {
    await Promise.all(changes);
  } finally {
    stop.abort();
    await Promise.all(load);
    await Promise.allSettled(changes);
    await Promise.all(transports.map((transport) => transport.close()));
    await risk.close();
  }
  const [rules, engine] = [risk.rules.state(), risk.engine.state()];
  return {
    ruleChanges: done.rules,
    engineSwaps: done.engines,
    refused: rules.refused + engine.refused,
    rolledBack: rules.rolledBack + engine.rolledBack,
    calls: runs.reduce((sum, { calls }) => sum + calls, 0),
    overtaken: runs.reduce((sum, { overtaken }) => sum + overtaken, 0),
    failures: runs.flatMap(({ failures }) => failures),
    mixed: runs.flatMap(({ mixed }) => mixed),
    seconds: (performance.now() - startMs) / 1000,
    heap,
  };
}

async function ask(run: Run): Promise<void> {
  while (!run.stop.aborted) await assess(run);
}

async function assess(run: Run): Promise<AssessResponse | undefined> {
  const before = run.generationNow();
  try {
    const answer = await run.client.assess({
      paymentId: "p",
      amount: 5000n,
      currency: "EUR",
      cardCountry: "DE",
      buyerCountry: "DE",
      paymentsLastHour: 9,
    });
    run.calls++;
    if (run.generationNow() !== before) run.overtaken++;
    const wrong = mixedIn(answer);
    if (wrong) run.mixed.push(wrong);
    return answer;
  } catch (error) {
    run.failures.push(String(error));
    return undefined;
  }
}

/** Whether an answer was made by two versions. */
function mixedIn({ findings, score, engineVersion, thresholdsVersion }: AssessResponse): string | undefined {
  const [amount, velocity] = findings;
  if (amount === undefined || velocity === undefined || findings.length > 2) return `${findings.length} findings`;
  const points = pointsOf(Number(amount.version));
  if (amount.version !== velocity.version) return `rules of ${amount.version} and ${velocity.version}`;
  if (amount.points !== points || velocity.points !== points || score !== 2 * points)
    return `points of another version than ${amount.version}`;
  if (amount.why !== `version ${amount.version}`) return `a table of another version than ${amount.version}`;
  return engineVersion === thresholdsVersion ? undefined : `engine ${engineVersion}, thresholds ${thresholdsVersion}`;
}

async function until(run: Run, isThere: (answer: AssessResponse) => boolean, what: string): Promise<void> {
  const untilMs = performance.now() + waitMsMax;
  for (;;) {
    const answer = await assess(run);
    if (answer && isThere(answer)) return;
    if (performance.now() > untilMs || run.stop.aborted)
      throw new Error(`expected ${what} within ${waitMsMax} ms, found ${JSON.stringify(answer?.findings)}`);
    await systemClock.sleep(2);
  }
}
