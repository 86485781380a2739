import { createServer } from "@weir/wire";
import type { ServiceDescriptor } from "../contract/contract.ts";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import { createClient } from "../rpc/client.ts";
import { createWireTransport } from "../rpc/node/transport.ts";
import type { WarmUpStep } from "./warm-up.ts";

/** Calls to practise with, by a name for each: the typed client, and how many came before. What they send must change nothing that matters. */
export type PracticeCalls<C> = Readonly<Record<string, (client: C, round: number) => Promise<unknown>>>;

/** How long an app practises. */
export interface PracticeOptions {
  /** What callers mostly speak. Default "grpc". */
  readonly protocol?: "grpc" | "connect";
  /** Calls at a time. Default 4. */
  readonly concurrency?: number;
  /** Calls of each kind in a window, whose median counts. Default 100. */
  readonly windowCalls?: number;
  /** Settled when the medians of so many windows in a row, of every kind of call, … Default 3. */
  readonly settledWindows?: number;
  /** … lie so close together, as a share of the smallest. Default 0.1. */
  readonly settledShare?: number;
  /** Windows at least: a process that has not begun to compile is steady too. Default 5. */
  readonly windowsMin?: number;
  /** Windows at most: then the app goes on and says that it did not settle. Default 100. */
  readonly windowsMax?: number;
  /** Likewise, in time. Default 30000. */
  readonly msMax?: number;
}

/** How the latency came down. */
export interface PracticeReport {
  readonly settled: boolean;
  readonly windows: number;
  readonly calls: number;
  /** Milliseconds by kind of call: the median of the first window, and of the last. */
  readonly firstMs: Readonly<Record<string, number>>;
  readonly lastMs: Readonly<Record<string, number>>;
}

/**
 * A step that calls the app itself over a port of its own, through everything that a caller's bytes pass (wire, protocol, layers, handler), until
 * the latency settles or a bound is reached. A call that fails ends the warm-up: the first user's would fail too. What it calls is counted
 * on the metrics as any call is.
 */
export function practiceStep<C>(
  service: ServiceDescriptor<unknown, C>,
  calls: PracticeCalls<C>,
  options: PracticeOptions = {},
): WarmUpStep {
  return async (signal, inside) => {
    const { log, clock } = inside;
    const server = createServer(inside.handler, { clock });
    const { port } = await server.listen({ port: 0, exclusive: true });
    const transport = createWireTransport({
      url: `http://127.0.0.1:${port}`,
      protocol: options.protocol ?? "grpc",
      metadata: [...inside.metadata],
    });
    try {
      const round: Round<C> = { client: createClient(service, transport), calls, options, signal, nowMs: () => clock.monotonicMs() };
      const report = await practise(round, (window, medians) => inside.tell({ window, ...rounded(medians) }));
      const { settled, windows, calls: count, firstMs, lastMs } = report;
      const fields = { settled, windows, calls: count, firstMs: rounded(firstMs), lastMs: rounded(lastMs) };
      log.info(settled ? "practice settled" : "practice ended before the latency settled", fields);
    } finally {
      await transport.close();
      await server.close();
    }
  };
}

/** What a practice is made of. */
export interface Round<C> {
  readonly client: C;
  readonly calls: PracticeCalls<C>;
  readonly options: PracticeOptions;
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
}

type Medians = Readonly<Record<string, number>>;

/** Calls window after window until the medians settle; `tell` hears of each. Rejects with PRACTICE_FAILED, or with the signal's reason. */
export async function practise<C>(round: Round<C>, tell: (window: number, medians: Medians) => void): Promise<PracticeReport> {
  const { windowsMin = 5, windowsMax = 100, settledWindows = 3, settledShare = 0.1, windowCalls = 100, msMax = 30_000 } = round.options;
  const names = Object.keys(round.calls);
  const history: Medians[] = [];
  const untilMs = round.nowMs() + msMax;
  let settled = false;
  while (!settled && history.length < windowsMax && round.nowMs() < untilMs) {
    const medians: Record<string, number> = {};
    for (const name of names) medians[name] = median(await oneWindow(round, name, history.length * windowCalls));
    history.push(medians);
    tell(history.length, medians);
    const last = history.slice(-settledWindows);
    settled = history.length >= Math.max(windowsMin, settledWindows) && names.every((name) => isSteady(last, name, settledShare));
  }
  const calls = history.length * names.length * windowCalls;
  return { settled, windows: history.length, calls, firstMs: history[0] ?? {}, lastMs: history.at(-1) ?? {} };
}

/** Milliseconds of each call of a window. */
async function oneWindow<C>({ client, calls, options, signal, nowMs }: Round<C>, name: string, before: number): Promise<number[]> {
  const { windowCalls = 100, concurrency = 4 } = options;
  const took: number[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < windowCalls) {
      signal.throwIfAborted();
      const turn = before + next++;
      const startMs = nowMs();
      try {
        await calls[name]?.(client, turn);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        throw fault(kitReasons.PRACTICE_FAILED, `Expected call ${turn} of "${name}" to succeed, found: ${why}`, { cause: error });
      }
      took.push(nowMs() - startMs);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return took;
}

function isSteady(windows: readonly Medians[], name: string, share: number): boolean {
  const values = windows.map((medians) => medians[name] ?? 0);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return most - least <= least * share;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[sorted.length >> 1] ?? 0;
}

/** To a thousandth. */
function rounded(medians: Medians): Record<string, number> {
  return Object.fromEntries(Object.entries(medians).map(([name, value]) => [name, Math.round(value * 1000) / 1000]));
}
