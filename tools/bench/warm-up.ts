import { createClient as createHttpClient } from "@weir/wire";
import { systemClock } from "@weir/kit/clock";
import { createClient } from "@weir/kit/rpc/client";
import { createWireTransport } from "@weir/kit/rpc/node/transport";
import { Routes } from "@weir/api/routes";
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { freePort } from "../services/host.ts";
import { median } from "./verdict.ts";

// npm run bench:warm-up [-- rounds]: control, gateway and an instance that serves, each a process; requests come at a fixed rate through the
// gateway. An instance joins, by turns one that practises and one that does not; its first ten seconds are looked at, and then it leaves.

const rounds = Number(process.argv[2] ?? 3);
const ratePerSecond = 200;
const watchedMs = 10_000;
const root = fileURLToPath(new URL("../..", import.meta.url));
const tokens = { admin: token(), instance: token(), dataPlane: token() };
const folder = await mkdtemp(join(tmpdir(), "weir-warm-up-"));
const ports = { control: await freePort(0), controlAdmin: await freePort(0), gateway: await freePort(0), gatewayAdmin: await freePort(0) };
const children: ChildProcess[] = [];

interface Answered {
  readonly pid: string;
  /** CPU time that the instance's thread had used when it was asked, in microseconds. */
  readonly cpuUs: number;
  readonly atMs: number;
  readonly tookMs: number;
}

const answers: Answered[] = [];
const failures: string[] = [];
/** What is done to the instances when something fails. */
let phase = "start";

function token(): string {
  return crypto.randomUUID() + crypto.randomUUID();
}

function start(file: string, args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  const child = spawn(process.execPath, ["--no-warnings", join(root, file), ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "inherit"],
  });
  children.push(child);
  return child;
}

function instance(practises: boolean): ChildProcess {
  return start("tools/bench/workers/warm-up-instance.ts", [], {
    WEIR_CONTROL_URL: `http://127.0.0.1:${ports.control}`,
    WEIR_TOKEN: tokens.instance,
    WEIR_PORT: "0",
    WEIR_ADMIN_PORT: "0",
    WEIR_VERSION: "v1",
    PRACTISE: practises ? "1" : "0",
  });
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + 90_000;
  while (!(await condition())) {
    if (performance.now() > untilMs) throw new Error(`expected ${what} within 90 s`);
    await systemClock.sleep(20);
  }
}

const answersOk = (port: number, path: string): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: "close" } }).then(
    ({ ok }) => ok,
    () => false,
  );

/** User and system time of a process so far, in milliseconds. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function house(): Promise<void> {
  const admin = { WEIR_ADMIN_TOKEN: tokens.admin, WEIR_INSTANCE_TOKEN: tokens.instance, WEIR_DATA_PLANE_TOKEN: tokens.dataPlane };
  const main = "packages/cli/src/main.ts";
  const controlUrl = `http://127.0.0.1:${ports.control}`;
  const control = {
    WEIR_PORT: String(ports.control),
    WEIR_ADMIN_PORT: String(ports.controlAdmin),
    WEIR_STATE_DIRECTORY: join(folder, "control"),
  };
  start(main, ["control"], { ...admin, ...control });
  await until("control", () => answersOk(ports.controlAdmin, "/readyz"));
  const transport = createWireTransport({ url: controlUrl, metadata: ["authorization", `Bearer ${tokens.admin}`] });
  const route = { name: "hello", host: "", pathPrefix: "/v1/hello", service: "hello", userIdSources: [], timeoutMs: 0, idempotent: false };
  instance(true);
  const routes = createClient(Routes, transport);
  const put = (): Promise<boolean> =>
    routes.putRoute({ route, reason: "a bench" }, { timeoutMs: 5000 }).then(
      () => true,
      () => false,
    );
  await until("the first instance", put);
  await transport.close();
  const gateway = {
    WEIR_PORT: String(ports.gateway),
    WEIR_ADMIN_PORT: String(ports.gatewayAdmin),
    WEIR_STATE_DIRECTORY: join(folder, "gateway"),
  };
  start(main, ["gateway"], { ...gateway, WEIR_CONTROL_URL: controlUrl, WEIR_TOKEN: tokens.dataPlane });
  await until("the gateway", () => answersOk(ports.gateway, "/v1/hello/ada"));
}

/** At its rate, whether or not answers come back in time: latency counts from when a request was due. */
async function load(signal: AbortSignal): Promise<void> {
  const client = createHttpClient({ host: "127.0.0.1", port: ports.gateway });
  const startMs = performance.now();
  const pending = new Set<Promise<void>>();
  for (let made = 0; !signal.aborted; made++) {
    const dueMs = startMs + (made * 1000) / ratePerSecond;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await systemClock.sleep(waitMs);
    const one = ask(client, made, dueMs).finally(() => pending.delete(one));
    pending.add(one);
  }
  await Promise.all(pending);
  await client.close();
}

