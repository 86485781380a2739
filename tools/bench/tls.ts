import type { ChildProcess } from "node:child_process";
import { execFile, fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { systemClock } from "@weir/kit/clock";
import { programPath } from "../check/real-parts.ts";
import { cpuMsOf, residentBytesOf } from "./proc.ts";

const help = `npm run bench:tls -- [--rounds N] [--requests N] [--connections N] [--json FILE]

CPU time per request over TLS 1.3 with one cipher, and resident memory of an idle connection: Weir beside node:https and
node:http2. Both take turns in each round, so that a machine that is busy is so for both; a ratio is the median over the
rounds, each round's two turns divided by each other. h2load (Debian: nghttp2-client) asks.

  --rounds N        default 9
  --requests N      of one turn, default 60000; five times as many over HTTP/2
  --connections N   that are held idle, default 2000; 0 leaves that out
  --json FILE       also write what was measured
  --help            this text
`;

interface Contest {
  readonly name: string;
  readonly peer: string;
  readonly load: readonly string[];
  /** Turns have so many times the requests: CPU time is told in hundredths of a second. */
  readonly times: number;
}

const contests: readonly Contest[] = [
  { name: "HTTP/1.1, 64 connections", peer: "node:https", load: ["--h1", "-c", "64"], times: 1 },
  { name: "HTTP/2, 8 connections × 32 streams", peer: "node:http2", load: ["-c", "8", "-m", "32"], times: 5 },
];

interface Server {
  readonly child: ChildProcess;
  readonly port: number;
}

async function said<T>(child: ChildProcess, fits: (message: unknown) => message is T): Promise<T> {
  for (;;) {
    const [found] = (await once(child, "message", { signal: AbortSignal.timeout(60_000) })) as [unknown];
    if (fits(found)) return found;
  }
}

const isWord =
  <W extends string>(word: W) =>
  (message: unknown): message is W =>
    message === word;
const isPort = (message: unknown): message is { port: number } => typeof message === "object" && message !== null && "port" in message;

function child(file: string, args: readonly string[]): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), [...args], { env: { ...process.env, NODE_ENV: "production" } });
}

async function serverOf(kind: string): Promise<Server> {
  const started = child("./suts/tls-server.ts", [kind]);
  const { port } = await said(started, isPort);
  return { child: started, port };
}

/** Microseconds of the server's CPU for one request. */
async function turn({ child: served, port }: Server, load: readonly string[], requests: number): Promise<number> {
  const pid = served.pid ?? 0;
  const before = cpuMsOf(pid);
  const { stdout } = await promisify(execFile)("h2load", [...load, "-n", `${requests}`, `https://127.0.0.1:${port}/`]);
  if (!stdout.includes(` ${requests} succeeded, 0 failed`)) throw new Error(`expected ${requests} answers, found:\n${stdout}`);
  return ((cpuMsOf(pid) - before) * 1000) / requests;
}

async function settledBytes({ child: served }: Server): Promise<number> {
  served.send("collect");
  await said(served, isWord("collected"));
  await systemClock.sleep(200);
  return residentBytesOf(served.pid ?? 0);
}

async function hold({ port }: Server, count: number): Promise<ChildProcess> {
  const holder = child("./tls-holder.ts", [`${port}`, `${count}`]);
  await said(holder, isWord("open"));
  return holder;
}

async function idleBytes(kind: string, count: number): Promise<number> {
  const server = await serverOf(kind);
  const warm = await hold(server, 200);
  warm.kill();
  await systemClock.sleep(500);
  const before = await settledBytes(server);
  const holder = await hold(server, count);
  // Longer than the timing wheel takes to come round.
  await systemClock.sleep(15_000);
  const after = await settledBytes(server);
  holder.kill();
  server.child.kill();
  return Math.round((after - before) / count);
}

const middle = (values: readonly number[]): number => values.toSorted((left, right) => left - right)[values.length >> 1] ?? Number.NaN;

async function contend(contest: Contest, rounds: number, requests: number): Promise<Record<string, number>> {
  const [ours, theirs] = await Promise.all([serverOf("weir"), serverOf(contest.peer)]);
  for (const one of [ours, theirs]) await turn(one, contest.load, Math.ceil(requests / 3));
  const own: number[] = [];
  const other: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    own.push(await turn(ours, contest.load, requests));
    other.push(await turn(theirs, contest.load, requests));
  }
  for (const one of [ours, theirs]) one.child.kill();
  const ratios = own.map((micros, round) => (other[round] ?? Number.NaN) / micros).toSorted((left, right) => left - right);
  return { weir: middle(own), [contest.peer]: middle(other), ratio: middle(ratios), least: ratios[0] ?? 0, most: ratios.at(-1) ?? 0 };
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "9" },
      requests: { type: "string", default: "60000" },
      connections: { type: "string", default: "2000" },
      json: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  if (process.platform !== "linux" || programPath("h2load") === undefined) {
    process.stderr.write("expected Linux with h2load (Debian: nghttp2-client)\n");
    return 1;
  }
  const result: Record<string, Record<string, number>> = {};
  for (const contest of contests) {
    const found = await contend(contest, Number(values.rounds), Number(values.requests) * contest.times);
    result[contest.name] = found;
    const text = Object.entries(found).map(([name, value]) => `${name} ${value.toFixed(2)}`);
    process.stdout.write(`${contest.name}: ${text.join("  ")}\n`);
  }
  const count = Number(values.connections);
  if (count > 0) {
    const idle: Record<string, number> = {};
    for (const kind of ["weir", "node:https"]) idle[kind] = await idleBytes(kind, count);
    result["bytes of an idle connection"] = idle;
    process.stdout.write(`bytes of an idle connection: ${JSON.stringify(idle)}\n`);
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
  return 0;
}

process.exitCode = await main();
