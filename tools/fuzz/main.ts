import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { fuzzTargets } from "@weir/wire/testing/fuzz-targets";
import { replayed, writeFinding } from "./finding.ts";
import type { FuzzProgress, FuzzReport } from "./fuzz.ts";
import { fuzz } from "./fuzz.ts";
import { startThreads } from "./threads.ts";

const names = fuzzTargets.map(({ name }) => name);
const folderDefault = fileURLToPath(new URL("../../.weir/fuzz", import.meta.url));

const help = `npm run fuzz -- [--seconds N | --inputs N] [--seed N] [--target NAME] [--json FILE]

Feeds the parsers of HTTP/1.1, HTTP/2, HPACK and WebSocket, servers and clients, with broken inputs, without a socket. Nothing
may throw, hang or stay in flight, and the same bytes in other pieces must give the same events: every input is tried byte by
byte, one in sixteen also cut in two at every boundary, the others in random pieces. A finding is made as small as it gets and
written to a file.

  --seconds N     for so long, default 60
  --inputs N      for so many inputs instead
  --cut-one-in N  cut one input in so many in two at every boundary, default 16; most of the time goes into that
  --threads N     on so many threads, default 1
  --state FILE    keep FILE up to date with what the run has come to, and go on from there if it is there already
  --seed N        the same seed gives the same inputs, default from the clock
  --target NAME   ${names.join(", ")}; may be given more than once; default all
  --folder PATH   where findings are written, default .weir/fuzz
  --replay FILE   try a written finding again
  --json FILE     also write the report
  --help          this text

  npm run fuzz -- --inputs 10000000 --threads 4 --seed 7 --state .weir/fuzz/state.json --json fuzz.json     overnight
  npm run fuzz -- --replay .weir/fuzz/hpack-0123456789ab.json

Exit codes: 0 nothing found, 1 something found, 2 the arguments are wrong.
`;

const say = (line: string): void => void process.stderr.write(`${line}\n`);

function whole(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`expected --${name} to be a whole number, found ${text}`);
  return value;
}

function shown({ report: { inputs, findings }, rate, secondsLeft }: FuzzProgress): string {
  const left = secondsLeft === undefined ? "" : ` · ${Math.ceil(secondsLeft)} s left`;
  return `${inputs.toLocaleString("en")} inputs · ${Math.round(rate).toLocaleString("en")} a second${left} · ${findings.length} findings`;
}

async function replay(path: string): Promise<number> {
  const failure = await replayed(path, fuzzTargets);
  process.stdout.write(
    failure === undefined ? "✓ no longer fails\n" : `✗ ${failure.kind}, pieces ${failure.pieces.join(" ")}\n${failure.message}\n`,
  );
  return failure === undefined ? 0 : 1;
}

function earlierOf(path: string | undefined): FuzzReport | undefined {
  if (path === undefined || !existsSync(path)) return undefined;
  return JSON.parse(readFileSync(path, "utf8")) as FuzzReport;
}

/** Writes a report so that whoever reads it, or goes on from it, finds all of it. */
function writeWhole(path: string, report: FuzzReport): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(report, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}

async function main(): Promise<number> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    options: {
      seconds: text,
      inputs: text,
      threads: text,
      "cut-one-in": text,
      state: text,
      seed: text,
      folder: text,
      replay: text,
      json: text,
      target: { type: "string", multiple: true, default: names },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  if (values.replay !== undefined) return replay(values.replay);
  const unknown = values.target.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new TypeError(`expected --target ${names.join(", ")}, found ${unknown}`);
  const inputs = whole("inputs", values.inputs);
  const seconds = whole("seconds", values.seconds) ?? (inputs === undefined ? 60 : undefined);
  const earlier = earlierOf(values.state);
  const seed = whole("seed", values.seed) ?? earlier?.seed ?? Date.now() % 2 ** 31;
  if (earlier !== undefined && earlier.seed !== seed)
    throw new TypeError(`expected --seed ${earlier.seed} of ${values.state}, found ${seed}`);
  const folder = values.folder ?? folderDefault;
  say(`seed ${seed}, from input ${earlier?.inputs ?? 0} on: ${values.target.join(", ")}`);
  const threads = startThreads(Math.max(1, whole("threads", values.threads) ?? 1));
  const report = await fuzz({
    targets: fuzzTargets.filter(({ name }) => values.target.includes(name)),
    seed,
    seconds,
    inputs,
    cutOneIn: Math.max(1, whole("cut-one-in", values["cut-one-in"]) ?? 16),
    earlier,
    runners: threads.runners,
    progress: (state) => {
      if (values.state !== undefined) writeWhole(values.state, state.report);
      say(shown(state));
    },
    found: (finding) => say(`✗ ${finding.target}, input ${finding.number}: ${finding.kind}; written to ${writeFinding(folder, finding)}`),
  });
  await threads.close();
  process.stdout.write(
    `${report.ok ? "✓ nothing found" : `✗ ${report.findings.length} findings`} in ${report.inputs} inputs, seed ${seed}\n`,
  );
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  return report.ok ? 0 : 1;
}

process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  process.stderr.write(`${error.message}\n\n${help}`);
  process.exitCode = 2;
}
