import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { ask } from "./ask.ts";
import type { Contestant, Running } from "./contestant.ts";
import { start } from "./contestant.ts";
import { withLatencies } from "./latency.ts";
import type { Scheme } from "./load.ts";
import { createTlsFiles } from "./tls-files.ts";
import { sharedCores, takeTurn } from "./turn.ts";
import type { Outcome, RoundTurn, Turn } from "./verdict.ts";
import { isKnown, outcomeFrom, turnFault } from "./verdict.ts";

/** A suite: contestants that must answer alike, and the load that is put on each. The first contestant is ours. */
export interface Suite {
  readonly name: string;
  readonly contestants: readonly Contestant[];
  /** Whom the contestants ask; undefined when they answer themselves. */
  readonly backend: Contestant | undefined;
  readonly path: string;
  readonly connections: number;
  /** What the load speaks. Default "http". */
  readonly scheme?: Scheme;
  /** Calls at once on each connection, for gRPC. Default 1. */
  readonly streams?: number;
}

/** How long and how often. */
export interface ContestOptions {
  /** Length of one turn. */
  readonly seconds: number;
  /**
   * Turns of each contestant; a disturbed one is tried again, at most as many times over all. Where the ratios are not known well
   * enough after these, further rounds follow, up to three times as many.
   */
  readonly rounds: number;
  readonly say: (line: string) => void;
}

/** Runs a suite: starts everything, sees that all answer alike, warms up, then takes turns A B C A B C. */
export async function runContest(suite: Suite, options: ContestOptions): Promise<Outcome> {
  const folder = mkdtempSync(`${tmpdir()}/weir-bench-`);
  const clean = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.once("exit", clean);
  const running: Running[] = [];
  const begin = async (contestant: Contestant, cpus: string, backendPort: number): Promise<Running> => {
    options.say(`  starting ${contestant.name} …`);
    const own = `${folder}/${contestant.name.replaceAll(/[^a-z0-9-]/g, "_")}`;
    mkdirSync(own, { recursive: true });
    const one = await start(contestant, { folder: own, backendPort, cores: cpus, path: suite.path, scheme: suite.scheme, tls });
    running.push(one);
    return one;
  };
  const tls = suite.scheme === "grpcs" ? createTlsFiles(folder) : undefined;
  try {
    const cores = sharedCores();
    const backend = suite.backend && (await begin(suite.backend, cores.load, 0));
    const contestants: Running[] = [];
    for (const one of suite.contestants) contestants.push(await begin(one, `${cores.own}`, backend?.port ?? 0));
    const difference = await differenceAmong(backend ? [backend, ...contestants] : contestants, suite);
    if (difference !== undefined) return { valid: false, ratios: {}, why: [difference], standings: [] };
    const turns = await takeTurns({ suite, contestants, backend, options });
    const judged = outcomeFrom(turns, suite.contestants[0]?.name ?? "");
    const outcome = await withLatencies(judged, { suite, contestants, options });
    const after = await differenceAmong(contestants, suite);
    return after === undefined ? outcome : { ...outcome, valid: false, why: [...outcome.why, after] };
  } finally {
    for (const one of running.toReversed()) await one.stop();
    process.removeListener("exit", clean);
    clean();
  }
}

/** Why answers are not equal in status and bytes; undefined when they are. */
async function differenceAmong(contestants: readonly Running[], suite: Suite): Promise<string | undefined> {
  const answers = await Promise.all(
    contestants.map(async ({ name, port }) => ({ name, ...(await ask({ port, path: suite.path }, suite.scheme ?? "http")) })),
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

/** A machine that is never calm must not keep a contest going for ever. */
const roundsFactorMax = 3;

async function takeTurns(contest: Contest): Promise<RoundTurn[]> {
  const { contestants, options } = contest;
  for (const one of contestants) {
    options.say(`  warming up ${one.name} …`);
    await turnOf(contest, one, options.seconds * 2);
  }
  const turns: RoundTurn[] = [];
  const ours = contest.suite.contestants[0]?.name ?? "";
  let again = options.rounds;
  for (let round = 1; round <= options.rounds * roundsFactorMax; round++) {
    if (round > options.rounds && (turns.some((turn) => turn.failures > 0) || isKnown(turns, ours))) break;
    const of = round <= options.rounds ? `${round}/${options.rounds}` : `${round}, until the ratios are known`;
    for (const one of contestants) {
      let turn = await turnOf(contest, one, options.seconds);
      for (let fault = turnFault(turn); fault !== undefined && again > 0 && turn.failures === 0; fault = turnFault(turn)) {
        again--;
        options.say(`  round ${of} · ${one.name} · once more: ${fault}`);
        turn = await turnOf(contest, one, options.seconds);
      }
      turns.push({ ...turn, round });
      const micros = ((turn.cpuMs * 1000) / Math.max(1, turn.requests)).toFixed(1);
      options.say(`  round ${of} · ${one.name} · ${micros} µs a request · ${turnFault(turn) ?? "good"}`);
    }
  }
  return turns;
}

function turnOf({ suite, backend }: Contest, one: Running, seconds: number): Promise<Turn> {
  const { path, connections, scheme, streams } = suite;
  return takeTurn(one, { path, connections, seconds, backend, scheme, streams });
}
