import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { systemClock } from "@weir/kit/clock";
import { fault } from "@weir/kit/fault";
import { Registry, State } from "@weir/kit/app/registry";
import { createClient } from "@weir/kit/rpc/client";
import type { Transport } from "@weir/kit/rpc/transport";
import { Role } from "@weir/api/identity";
import { Routes } from "@weir/api/routes";
import type { Command, Invocation, Io } from "./command.ts";
import { wholeNumber } from "./command.ts";
import { buildConsole } from "./console-build.ts";
import { controlTransport, devDirectory, saveCredentials } from "./credentials.ts";
import type { DevPlan } from "./dev-plan.ts";
import { controlProcess, controlUrlOf, feedProcesses, gatewayProcess, loadProcess } from "./dev-plan.ts";
import { createLink } from "./link.ts";
import type { Processes } from "./processes.ts";
import { createProcesses } from "./processes.ts";
import { cliReasons } from "./reasons.ts";
import { stopped } from "./settings.ts";

const readyMsMax = 60_000;
const stopMsMax = 10_000;

/** `weir dev`: control, gateway, console and the feed in two versions, on this machine. */
export const devCommand: Command = {
  name: "dev",
  summary: "run the whole house on this machine: control, gateway, console, feed v1 and v2",
  help: `
Usage: weir dev [--port 8080] [--control-port 7070] [--instances 2] [--rate 40]

Starts the control plane with its console, the gateway, two versions of the feed example and made-up users that ask
for pages, each in a process of its own, restarts what ends, and prints a one-time link to the console.
State and logs are kept in .weir/dev; Ctrl-C stops everything.

  --port          of the gateway; its admin port is one higher
  --control-port  of control and console; its admin port is one higher
  --instances     of each version, 1 to 8
  --rate          requests a second of the made-up users, 0 to 2000

Example:
  weir dev --rate 0
  curl 'http://127.0.0.1:8080/v1/feed?userId=u1'`,
  options: { port: { type: "string" }, "control-port": { type: "string" }, instances: { type: "string" }, rate: { type: "string" } },
  run: runDev,
};

async function runDev(invocation: Invocation): Promise<number> {
  const { io } = invocation;
  const plan = planFrom(invocation);
  const step = stepWriter(io, systemClock.monotonicMs());
  step("console", await buildConsole({ root: plan.root, signal: io.signal }));
  mkdirSync(plan.directory, { recursive: true });
  const processes = createProcesses({
    directory: plan.directory,
    clock: systemClock,
    onTrouble: (name, line) => {
      if (!io.signal.aborted) io.err(`  ${name}: ${line.slice(0, 400)}`);
    },
  });
  try {
    await startAll({ plan, processes, io, step });
    await stopped(io.signal);
  } finally {
    io.err("Stopping.");
    await processes.stop(stopMsMax);
  }
  return 0;
}

function planFrom(invocation: Invocation): DevPlan {
  const root = resolve(import.meta.dirname, "..", "..", "..");
  return {
    gatewayPort: wholeNumber(invocation, "port", { min: 1, max: 65_534 }) ?? 8080,
    controlPort: wholeNumber(invocation, "control-port", { min: 1, max: 65_534 }) ?? 7070,
    instances: wholeNumber(invocation, "instances", { min: 1, max: 8 }) ?? 2,
    rate: wholeNumber(invocation, "rate", { min: 0, max: 2000 }) ?? 40,
    directory: resolve(devDirectory),
    main: join(root, "packages", "cli", "src", "main.ts"),
    root,
    tokens: { admin: createToken(), instance: createToken(), dataPlane: createToken() },
  };
}

/** Text of a token: 256 random bits behind the prefix by which leak scanners know it. */
function createToken(): string {
  return `weir_${randomBytes(32).toString("base64url")}`;
}

type Step = (name: string, done: string) => void;

interface Start {
  readonly plan: DevPlan;
  readonly processes: Processes;
  readonly io: Io;
  readonly step: Step;
}

