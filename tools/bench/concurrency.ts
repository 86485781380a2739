import { writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { actors } from "./concurrency/actors.ts";
import { channels } from "./concurrency/channels.ts";
import type { FetchRun } from "./concurrency/fetches.ts";
import { measureFetches } from "./concurrency/fetches.ts";
import type { Approach } from "./concurrency/problems.ts";
import { upTo } from "./concurrency/problems.ts";
import { promises } from "./concurrency/promises.ts";
import type { ThreadRun } from "./concurrency/threads.ts";
import { moveBetweenThreads } from "./concurrency/threads.ts";

const help = `npm run bench:concurrency -- [--seconds N] [--json FILE]

The same three problems by promises, channels and actors (docs/concurrency.md): CPU time per task and per change, heap that a
task under way needs with 10,000 of them, and how many items wait before a consumer that is slower than the producer.
Then messages between two threads: the shared channel beside worker.postMessage, 16 bytes and 64 KiB. At last 10,000 fetches under
way at once from another process: memory of the process that makes them, by Weir's gRPC client, grpc-js and the platform's fetch.

  --seconds N   of each run between threads, default 3
  --json FILE   also write everything as JSON
  --help        this text

Example: npm run bench:concurrency -- --seconds 1
`;

interface ApproachRun {
  readonly name: string;
  readonly microsPerTask: number;
  readonly microsPerChange: number;
  readonly bytesPerTask: number;
  readonly waitingMax: number;
}

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const rounds = 5;
const tasks = 100_000;
const concurrent = 10_000;

function heapBytes(): number {
  const collect = (globalThis as { gc?: () => void }).gc;
  if (!collect) throw new Error("expected node --expose-gc, found no gc: use npm run bench:concurrency");
  collect();
  return process.memoryUsage().heapUsed;
}

/** Microseconds of CPU per item: the median of several rounds, the first of which only warms up. */
async function microsEach(count: number, run: () => Promise<unknown>): Promise<number> {
  const found: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const before = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(before);
    if (round > 0) found.push((user + system) / count);
  }
  return found.toSorted((left, right) => left - right)[rounds >> 1] ?? NaN;
}

/** Heap per task while all of them are under way. */
async function bytesPerTask({ pool }: Approach): Promise<number> {
  const gate = Promise.withResolvers<void>();
  const allBegun = Promise.withResolvers<void>();
  const before = heapBytes();
  let begun = 0;
  const work = async (task: number): Promise<number> => {
    if (++begun === concurrent) allBegun.resolve();
    await gate.promise;
    return task;
  };
  const running = pool(upTo(concurrent), { work, atOnce: concurrent });
  await allBegun.promise;
  const bytes = (heapBytes() - before) / concurrent;
  gate.resolve();
  await running;
  return bytes;
}

async function runApproach(name: string, approach: Approach): Promise<ApproachRun> {
  say(`  ${name} …`);
  const work = (task: number): Promise<number> => Promise.resolve(task);
  const amounts = [...upTo(10_000)];
  let waitingMax = 0;
  await approach.stream(upTo(2000), async (_, waiting) => {
    waitingMax = Math.max(waitingMax, waiting);
    await new Promise((resolve) => setImmediate(resolve));
  });
  return {
    name,
    microsPerTask: await microsEach(tasks, () => approach.pool(upTo(tasks), { work, atOnce: 100 })),
    microsPerChange: await microsEach(amounts.length, () => approach.totals(amounts, work)),
    bytesPerTask: await bytesPerTask(approach),
    waitingMax,
  };
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { seconds: { type: "string", default: "3" }, json: { type: "string" }, help: { type: "boolean" } },
  });
  const seconds = Number(values.seconds);
  if (values.help === true || !(seconds >= 0.1 && seconds <= 600)) {
    (values.help === true ? process.stdout : process.stderr).write(help);
    return values.help === true ? 0 : 2;
  }
  const approaches: ApproachRun[] = [];
  for (const [name, approach] of Object.entries({ promises, channels, actors })) approaches.push(await runApproach(name, approach));
  const threads: ThreadRun[] = [];
  for (const bytes of [16, 65_536]) {
    for (const way of ["shared", "shared, in place", "postMessage", "postMessage, transferred"] as const) {
      say(`  ${bytes} bytes between threads, ${way} …`);
      threads.push(await moveBetweenThreads({ way, bytes, durationMs: seconds * 1000 }));
    }
  }
  const fetches: FetchRun[] = [];
  for (const way of ["weir", "grpc-js", "fetch"] as const) {
    say(`  ${concurrent} fetches at once, ${way} …`);
    fetches.push(await measureFetches(way, concurrent));
  }
  process.stdout.write(tables(approaches, threads, fetches));
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ approaches, threads, fetches }, null, 2)}\n`);
  return 0;
}

function tables(approaches: readonly ApproachRun[], threads: readonly ThreadRun[], fetches: readonly FetchRun[]): string {
  const lines = ["              CPU a task  CPU a change  heap a task  waiting at most"];
  for (const { name, microsPerTask, microsPerChange, bytesPerTask: bytes, waitingMax } of approaches) {
    const cells = [`${microsPerTask.toFixed(2)} µs`.padStart(10), `${microsPerChange.toFixed(2)} µs`.padStart(12)];
    lines.push(`${name.padEnd(12)}  ${cells.join("  ")}  ${`${bytes.toFixed(0)} B`.padStart(11)}  ${String(waitingMax).padStart(15)}`);
  }
  lines.push("", "between threads            bytes  messages/s    GB/s");
  for (const { way, bytes, messagesPerSecond, gigabytesPerSecond } of threads) {
    const count = messagesPerSecond.toFixed(0).padStart(10);
    lines.push(`${way.padEnd(24)}  ${String(bytes).padStart(6)}  ${count}  ${gigabytesPerSecond.toFixed(2).padStart(6)}`);
  }
  lines.push("", "10,000 fetches at once  heap      resident  a fetch");
  for (const { way, count, heapBytes, residentBytes } of fetches) {
    const cells = [`${(heapBytes / 1e6).toFixed(0)} MB`.padStart(8), `${(residentBytes / 1e6).toFixed(0)} MB`.padStart(8)];
    lines.push(`${way.padEnd(20)}  ${cells.join("  ")}  ${`${(heapBytes / count).toFixed(0)} B`.padStart(7)}`);
  }
  return `${lines.join("\n")}\n`;
}

process.exitCode = await main();
