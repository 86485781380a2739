import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { Redis } from "ioredis";
import { Call } from "@weir/kit/call";
import { createCache } from "@weir/kit/cache";
import { jsonCodec } from "@weir/kit/cache/codec";
import { createMemoryStore } from "@weir/kit/cache/memory-store";
import { createRedisPool } from "@weir/kit/cache/redis-pool";
import { createRedisStore } from "@weir/kit/cache/redis-store";
import { createMetrics } from "@weir/kit/telemetry/metrics";
import { freePort } from "../services/host.ts";
import { programPath } from "../check/real-parts.ts";

const help = `npm run bench:cache -- [--seconds N] [--json FILE]

A cache over a Redis that is killed, started again, frozen and let go while 1,000 requests a second come in, whoever waits; beside
it the same by hand: GET, else load and SET, over ioredis as it is by default. A load takes 5 ms. Then what a hit costs in CPU time.
Redis is one of its own, on a free port.

  --seconds N   of each phase, 2 to 60, default 4
  --json FILE   also write everything as JSON
  --help        this text

Exit codes: 0 measured, 1 something failed, 2 the arguments are wrong.
`;

const perSecond = 1000;
const keys = 500;
const loadMs = 5;
const patienceMs = 1000;
const say = (line: string): void => void process.stderr.write(`${line}\n`);

interface Film {
  readonly title: string;
  readonly score: number;
}

/** Answers one request, or rejects. */
type Get = (key: string) => Promise<unknown>;

interface PhaseRun {
  readonly phase: string;
  readonly way: string;
  readonly requests: number;
  readonly failed: number;
  readonly loads: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly slowestMs: number;
}

const counts = { loads: 0 };

async function load(key: string): Promise<{ title: string; score: number }> {
  counts.loads += 1;
  await new Promise((resolve) => setTimeout(resolve, loadMs));
  return { title: key, score: key.length / 7 };
}

/** Requests come when they are due, however many still wait; each has a second. */
async function underLoad(get: Get, { phase, way, seconds }: { phase: string; way: string; seconds: number }): Promise<PhaseRun> {
  const latencies: number[] = [];
  const waiting = new Set<Promise<void>>();
  const before = counts.loads;
  const startMs = performance.now();
  let failed = 0;
  let sent = 0;
  const one = async (key: string, dueMs: number): Promise<void> => {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error("late")), patienceMs);
    try {
      await Promise.race([get(key), late.promise]);
    } catch {
      failed += 1;
    } finally {
      clearTimeout(timer);
      latencies.push(performance.now() - dueMs);
    }
  };
  while (sent < perSecond * seconds) {
    const due = Math.min(perSecond * seconds, Math.floor(((performance.now() - startMs) / 1000) * perSecond));
    for (; sent < due; sent++) {
      const asked = one(`film-${(sent * 7919) % keys}`, startMs + (sent / perSecond) * 1000);
      waiting.add(asked);
      void asked.finally(() => waiting.delete(asked));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(waiting);
  const sorted = latencies.toSorted((left, right) => left - right);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return { phase, way, requests: sent, failed, loads: counts.loads - before, p50Ms: at(0.5), p99Ms: at(0.99), slowestMs: at(1) };
}

/** A server that saves nothing, on a port of its own. */
async function startRedis(port: number, folder: string): Promise<ChildProcess> {
  const program = programPath("redis-server") ?? programPath("valkey-server");
  if (program === undefined) throw new Error("expected redis-server, found none: tools/services.ts up installs it");
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const chunk of child.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
    if ((chunk as string).includes("Ready to accept connections")) break;
  }
  child.stdout.resume();
  return child;
}

async function troubles(url: string, { port, folder, seconds }: { port: number; folder: string; seconds: number }): Promise<PhaseRun[]> {
  const runs: PhaseRun[] = [];
  for (const way of ["weir", "by hand"] as const) {
    let server = await startRedis(port, folder);
    const { get, close } = way === "weir" ? await ours(url) : await byHand(url);
    const phase = async (name: string): Promise<void> => {
      say(`  ${way}, ${name} …`);
      runs.push(await underLoad(get, { phase: name, way, seconds }));
    };
    try {
      await underLoad(get, { phase: "warm-up", way, seconds: 2 });
      await phase("at work");
      const ended = once(server, "exit");
      server.kill("SIGKILL");
      await ended;
      await phase("killed");
      server = await startRedis(port, folder);
      await phase("started again");
      server.kill("SIGSTOP");
      await phase("frozen");
      server.kill("SIGCONT");
      await phase("let go");
    } finally {
      close();
      server.kill("SIGCONT");
      const ended = once(server, "exit");
      server.kill("SIGKILL");
      await ended;
    }
  }
  return runs;
}

