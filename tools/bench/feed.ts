import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Contestant, Running } from "./contestant.ts";
import { endOnSignals, start } from "./contestant.ts";
import type { MemoryTrend } from "./memory.ts";
import { memoryTrend } from "./memory.ts";
import { residentBytesOf } from "./proc.ts";
import { sharedCores, takeTurn } from "./turn.ts";
import type { Turn } from "./verdict.ts";
import { turnFault } from "./verdict.ts";

const pagesMin = 10_000;
const growthMax = 0.05;

const help = `npm run bench:feed -- [--seconds N] [--version V] [--json FILE]

Pages a second and core of examples/feed, its whole pipeline warm, and its memory over the run. One instance has a core
of its own; 64 connections ask for pages of different users from the others. Pages come from the feed's
cache where it has them; a second figure says what it does without.
Target: ${pagesMin} pages a second and core, memory that grows by at most ${growthMax * 100} % after warming up.

  --seconds N    length of the run, default 300
  --version V    the version to run, default v2
  --json FILE    also write { "feed": { "valid", "pagesPerSecondAndCore", "memory", … } }
  --help         this text

Exit codes: 0 valid and on target, 1 INVALID or short of it, 2 the arguments are wrong.
`;

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const path = "/v1/feed?userId=u{user}";
const connections = 64;
/** More users than the feed's cache holds (10,000), asked in turn, so that it never has the page. */
const usersBeyondCache = 25_000;

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

async function measure({ seconds, version, json }: Given): Promise<number> {
  const main = fileURLToPath(new URL("../../examples/feed/main.ts", import.meta.url));
  const folder = mkdtempSync(`${tmpdir()}/weir-bench-feed-`);
  const contestant: Contestant = {
    name: "feed",
    command: ({ port }) => ["env", `WEIR_VERSION=${version}`, `WEIR_PORT=${port}`, "WEIR_ADMIN_PORT=0", process.execPath, main],
  };
  let running: Running | undefined;
  try {
    running = await start(contestant, { folder, backendPort: 0, cores: `${sharedCores().own}`, path: path.replace("{user}", "1") });
    say("warming up …");
    await takeTurn(running, { path, connections, seconds: 10 });
    const { turn, samples } = await watchedTurn(running, seconds);
    say("without the cache …");
    const uncached = await takeTurn(running, { path, connections, seconds: 10, users: usersBeyondCache });
    const why = turnFault(turn);
    const memory = memoryTrend(samples);
    const pagesPerSecondAndCore = pagesOf(turn);
    const report = {
      valid: why === undefined,
      onTarget: pagesPerSecondAndCore >= pagesMin && memory.growth <= growthMax,
      why: why ?? "",
      version,
      pagesPerSecondAndCore,
      pagesPerSecondAndCoreUncached: pagesOf(uncached),
      memory,
      seconds,
      requests: turn.requests,
      latencyMsP99: turn.latencyMsP99,
    };
    if (json !== undefined) writeFileSync(json, `${JSON.stringify({ feed: report }, null, 2)}\n`);
    process.stdout.write(textOf(report));
    return report.valid && report.onTarget ? 0 : 1;
  } finally {
    await running?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One turn, with the resident memory of every second. */
async function watchedTurn(running: Running, seconds: number): Promise<{ turn: Turn; samples: number[] }> {
  const samples: number[] = [];
  const watch = setInterval(() => {
    samples.push(residentBytesOf(running.pid));
    if (samples.length % 30 === 0) say(`  ${samples.length}/${seconds} s · ${megabytes(samples.at(-1) ?? 0)}`);
  }, 1000);
  const turn = await takeTurn(running, { path, connections, seconds }).finally(() => clearInterval(watch));
  return { turn, samples };
}

function pagesOf(turn: Turn): number {
  return Math.round((turn.requests * 1000) / turn.cpuMs);
}

interface Report {
  readonly valid: boolean;
  readonly why: string;
  readonly version: string;
  readonly pagesPerSecondAndCore: number;
  readonly pagesPerSecondAndCoreUncached: number;
  readonly memory: MemoryTrend;
  readonly latencyMsP99: number;
}

function textOf(report: Report): string {
  const { memory } = report;
  return `feed ${report.version}: ${report.valid ? "valid" : `INVALID: ${report.why}`}
  ${report.pagesPerSecondAndCore} pages a second and core (target ${pagesMin}), p99 ${report.latencyMsP99.toFixed(2)} ms
  ${report.pagesPerSecondAndCoreUncached} when every page is recalled and ranked anew
  memory ${megabytes(memory.earlyBytes)} → ${megabytes(memory.lateBytes)}, ${(memory.growth * 100).toFixed(1)} % (at most ${growthMax * 100} %), highest ${megabytes(memory.bytesMax)}
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