async function startAll({ plan, processes, io, step }: Start): Promise<void> {
  const credentials = { controlUrl: controlUrlOf(plan), token: plan.tokens.admin };
  const transport = controlTransport(credentials);
  const ready = { processes, signal: io.signal };
  processes.start(controlProcess(plan));
  await until("control", () => answers(`http://127.0.0.1:${plan.controlPort + 1}/readyz`), ready);
  saveCredentials(plan.directory, credentials);
  step("control", controlUrlOf(plan));
  for (const version of ["v1", "v2"]) {
    for (const spec of feedProcesses(plan, version)) processes.start(spec);
    await until(`feed ${version}`, async () => (await instancesOf(transport, version)) >= plan.instances, ready);
    step(`feed ${version}`, `${plan.instances} instances are serving`);
  }
  await putRoute(transport);
  processes.start(gatewayProcess(plan));
  const page = `http://127.0.0.1:${plan.gatewayPort}/v1/feed?userId=u1`;
  await until("gateway", () => answers(page), ready);
  step("gateway", `http://127.0.0.1:${plan.gatewayPort}`);
  if (plan.rate > 0) processes.start(loadProcess(plan));
  io.out("");
  io.out(`Ask for a page:   curl '${page}'`);
  io.out(`Move users here:  ${await createLink(credentials, { role: Role.OPERATOR, name: "console" })}`);
  io.out("The link signs in once, within 10 minutes; `npx weir link` makes another. Ctrl-C stops everything.");
}

/** The route that leads to the feed, made once: whoever changed it since keeps the change. */
async function putRoute(transport: Transport): Promise<void> {
  const routes = createClient(Routes, transport);
  const { routes: present } = await routes.listRoutes({}, { timeoutMs: 5000 });
  if (present.some((route) => route.name === "feed")) return;
  const route = {
    name: "feed",
    host: "",
    pathPrefix: "/v1/feed",
    service: "feed",
    userIdSources: [
      { source: { case: "query", value: "userId" } as const },
      { source: { case: "header", value: "x-user-id" } as const },
    ],
    timeoutMs: 0,
  };
  await routes.putRoute({ route, reason: "the example that weir dev runs" }, { timeoutMs: 5000 });
}

async function instancesOf(transport: Transport, version: string): Promise<number> {
  const { instances } = await createClient(Registry, transport).listInstances({ service: "feed" }, { timeoutMs: 2000 });
  return instances.filter((status) => status.instance?.version === version && status.live && status.state === State.SERVING).length;
}

async function answers(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
  await response.arrayBuffer();
  return response.status === 200;
}

/** Asks until the answer is yes; trouble on the way counts as no. Rejects with START_TIMED_OUT or PROCESS_FAILED. */
async function until(name: string, ask: () => Promise<boolean>, { processes, signal }: { processes: Processes; signal: AbortSignal }): Promise<void> {
  const endMs = systemClock.monotonicMs() + readyMsMax;
  while (!(await ask().catch(() => false))) {
    if (signal.aborted) throw signal.reason;
    const failed = processes.ended().find(({ ends }) => ends >= 3);
    if (failed) throw fault(cliReasons.PROCESS_FAILED, `expected ${failed.name} to keep running, found that it ended ${failed.ends} times: ${failed.lastWords}`);
    if (systemClock.monotonicMs() > endMs) throw fault(cliReasons.START_TIMED_OUT, `expected ${name} to be ready within ${readyMsMax / 1000} s`);
    await systemClock.sleep(100, signal);
  }
}

function stepWriter(io: Io, startMs: number): Step {
  const mark = io.terminal ? "\u001b[32m✓\u001b[0m" : "✓";
  return (name, done) => {
    const seconds = ((systemClock.monotonicMs() - startMs) / 1000).toFixed(1);
    io.err(`${mark} ${name.padEnd(8)} ${done} (${seconds} s)`);
  };
}