interface Way {
  readonly get: Get;
  /** The same in a call that is there anyway. */
  readonly getWithin: (key: string, call: Call) => Promise<unknown>;
  close(): void;
}

async function ours(url: string): Promise<Way> {
  const redis = createRedisPool({ url });
  await redis.ready();
  const store = createRedisStore<Film>({ redis, namespace: "bench", codec: jsonCodec<{ title: string; score: number }>() });
  const cache = createCache({ name: "bench", store, load, ttlMs: 600_000, metrics: createMetrics() });
  const getWithin = (key: string, call: Call): Promise<unknown> => cache.get(key, call);
  return { get: (key) => getWithin(key, new Call({ timeoutMs: patienceMs })), getWithin, close: () => redis.close() };
}

async function byHand(url: string): Promise<Way> {
  const redis = new Redis(url);
  redis.on("error", () => undefined);
  await once(redis, "ready");
  const get = async (key: string): Promise<unknown> => {
    const found = await redis.get(key);
    if (found !== null) return JSON.parse(found) as unknown;
    const film = await load(key);
    await redis.set(key, JSON.stringify(film), "PX", 600_000);
    return film;
  };
  return { get, getWithin: get, close: () => redis.disconnect() };
}

/** Microseconds of CPU of this process for one hit: the least of several rounds. */
async function microsEach(get: Get, atOnce: number): Promise<number> {
  await Promise.all(Array.from({ length: keys }, (_, key) => get(`film-${key}`)));
  let least = Infinity;
  for (let round = 0; round < 7; round++) {
    const before = process.cpuUsage();
    for (let done = 0; done < 50_000; done += atOnce)
      await Promise.all(Array.from({ length: atOnce }, (_, index) => get(`film-${(done + index) % keys}`)));
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 50_000);
  }
  return least;
}

async function hitCosts(url: string): Promise<Readonly<Record<string, number>>> {
  const memory = createCache({ name: "bench", store: createMemoryStore<Film>(), load, ttlMs: 600_000, metrics: createMetrics() });
  const call = new Call();
  const [own, hand] = [await ours(url), await byHand(url)];
  try {
    return {
      "in memory": await microsEach((key) => memory.get(key, call), 100),
      "over Redis": await microsEach((key) => own.getWithin(key, call), 100),
      "over Redis, by hand": await microsEach((key) => hand.getWithin(key, call), 100),
    };
  } finally {
    own.close();
    hand.close();
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { seconds: { type: "string", default: "4" }, json: { type: "string" }, help: { type: "boolean" } },
  });
  const seconds = Number(values.seconds);
  if (values.help === true || !(seconds >= 2 && seconds <= 60)) {
    (values.help === true ? process.stdout : process.stderr).write(help);
    return values.help === true ? 0 : 2;
  }
  const folder = mkdtempSync(`${tmpdir()}/weir-bench-cache-`);
  const port = await freePort(0);
  const url = `redis://127.0.0.1:${port}`;
  try {
    const phases = await troubles(url, { port, folder, seconds });
    say("  what a hit costs …");
    const server = await startRedis(port, folder);
    const costs = await hitCosts(url);
    const ended = once(server, "exit");
    server.kill("SIGKILL");
    await ended;
    process.stdout.write(tables(phases, costs));
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ phases, costs }, null, 2)}\n`);
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function tables(phases: readonly PhaseRun[], costs: Readonly<Record<string, number>>): string {
  const lines = ["Redis is        cache    requests  answered   loads      p50       p99   slowest"];
  for (const { phase, way, requests, failed, loads, p50Ms, p99Ms, slowestMs } of phases) {
    const answered = `${(100 * (1 - failed / requests)).toFixed(2)} %`.padStart(9);
    const times = [p50Ms, p99Ms, slowestMs].map((ms) => `${ms.toFixed(1)} ms`.padStart(9)).join(" ");
    lines.push(`${phase.padEnd(14)}  ${way.padEnd(8)} ${String(requests).padStart(7)}  ${answered}  ${String(loads).padStart(6)} ${times}`);
  }
  lines.push("", "a hit                CPU");
  for (const [name, micros] of Object.entries(costs)) lines.push(`${name.padEnd(20)} ${micros.toFixed(2)} µs`);
  return `${lines.join("\n")}\n`;
}

process.exitCode = await main();
