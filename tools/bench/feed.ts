import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { freePort } from "../services/host.ts";
import type { Contestant, Running } from "./contestant.ts";
import { endOnSignals, start } from "./contestant.ts";
import type { MemoryTrend } from "./memory.ts";
import { memoryTrend } from "./memory.ts";
import { residentBytesOf } from "./proc.ts";
import type { TurnOptions } from "./turn.ts";
import { sharedCores, takeTurn } from "./turn.ts";
import { turnFault } from "./verdict.ts";

const pagesMin = 10_000;
const growthMax = 0.05;

const help = `npm run bench:feed -- [--seconds N] [--version V] [--json FILE]

Pages a second and core of examples/feed, its whole pipeline warm, and its memory over the run. One instance has a core
of its own; 64 connections ask for pages from the others, over real HTTP. Three turns:

  mixed      100,000 users who ask unequally often (Zipf and Mandelbrot: the k-th in proportion to 1 / (k + 500)), for the
             length of the run: this is what is judged
  cached     4,000 users in turn: nearly every page comes from the feed's cache
  uncached   60,000 users in turn, more than the cache holds: every page is recalled and ranked anew

Every third user has watched eight films. The share of pages that came from the cache is the feed's own count.
Target: ${pagesMin} pages a second and core, memory that grows by at most ${growthMax * 100} % after warming up.

  --seconds N    length of the mixed turn, default 300; the others take 10
  --version V    the version to run, default v2
  --json FILE    also write { "feed": { "valid", "pagesPerSecondAndCore", "memory", "turns", … } }
  --help         this text

Exit codes: 0 valid and on target, 1 INVALID or short of it, 2 the arguments are wrong.
`;

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const path = "/v1/feed?userId=u{user}";
const connections = 64;
const mixed = { users: 100_000, skew: 500 } as const;
const cached = { users: 4000 } as const;
const uncached = { users: 60_000 } as const;

interface Given {
  readonly seconds: number;
  readonly version: string;
  readonly json: string | undefined;
}

function given(): Given | string {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "300" },
      version: { type: "string", default: "v2" },
      json: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) return "";
  const seconds = Number(values.seconds);
  if (!Number.isInteger(seconds) || seconds < 10 || seconds > 3600) return `expected --seconds from 10 to 3600, found ${values.seconds}`;
  return { seconds, version: values.version, json: values.json };
}

/** What a turn came to. */
interface FeedTurn {
  readonly name: string;
  readonly valid: boolean;
  readonly why: string;
  readonly pagesPerSecondAndCore: number;
  readonly cpuMicrosPerPage: number;
  /** Share of pages that came from the cache. */
  readonly hitRate: number;
  readonly requests: number;
  readonly latencyMsP99: number;
}

