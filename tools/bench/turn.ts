import { availableParallelism } from "node:os";
import { systemClock } from "@weir/kit/clock";
import type { Running } from "./contestant.ts";
import type { Scheme } from "./load.ts";
import { load } from "./load.ts";
import { coreTimes, cpuMsOf } from "./proc.ts";
import type { Turn } from "./verdict.ts";

/** Who runs where: the contestant has a core of its own, load and backend share the others. */
export interface Cores {
  readonly own: number;
  /** As taskset(1) writes them. */
  readonly load: string;
  readonly loadCores: readonly number[];
}

/** The cores of this machine, shared out. Throws when there is but one. */
export function sharedCores(): Cores {
  const count = availableParallelism();
  if (count < 2) throw new Error(`expected two cores, one for the contestant and one for the load, found ${count}`);
  const loadCores = Array.from({ length: count - 1 }, (_, index) => index);
  return { own: count - 1, load: loadCores.join(","), loadCores };
}

/** What to ask in a turn. */
export interface TurnOptions {
  readonly path: string;
  readonly connections: number;
  readonly seconds: number;
  /** How many numbers {user} in the path goes through. Default 5000. */
  readonly users?: number;
  /** How unequally they ask, see LoadOptions. Default 0. */
  readonly skew?: number;
  /** Whom the contestant asks; its CPU time is not the others'. */
  readonly backend?: Running | undefined;
  /** Default "http". */
  readonly scheme?: Scheme | undefined;
  /** Calls at once on each connection, and calls a second: see LoadOptions. */
  readonly streams?: number | undefined;
  readonly rate?: number | undefined;
}

/** What the kernel has counted so far. */
interface Counted {
  readonly cpuMs: number;
  readonly backendMs: number;
  readonly busyMs: number;
  readonly stealMs: number;
  readonly busyMsAtLoad: number;
  readonly stealMsAtLoad: number;
}

function countedNow(one: Running, backend: Running | undefined): Counted {
  const { own, loadCores } = sharedCores();
  const ownTimes = coreTimes(own);
  const loadTimes = loadCores.map(coreTimes);
  return {
    cpuMs: cpuMsOf(one.pid),
    backendMs: backend ? cpuMsOf(backend.pid) : 0,
    busyMs: ownTimes.busyMs,
    stealMs: ownTimes.stealMs,
    busyMsAtLoad: loadTimes.reduce((sum, times) => sum + times.busyMs, 0),
    stealMsAtLoad: loadTimes.reduce((sum, times) => sum + times.stealMs, 0),
  };
}

/** One turn: puts the load on a contestant, and says what its processes and both sorts of core spent meanwhile. */
export async function takeTurn(one: Running, options: TurnOptions): Promise<Turn> {
  const { path, connections, seconds, users = 5000, skew = 0, backend, scheme = "http", streams, rate } = options;
  const { load: cores, loadCores } = sharedCores();
  // What the turn before left behind (closing sockets, a collection) is not this one's.
  await systemClock.sleep(200);
  let loadPid = 0;
  let loadCpuMs = 0;
  const before = countedNow(one, backend);
  const startedMs = performance.now();
  // The load's own CPU time can only be read while it lives.
  const watch = setInterval(() => (loadCpuMs = Math.max(loadCpuMs, cpuMsOf(loadPid))), 50);
  const url = `${scheme}://127.0.0.1:${one.port}${path}`;
  const result = await load({ url, connections, seconds, users, skew, cores, streams, rate }, (pid) => (loadPid = pid)).finally(() =>
    clearInterval(watch),
  );
  const durationMs = performance.now() - startedMs;
  const after = countedNow(one, backend);
  const cpuMs = after.cpuMs - before.cpuMs;
  const backendMs = after.backendMs - before.backendMs;
  const perLoadCore = (ms: number): number => Math.max(0, ms) / loadCores.length;
  return {
    name: one.name,
    requests: result.requests,
    failures: result.failures,
    durationMs,
    cpuMs,
    othersMs: Math.max(0, after.busyMs - before.busyMs - cpuMs),
    othersMsAtLoad: perLoadCore(after.busyMsAtLoad - before.busyMsAtLoad - backendMs - loadCpuMs),
    stealMs: after.stealMs - before.stealMs + perLoadCore(after.stealMsAtLoad - before.stealMsAtLoad),
    loadMs: perLoadCore(backendMs + loadCpuMs),
    latencyMsP99: result.latencyMsP99,
    loadedMs: result.durationMs,
    due: result.due,
  };
}
