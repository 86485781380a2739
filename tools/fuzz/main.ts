import { writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { fuzzTargets } from "@weir/wire/testing/fuzz-targets";
import { replayed, writeFinding } from "./finding.ts";
import type { FuzzProgress } from "./fuzz.ts";
import { fuzz } from "./fuzz.ts";

const names = fuzzTargets.map(({ name }) => name);
const folderDefault = fileURLToPath(new URL("../../.weir/fuzz", import.meta.url));

const help = `npm run fuzz -- [--seconds N | --inputs N] [--seed N] [--target NAME] [--json FILE]

Feeds the parsers of HTTP/1.1, HTTP/2, HPACK and WebSocket, servers and clients, with broken inputs, without a socket. Nothing
may throw, hang or stay in flight, and the same bytes in other pieces must give the same events: pieces are random, single
bytes, or two halves cut at every place. A finding is made as small as it gets and written to a file.

  --seconds N     for so long, default 60
  --inputs N      for so many inputs instead
  --seed N        the same seed gives the same inputs, default from the clock
  --target NAME   ${names.join(", ")}; may be given more than once; default all
  --folder PATH   where findings are written, default .weir/fuzz
  --replay FILE   try a written finding again
  --json FILE     also write the report
  --help          this text

  npm run fuzz -- --inputs 10000000 --seed 7 --json fuzz.json     overnight
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

function shown({ inputs, rate, secondsLeft, findings }: FuzzProgress): string {
  const left = secondsLeft === undefined ? "" : ` · ${Math.ceil(secondsLeft)} s left`;
  return `${inputs.toLocaleString("en")} inputs · ${Math.round(rate).toLocaleString("en")} a second${left} · ${findings} findings`;
}

async function replay(path: string): Promise<number> {
  const failure = await replayed(path, fuzzTargets);
  process.stdout.write(
    failure === undefined ? "✓ no longer fails\n" : `✗ ${failure.kind}, pieces ${failure.pieces.join(" ")}\n${failure.message}\n`,
  );
  return failure === undefined ? 0 : 1;
}

async function main(): Promise<number> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    options: {
      seconds: text,
      inputs: text,
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
  const seed = whole("seed", values.seed) ?? Date.now() % 2 ** 31;
  const folder = values.folder ?? folderDefault;
  say(`seed ${seed}: ${values.target.join(", ")}`);
  const report = await fuzz({
    targets: fuzzTargets.filter(({ name }) => values.target.includes(name)),
    seed,
    seconds,
    inputs,
    progress: (state) => say(shown(state)),
    found: (finding) => say(`✗ ${finding.target}, input ${finding.number}: ${finding.kind}; written to ${writeFinding(folder, finding)}`),
  });
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