async function measure({ seconds, version, json }: Given): Promise<number> {
  const main = fileURLToPath(new URL("../../examples/feed/main.ts", import.meta.url));
  const folder = mkdtempSync(`${tmpdir()}/weir-bench-feed-`);
  const file = `${folder}/feed.db`;
  const adminPort = await freePort(0);
  const contestant: Contestant = {
    name: "feed",
    command: ({ port }) => {
      const env = [`WEIR_VERSION=${version}`, `WEIR_PORT=${port}`, `WEIR_ADMIN_PORT=${adminPort}`, `FEED_DATABASE_URL=sqlite:${file}`];
      return ["env", ...env, process.execPath, main];
    },
  };
  let running: Running | undefined;
  try {
    running = await start(contestant, { folder, backendPort: 0, cores: `${sharedCores().own}`, path: path.replace("{user}", "1") });
    say(`${await recordWatches(file, running.port)} watches are recorded; warming up …`);
    const one: FeedProcess = { running, adminPort };
    await takeTurn(running, { path, connections, seconds: 10, ...mixed });
    say("mixed …");
    const memory = watchMemory(running, seconds);
    const turns = [await feedTurn("mixed", one, { ...mixed, seconds }).finally(memory.stop)];
    for (const [name, users] of Object.entries({ cached, uncached })) {
      say(`${name} …`);
      turns.push(await feedTurn(name, one, { ...users, seconds: 10 }));
    }
    const report = reportFrom({ version, seconds, turns, memory: memoryTrend(memory.samples) });
    if (json !== undefined) writeFileSync(json, `${JSON.stringify({ feed: report }, null, 2)}\n`);
    process.stdout.write(textOf(report));
    return report.valid && report.onTarget ? 0 : 1;
  } finally {
    await running?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface FeedProcess {
  readonly running: Running;
  readonly adminPort: number;
}

type FeedLoad = Pick<TurnOptions, "users" | "skew" | "seconds">;

async function feedTurn(name: string, { running, adminPort }: FeedProcess, feedLoad: FeedLoad): Promise<FeedTurn> {
  const before = await cacheCounts(adminPort);
  const turn = await takeTurn(running, { path, connections, ...feedLoad });
  const after = await cacheCounts(adminPort);
  const hits = after.hit - before.hit;
  const why = turnFault(turn);
  return {
    name,
    valid: why === undefined,
    why: why ?? "",
    pagesPerSecondAndCore: Math.round((turn.requests * 1000) / turn.cpuMs),
    cpuMicrosPerPage: (turn.cpuMs * 1000) / turn.requests,
    hitRate: hits / (hits + after.miss - before.miss),
    requests: turn.requests,
    latencyMsP99: turn.latencyMsP99,
  };
}

/** How many pages came from the feed's cache so far, and how many did not. */
async function cacheCounts(adminPort: number): Promise<{ hit: number; miss: number }> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  const count = (outcome: string): number =>
    Number(new RegExp(`^weir_cache_requests_total{cache="selections",outcome="${outcome}"} (\\d+)`, "m").exec(text)?.[1]);
  return { hit: count("hit"), miss: count("miss") };
}

/** Lets every third user have watched eight films, written past the feed: asking it would take longer than the bench. */
async function recordWatches(file: string, port: number): Promise<number> {
  const films = new Set<string>();
  for (let user = 0; user < 20; user++) {
    const page = (await (await fetch(`http://127.0.0.1:${port}/v1/feed?userId=seed-${user}&size=50`)).json()) as {
      films: { id: string }[];
    };
    for (const { id } of page.films) films.add(id);
  }
  const ids = [...films];
  const database = new DatabaseSync(file, { timeout: 5000 });
  const insert = database.prepare("insert into feed_watches (user_id, watch_id, film_id, number, at_ms) values (?, ?, ?, ?, 0)");
  let count = 0;
  database.exec("begin");
  for (let user = 3; user <= mixed.users; user += 3) {
    for (let number = 1; number <= 8; number++, count++)
      insert.run(`u${user}`, `w${number}`, ids[(user * 7 + number * 13) % ids.length]!, number);
  }
  database.exec("commit");
  database.close();
  return count;
}

/** The resident memory of every second. */
function watchMemory(running: Running, seconds: number): { samples: readonly number[]; stop: () => void } {
  const samples: number[] = [];
  const watch = setInterval(() => {
    samples.push(residentBytesOf(running.pid));
    if (samples.length % 30 === 0) say(`  ${samples.length}/${seconds} s · ${megabytes(samples.at(-1) ?? 0)}`);
  }, 1000);
  return { samples, stop: () => clearInterval(watch) };
}

interface Measured {
  readonly version: string;
  readonly seconds: number;
  readonly turns: readonly FeedTurn[];
  readonly memory: MemoryTrend;
}

interface Report extends Measured, Omit<FeedTurn, "name"> {
  readonly onTarget: boolean;
}

/** The mixed turn is the judged one. */
function reportFrom(measured: Measured): Report {
  const { name: _, ...judged } = measured.turns[0]!;
  const onTarget = judged.pagesPerSecondAndCore >= pagesMin && measured.memory.growth <= growthMax;
  return { ...measured, ...judged, onTarget };
}

function textOf({ version, turns, memory, valid, onTarget, why }: Report): string {
  const rows = turns.map((turn) => {
    const cells = [
      turn.name.padEnd(9),
      `${turn.pagesPerSecondAndCore}`.padStart(7),
      `${turn.cpuMicrosPerPage.toFixed(1)} µs`.padStart(10),
      `${(turn.hitRate * 100).toFixed(1)} %`.padStart(8),
      `${turn.latencyMsP99.toFixed(2)} ms`.padStart(10),
    ];
    return `  ${cells.join("  ")}${turn.valid ? "" : `  INVALID: ${turn.why}`}\n`;
  });
  return `feed ${version}: ${valid ? (onTarget ? "valid, on target" : "valid, SHORT OF ITS TARGET") : `INVALID: ${why}`}
             pages/s    CPU a page  from cache     p99    (a second and core; target ${pagesMin} mixed)
${rows.join("")}  memory ${megabytes(memory.earlyBytes)} → ${megabytes(memory.lateBytes)}, ${(memory.growth * 100).toFixed(1)} % (at most ${growthMax * 100} %), highest ${megabytes(memory.bytesMax)}
`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

async function main(): Promise<number> {
  const options = given();
  if (typeof options !== "string") return measure(options);
  (options === "" ? process.stdout : process.stderr).write(options === "" ? help : `${options}\n\n${help}`);
  return options === "" ? 0 : 2;
}

endOnSignals();
try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
  process.stderr.write(isUsage ? `${error.message}\n\n${help}` : `${(error as Error).message}\n`);
  process.exitCode = isUsage ? 2 : 1;
}
