import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { systemClock } from "@weir/kit/clock";
import { fault } from "@weir/kit/fault";
import type { Command, Invocation, Io } from "./command.ts";
import { wholeNumber } from "./command.ts";
import { buildConsole } from "./console-build.ts";
import { devDirectory } from "./credentials.ts";
import type { DevPlan } from "./dev-plan.ts";
import { portsOf } from "./dev-plan.ts";
import { startHouse } from "./dev-start.ts";
import { viewFromLine } from "./log-view.ts";
import { createProcesses } from "./processes.ts";
import { cliReasons } from "./reasons.ts";
import { stopped } from "./settings.ts";

const stopMsMax = 4000;
const nameWidth = 9;

/** `weir dev`: control, gateway, console and the feed in two versions, on this machine. */
export const devCommand: Command = {
  name: "dev",
  summary: "run the whole house on this machine: control, gateway, console, feed v1 and v2",
  help: `
Usage: weir dev [--port 8080] [--control-port 7070] [--instances 2] [--visitors 40]

Starts the control plane with its console, the gateway, two versions of the feed example, its recall, and made-up visitors
that ask for pages, each in a process of its own, starts again what ends, and prints a one-time link to the console.
State and logs are kept in .weir/dev and found again at the next start; Ctrl-C stops everything within 5 seconds.

  --port          of the gateway; its admin port is one higher
  --control-port  of control and console; its admin port is one higher
  --instances     of each version, 1 to 8
  --visitors      pages a second that the visitors ask for, 0 to 2000; 0 for nobody
  --json          one JSON object once everything serves, and no log lines

Example:
  weir dev --visitors 0
  curl 'http://127.0.0.1:8080/v1/feed?userId=u1'`,
  options: { port: { type: "string" }, "control-port": { type: "string" }, instances: { type: "string" }, visitors: { type: "string" } },
  run: runDev,
};

async function runDev(invocation: Invocation): Promise<number> {
  const { io, values } = invocation;
  const json = values["json"] === true;
  const plan = planFrom(invocation);
  for (const { port, option } of portsOf(plan)) await expectFree(port, option);
  const step = stepWriter(io, systemClock.monotonicMs());
  step("console", await buildConsole({ root: plan.root, signal: io.signal }));
  mkdirSync(plan.directory, { recursive: true });
  const processes = createProcesses({
    directory: plan.directory,
    clock: systemClock,
    onLine(name, line) {
      const view = json ? undefined : viewFromLine(name, line, { width: nameWidth, colours: io.terminal });
      if (view !== undefined) io.err(view);
    },
  });
  try {
    await startHouse({ plan, processes, io, step, json });
    await stopped(io.signal);
  } catch (error) {
    // Whoever stops it while it starts has not found a fault.
    if (!io.signal.aborted) throw error;
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
    visitors: wholeNumber(invocation, "visitors", { min: 0, max: 2000 }) ?? 40,
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

/** Rejects with PORT_TAKEN, which names the way out. */
function expectFree(port: number, option: string): Promise<void> {
  return new Promise((resolveFree, reject) => {
    const probe = createServer();
    probe.once("error", () => {
      const message = `expected port ${port} to be free, found it in use; choose another with ${option}`;
      reject(fault(cliReasons.PORT_TAKEN, message));
    });
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => probe.close(() => resolveFree()));
  });
}

function stepWriter(io: Io, startMs: number): (name: string, done: string) => void {
  const mark = io.terminal ? "\u001b[32m✓\u001b[0m" : "✓";
  return (name, done) => {
    const seconds = ((systemClock.monotonicMs() - startMs) / 1000).toFixed(1);
    io.err(`${mark} ${name.padEnd(8)} ${done} (${seconds} s)`);
  };
}