async function ask(client: ReturnType<typeof createHttpClient>, made: number, dueMs: number): Promise<void> {
  try {
    const { status, body } = await client.request({ method: "GET", target: `/v1/hello/u${made}`, headers: [] }, { timeoutMs: 10_000 });
    const chunks: Uint8Array[] = [];
    if (body instanceof Uint8Array) chunks.push(body);
    else if (body) for await (const chunk of body) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    if (status !== 200) return void failures.push(`${phase}: ${status} ${text.slice(0, 100)}`);
    const { tags } = JSON.parse(text) as { tags: string[] };
    const nowMs = performance.now();
    answers.push({ pid: tags[0] ?? "", cpuUs: Number(tags[1]), atMs: nowMs, tookMs: nowMs - dueMs });
  } catch (error) {
    failures.push(`${phase}: ${String(error)}`);
  }
}

interface Turn {
  readonly practises: boolean;
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of its first second alone. */
  readonly p99FirstMs: number;
  readonly worstMs: number;
  /** CPU of the instance's thread for one request, which does not depend on what else the machine does. */
  readonly cpuUsP50: number;
  readonly cpuUsP99: number;
  /** What the instance could have answered on a core of its own: its requests by its CPU time. */
  readonly perCpuSecond: number;
}

async function turn(practises: boolean): Promise<Turn> {
  phase = "joining";
  const child = instance(practises);
  const pid = String(child.pid);
  const own = (): Answered[] => answers.filter((answer) => answer.pid === pid);
  await until("its first answer", () => own().length > 0);
  const beganMs = own()[0]!.atMs;
  const cpuBefore = cpuMs(child.pid!);
  phase = "first ten seconds";
  await systemClock.sleep(watchedMs);
  const seen = own().filter(({ atMs }) => atMs < beganMs + watchedMs);
  const perCpuSecond = (seen.length / (cpuMs(child.pid!) - cpuBefore)) * 1000;
  phase = "leaving";
  child.kill("SIGTERM");
  await once(child, "exit");
  const first = seen.filter(({ atMs }) => atMs < beganMs + 1000);
  const times = { p50Ms: quantile(seen, 0.5), p99Ms: quantile(seen, 0.99), p99FirstMs: quantile(first, 0.99), worstMs: quantile(seen, 1) };
  const used = seen.map(({ cpuUs }) => cpuUs).toSorted((left, right) => left - right);
  const each = used.slice(1).map((value, index) => value - (used[index] ?? 0));
  const cpu = { cpuUsP50: shareOf(each, 0.5), cpuUsP99: shareOf(each, 0.99) };
  return { practises, requests: seen.length, ...times, ...cpu, perCpuSecond: round(perCpuSecond) };
}

function quantile(of: readonly Answered[], share: number): number {
  return shareOf(
    of.map(({ tookMs }) => tookMs),
    share,
  );
}

function shareOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
}

function counted(texts: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

const stop = new AbortController();
const turns: Turn[] = [];
try {
  await house();
  const loading = load(stop.signal);
  for (let number = 0; number < rounds; number++) {
    for (const practises of number % 2 === 0 ? [false, true] : [true, false]) {
      turns.push(await turn(practises));
      process.stderr.write(`${JSON.stringify(turns.at(-1))}\n`);
    }
  }
  stop.abort();
  await loading;
} finally {
  stop.abort();
  for (const child of children.toReversed()) child.kill("SIGTERM");
  const alive = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  await Promise.all(alive.map((child) => once(child, "exit")));
  await rm(folder, { recursive: true, force: true });
}
for (const practises of [false, true]) {
  const own = turns.filter((each) => each.practises === practises);
  const keys = ["p50Ms", "p99Ms", "p99FirstMs", "worstMs", "cpuUsP50", "cpuUsP99", "perCpuSecond"] as const;
  const medians = keys.map((key) => [key, median(own.map((each) => each[key]))] as const);
  const row = { practises, turns: own.length, ...Object.fromEntries(medians) };
  process.stdout.write(`${JSON.stringify(row)}\n`);
}
process.stdout.write(`${JSON.stringify({ requests: answers.length, failures: failures.length, kinds: counted(failures) })}\n`);
process.exitCode = failures.length > 0 ? 1 : 0;
