import { writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { programPath } from "../check/real-parts.ts";
import { codecTable, runCodec } from "./codec.ts";
import { runContest } from "./contest.ts";
import { endOnSignals } from "./contestant.ts";
import { loadTool } from "./load.ts";
import { suites, targets } from "./suites.ts";
import type { Outcome } from "./verdict.ts";
import { bounds } from "./verdict.ts";

const names = [...Object.keys(suites), "codec"];

const help = `npm run bench:peers -- --suite NAME [--contest NAME] [--json FILE] [--seconds N] [--rounds N]

CPU time per request, beside the peers, in one run: each contestant on a core of its own, load and backend on the others,
answers seen to be equal, turns taken A B C A B C. Ratios above 1 mean that Weir needs less CPU than the peer.
The suite rpc asks by gRPC, with 8 connections × 32 streams and with 64 × 1, each with TLS and without, and puts 70 % of its
throughput on each contestant to tell the P99 there. A run in which a contestant was not the bottleneck, or others used its core, says INVALID.

  --suite NAME    ${names.join(" or ")}; may be given more than once; default all
  --contest NAME  only this contest of the suites: rpc, rpc-64x1, rpc-tls or rpc-64x1-tls; may be given more than once
  --json FILE     also write { "<suite>": { "valid": true, "ratios": { "<peer>": number }, … } }
  --seconds N     length of one turn, default 4
  --rounds N      turns of each contestant, default 9; up to three times as many while a ratio is not known to a tenth
  --help          this text

  npm run bench:peers -- --suite rpc --json rpc.json --seconds 2 --rounds 5

Exit codes: 0 valid, 1 INVALID or failed, 2 the arguments are wrong.
`;

const say = (line: string): void => void process.stderr.write(`${line}\n`);

interface Given {
  readonly names: readonly string[];
  /** Empty: all. */
  readonly contests: readonly string[];
  readonly json: string | undefined;
  readonly seconds: number;
  readonly rounds: number;
}

function given(): Given | string {
  const { values } = parseArgs({
    options: {
      suite: { type: "string", multiple: true, default: names },
      contest: { type: "string", multiple: true, default: [] },
      json: { type: "string" },
      seconds: { type: "string", default: "4" },
      rounds: { type: "string", default: "9" },
      help: { type: "boolean" },
    },
  });
  if (values.help) return "";
  const unknown = values.suite.find((name) => !names.includes(name));
  if (unknown !== undefined) return `expected --suite ${names.join(" or ")}, found ${unknown}`;
  const [seconds, rounds] = [Number(values.seconds), Number(values.rounds)];
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 600) return `expected --seconds from 1 to 600, found ${values.seconds}`;
  if (!Number.isInteger(rounds) || rounds < bounds.roundsMin || rounds > 100)
    return `expected --rounds from ${bounds.roundsMin} to 100, found ${values.rounds}`;
  return { names: values.suite, contests: values.contest, json: values.json, seconds, rounds };
}

function table(name: string, outcome: Outcome): string {
  const rows = outcome.standings.map((one) => {
    const ratio = outcome.ratios[one.name];
    const interval = outcome.intervals?.[one.name];
    const target = targets[name]?.[one.name];
    return [
      one.name,
      `${one.cpuMicros.toFixed(1)} µs`,
      `±${(one.spread * 50).toFixed(1)} %`,
      `${Math.round(one.requestsPerSecond)}`,
      `${(one.utilisation * 100).toFixed(0)} %`,
      `${one.latencyMsP99.toFixed(2)} ms`,
      one.latencyMsP99At70 === undefined ? "" : `${one.latencyMsP99At70.toFixed(2)} ms`,
      ratio === undefined ? "" : ratio.toFixed(2),
      interval === undefined ? "" : `${interval[0].toFixed(2)}–${interval[1].toFixed(2)}`,
      target === undefined || ratio === undefined ? "" : `${ratio >= target ? "✓" : "✗"} ≥ ${target.toFixed(2)}`,
    ];
  });
  const heads = ["", "CPU/request", "spread", "requests/s", "core busy", "p99", "p99 at 70 %", "ratio", "between", "target"];
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd();
  const verdict = outcome.valid ? "valid" : `INVALID\n${outcome.why.map((why) => `  ${why}`).join("\n")}`;
  return `${name}: ${verdict}\n${[heads, ...rows].map(line).join("\n")}\n`;
}

async function main(): Promise<number> {
  const options = given();
  if (typeof options === "string") {
    (options === "" ? process.stdout : process.stderr).write(options === "" ? help : `${options}\n\n${help}`);
    return options === "" ? 0 : 2;
  }
  if (process.platform !== "linux" || programPath("taskset") === undefined) {
    process.stderr.write("expected Linux with taskset (Debian: util-linux): cores are pinned and CPU time is read from /proc\n");
    return 1;
  }
  if (loadTool() === "own") say("wrk is not installed (Debian: wrk); the load is made by tools/bench/own-load.ts, which may be too slow");
  const outcomes: Record<string, Outcome> = {};
  for (const name of options.names) {
    if (name === "codec") {
      say("codec: three libraries write and read five messages");
      const outcome = await runCodec({ ...options, say });
      outcomes[name] = outcome;
      process.stdout.write(codecTable(outcome));
    }
    for (const suite of (await suites[name]?.()) ?? []) {
      if (options.contests.length > 0 && !options.contests.includes(suite.name)) continue;
      const turns = suite.contestants.length * options.rounds;
      say(`${suite.name}: ${suite.contestants.length} contestants, ${turns} turns of ${options.seconds} s`);
      const outcome = await runContest(suite, { seconds: options.seconds, rounds: options.rounds, say });
      outcomes[suite.name] = outcome;
      process.stdout.write(table(suite.name, outcome));
    }
  }
  if (Object.keys(outcomes).length === 0) {
    process.stderr.write(`expected --contest that the suites have, found ${options.contests.join(", ")}\n`);
    return 2;
  }
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(outcomes, null, 2)}\n`);
  return Object.values(outcomes).every((outcome) => outcome.valid) ? 0 : 1;
}

endOnSignals();
try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
  process.stderr.write(isUsage ? `${error.message}\n\n${help}` : `${(error as Error).message}\n`);
  process.exitCode = isUsage ? 2 : 1;
}
