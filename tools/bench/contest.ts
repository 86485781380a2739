import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { systemClock } from "@weir/kit/clock";
import type { Contestant, Running } from "./contestant.ts";
import { start } from "./contestant.ts";
import { load } from "./load.ts";
import { coreTimes, cpuMsOf } from "./proc.ts";
import type { Outcome, Turn } from "./verdict.ts";
import { outcomeFrom, turnFault } from "./verdict.ts";

/** A suite: contestants that must answer alike, and the load that is put on each. The first contestant is ours. */
export interface Suite {
  readonly name: string;
  readonly contestants: readonly Contestant[];
  /** Whom the contestants ask; undefined when they answer themselves. */
  readonly backend: Contestant | undefined;
  readonly path: string;
  readonly connections: number;
}

/** How long and how often. */
export interface ContestOptions {
  /** Length of one turn. */
  readonly seconds: number;
  /** Turns of each contestant; a disturbed one is tried again, at most as many times over all. */
  readonly rounds: number;
  readonly say: (line: string) => void;
}

/** The contestant has a core of its own; load and backend share the others. */
function cores(): { own: number; load: string; loadCores: number[] } {
  const count = availableParallelism();
  if (count < 2) throw new Error(`expected two cores, one for the contestant and one for the load, found ${count}`);
  const loadCores = Array.from({ length: count - 1 }, (_, index) => index);
  return { own: count - 1, load: loadCores.join(","), loadCores };
}

/** Runs a suite: starts everything, sees that all answer alike, warms up, then takes turns A B C A B C. */
export async function runContest(suite: Suite, options: ContestOptions): Promise<Outcome> {
  const folder = mkdtempSync(`${tmpdir()}/weir-bench-`);
  const running: Running[] = [];
  const begin = async (contestant: Contestant, cpus: string, backendPort: number): Promise<Running> => {
    options.say(`  starting ${contestant.name} …`);
    const own = `${folder}/${contestant.name.replaceAll(/[^a-z0-9-]/g, "_")}`;
    mkdirSync(own, { recursive: true });
    const one = await start(contestant, { folder: own, backendPort, cores: cpus, path: suite.path });
    running.push(one);
    return one;
  };
  try {
    const places = cores();
    const backend = suite.backend && (await begin(suite.backend, places.load, 0));
    const contestants: Running[] = [];
    for (const one of suite.contestants) contestants.push(await begin(one, `${places.own}`, backend?.port ?? 0));
    const difference = await differenceAmong(backend ? [backend, ...contestants] : contestants, suite.path);
    if (difference !== undefined) return { valid: false, ratios: {}, why: [difference], standings: [] };
    const turns = await takeTurns({ suite, contestants, backend, options });
    const after = await differenceAmong(contestants, suite.path);
    const outcome = outcomeFrom(turns, suite.contestants[0]?.name ?? "");
    return after === undefined ? outcome : { ...outcome, valid: false, why: [...outcome.why, after] };
  } finally {
    for (const one of running.toReversed()) await one.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Why answers are not equal in status and bytes; undefined when they are. */
async function differenceAmong(contestants: readonly Running[], path: string): Promise<string | undefined> {
  const answers = await Promise.all(
    contestants.map(async ({ name, port }) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(10_000) });
      return { name, status: response.status, body: await response.text() };
    }),
  );
  const [first] = answers;
  const other = answers.find((one) => one.status !== 200 || one.body !== first?.body);
  if (other === undefined || first === undefined) return undefined;
  return `answers differ: ${first.name} gave ${first.status} ${first.body.slice(0, 200)}, ${other.name} gave ${other.status} ${other.body.slice(0, 200)}`;
}

interface Contest {
  readonly suite: Suite;
  readonly contestants: readonly Running[];
  readonly backend: Running | undefined;
  readonly options: ContestOptions;
}

async function takeTurns(contest: Contest): Promise<Turn[]> {
  const { contestants, options } = contest;
  for (const one of contestants) {
    options.say(`  warming up ${one.name} …`);
    await takeTurn(contest, one, Math.ceil(options.seconds / 2));
  }
  const turns: Turn[] = [];
  let again = options.rounds;
  for (let round = 1; round <= options.rounds; round++) {
    for (const one of contestants) {
      let turn = await takeTurn(contest, one, options.seconds);
      for (let fault = turnFault(turn); fault !== undefined && again > 0 && turn.failures === 0; fault = turnFault(turn)) {
        again--;
        options.say(`  round ${round}/${options.rounds} · ${one.name} · once more: ${fault}`);
        turn = await takeTurn(contest, one, options.seconds);
      }
      turns.push(turn);
      const micros = ((turn.cpuMs * 1000) / Math.max(1, turn.requests)).toFixed(1);
      options.say(`  round ${round}/${options.rounds} · ${one.name} · ${micros} µs a request · ${turnFault(turn) ?? "good"}`);
    }
  }
  return turns;
}

/** One turn: what the contestant's processes, and both sorts of core, spent while the load ran. */
async function takeTurn(contest: Contest, one: Running, seconds: number): Promise<Turn> {
  const { own, load: cpus, loadCores } = cores();
  const { backend, suite } = contest;
  await systemClock.sleep(200);
  let loadPid = 0;
  let loadCpuMs = 0;
  const before = {
    own: coreTimes(own),
    load: loadCores.map(coreTimes),
    cpuMs: cpuMsOf(one.pid),
    backendMs: backend ? cpuMsOf(backend.pid) : 0,
  };
  const startedMs = performance.now();
  // The load's own CPU time can only be read while it lives.
  const watch = setInterval(() => (loadCpuMs = Math.max(loadCpuMs, cpuMsOf(loadPid))), 50);
  const url = `http://127.0.0.1:${one.port}${suite.path}`;
  const result = await load({ url, connections: suite.connections, seconds, cores: cpus }, (pid) => (loadPid = pid));
  clearInterval(watch);
  const durationMs = performance.now() - startedMs;
  const cpuMs = cpuMsOf(one.pid) - before.cpuMs;
  const backendMs = backend ? cpuMsOf(backend.pid) - before.backendMs : 0;
  const after = { own: coreTimes(own), load: loadCores.map(coreTimes) };
  const busyAtLoadMs = after.load.reduce((sum, times, index) => sum + times.busyMs - (before.load[index]?.busyMs ?? 0), 0);
  const stolenAtLoadMs = after.load.reduce((sum, times, index) => sum + times.stealMs - (before.load[index]?.stealMs ?? 0), 0);
  return {
    name: one.name,
    requests: result.requests,
    failures: result.failures,
    durationMs,
    cpuMs,
    othersMs: Math.max(0, after.own.busyMs - before.own.busyMs - cpuMs),
    othersMsAtLoad: Math.max(0, busyAtLoadMs - backendMs - loadCpuMs) / loadCores.length,
    stealMs: after.own.stealMs - before.own.stealMs + stolenAtLoadMs / loadCores.length,
    loadMs: (backendMs + loadCpuMs) / loadCores.length,
    latencyMsP99: result.latencyMsP99,
  };
}
