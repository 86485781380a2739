import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { systemClock } from "@weir/kit/clock";
import { freePort } from "../services/host.ts";
import { ask } from "./ask.ts";
import type { Scheme } from "./load.ts";

/** Something that can be started and answers HTTP or gRPC. */
export interface Contestant {
  readonly name: string;
  /** The command that serves on 127.0.0.1:`port`. `folder` is its own; `backendPort` is who to ask, when there is one. */
  command(place: Place): readonly string[];
}

/** Where a contestant is to be. */
export interface Place {
  readonly port: number;
  readonly folder: string;
  readonly backendPort: number;
  /** Files of a certificate and its key, when TLS is wanted. */
  readonly tls?: TlsFiles | undefined;
}

/** Where a certificate and its key lie. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** A contestant that runs. */
export interface Running {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

/** How to start one. */
export interface StartOptions {
  readonly folder: string;
  readonly backendPort: number;
  /** Cores that it may use, as taskset(1) writes them. */
  readonly cores: string;
  /** Path that answers 200 once it serves. */
  readonly path: string;
  /** What it speaks. Default "http". */
  readonly scheme?: Scheme | undefined;
  readonly tls?: TlsFiles | undefined;
}

const startMsMax = 20_000;
const stopMsMax = 5_000;

/** Ends this process on SIGINT and SIGTERM, and with it every contestant. For the mains of benches. */
export function endOnSignals(): void {
  process.once("SIGINT", () => process.exit(130));
  process.once("SIGTERM", () => process.exit(143));
}

/** Starts a contestant on its cores and waits until it answers. Its output goes to a file, where it costs us nothing. */
export async function start(contestant: Contestant, options: StartOptions): Promise<Running> {
  const port = await freePort(0);
  const command = contestant.command({ port, folder: options.folder, backendPort: options.backendPort, tls: options.tls });
  const logPath = `${options.folder}/output.log`;
  const log = openSync(logPath, "a");
  const child = spawn("taskset", ["-c", options.cores, ...command], {
    cwd: options.folder,
    stdio: ["ignore", log, log],
    env: { ...process.env, NODE_ENV: "production" },
  });
  closeSync(log);
  // A bench that is interrupted must not leave a server behind that keeps a core.
  const abandon = (): void => void child.kill("SIGKILL");
  process.prependOnceListener("exit", abandon);
  child.once("exit", () => process.removeListener("exit", abandon));
  const running: Running = { name: contestant.name, pid: child.pid ?? 0, port, stop: () => stop(child) };
  const untilMs = performance.now() + startMsMax;
  while (!(await answers({ port, path: options.path }, options.scheme ?? "http"))) {
    if (child.exitCode === null && performance.now() < untilMs) {
      await systemClock.sleep(50);
      continue;
    }
    await running.stop();
    const said = readFileSync(logPath, "utf8").trim().split("\n").slice(-20).join("\n");
    throw new Error(`${contestant.name} did not answer 200 within ${startMsMax} ms (exit code ${child.exitCode}); it said:\n${said}`);
  }
  return running;
}

async function answers(place: { readonly port: number; readonly path: string }, scheme: Scheme): Promise<boolean> {
  try {
    return (await ask(place, scheme)).status === 200;
  } catch {
    return false;
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => void child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const kill = setTimeout(() => child.kill("SIGKILL"), stopMsMax);
  await ended;
  clearTimeout(kill);
}
