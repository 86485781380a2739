import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { programPath } from "../check/real-parts.ts";
import { buildGoLoad } from "./go-peers.ts";
import { greetFrames } from "./grpc-frames.ts";

/** What a load speaks. With "ws" a request is a message and its echo; with "grpc" and "grpcs" (over TLS) a unary call. */
export type Scheme = "http" | "ws" | "grpc" | "grpcs";

/** What a load did. */
export interface LoadResult {
  readonly requests: number;
  readonly durationMs: number;
  /** Answers other than 200 or grpc-status 0, and connections that broke. */
  readonly failures: number;
  readonly latencyMsP99: number;
  /** Requests that were to be made, when there was a rate. */
  readonly due?: number;
}

/** A load: `connections` keep-alive connections that ask without pause. */
export interface LoadOptions {
  /** In its path, {user} stands for a number that changes from request to request. */
  readonly url: string;
  /** How many numbers {user} goes through. Default 5000. */
  readonly users?: number;
  /**
   * Users in turn (0, the default), or by chance and not equally often: number k in proportion to 1 / (k + skew), which
   * is the law of Zipf and Mandelbrot. The smaller the skew, the more the first ones ask.
   */
  readonly skew?: number;
  readonly connections: number;
  /** Calls at once on each connection; for gRPC only. Default 1. */
  readonly streams?: number;
  /** Calls a second, at equal distances whatever the answers do; for gRPC only. Default 0: as many as are answered. */
  readonly rate?: number;
  readonly seconds: number;
  /** Cores that it may use, as taskset(1) writes them. */
  readonly cores: string;
  /** Who makes a load of gRPC. Default "go" where there is one. */
  readonly grpcBy?: "go" | "node";
}

/** Who makes the load: wrk when it is installed, else our own, which needs more CPU. */
export function loadTool(): "wrk" | "own" {
  return programPath("wrk") === undefined ? "own" : "wrk";
}

/** Loads a URL and answers what happened. `started` is told the process id. */
export async function load(options: LoadOptions, started: (pid: number) => void = () => {}): Promise<LoadResult> {
  const { seconds, cores } = options;
  const isWrk = options.url.startsWith("http:") && loadTool() === "wrk";
  const command = isWrk ? wrkCommand(options) : ((await goCommandOf(options)) ?? commandOf(options));
  const child = spawn("taskset", ["-c", cores, ...command], { stdio: ["ignore", "pipe", "pipe"], timeout: (seconds + 30) * 1000 });
  started(child.pid ?? 0);
  const abandon = (): void => void child.kill("SIGKILL");
  process.prependOnceListener("exit", abandon);
  child.once("exit", () => process.removeListener("exit", abandon));
  let output = "";
  let complaints = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (complaints += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new Error(`${command.join(" ")} failed with ${code}:\n${output}${complaints}`);
  return isWrk ? resultFromWrk(output) : (JSON.parse(output) as LoadResult);
}

function wrkCommand({ url, connections, seconds, users = 5000, skew = 0 }: LoadOptions): string[] {
  const command = [programPath("wrk") ?? "wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "10s", "--latency"];
  const { origin } = new URL(url);
  if (!url.includes("{user}")) return [...command, url];
  return [
    ...command,
    "-s",
    fileURLToPath(new URL("./users.lua", import.meta.url)),
    origin,
    "--",
    url.slice(origin.length),
    `${users}`,
    `${skew}`,
  ];
}

/** The load of ours that speaks what the URL says. */
function commandOf({ url, connections, seconds, users = 5000, skew = 0, streams = 1, rate = 0 }: LoadOptions): string[] {
  const scheme = url.slice(0, url.indexOf(":"));
  const [file, ...rest] =
    scheme === "ws" ? ["websocket-load.ts"] : scheme === "http" ? ["own-load.ts", users, skew] : ["grpc-load.ts", streams, rate];
  const path = fileURLToPath(new URL(`./${file}`, import.meta.url));
  return [process.execPath, path, url, `${connections}`, `${seconds}`, ...rest.map(String)];
}

/** The load in Go, for gRPC where it can be built. */
async function goCommandOf({ url, connections, seconds, streams = 1, rate = 0, grpcBy }: LoadOptions): Promise<string[] | undefined> {
  if (!url.startsWith("grpc") || grpcBy === "node") return undefined;
  const program = await buildGoLoad();
  if (program === undefined) return undefined;
  const to = new URL(url);
  const frames = Object.entries(greetFrames(to)).map(([name, bytes]) => [name, Buffer.from(bytes).toString("base64")]);
  const load = { port: Number(to.port), secure: to.protocol === "grpcs:", connections, seconds, streams, rate };
  return [program, JSON.stringify({ ...load, ...Object.fromEntries(frames) })];
}

const unitMs: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

/** Reads what wrk prints. */
export function resultFromWrk(output: string): LoadResult {
  const [, requests, duration, unit] = /(\d+) requests in ([\d.]+)(us|ms|s|m)\b/.exec(output) ?? [];
  if (requests === undefined) throw new Error(`expected wrk's summary, found:\n${output}`);
  const [, p99, p99Unit] = /^\s*99%\s+([\d.]+)(us|ms|s|m)$/m.exec(output) ?? [];
  const notFine = Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0);
  const broken = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output)?.slice(1) ?? [];
  return {
    requests: Number(requests),
    durationMs: Number(duration) * (unitMs[unit ?? "s"] ?? 1000),
    failures: broken.reduce((sum, one) => sum + Number(one), notFine),
    latencyMsP99: p99 === undefined ? 0 : Number(p99) * (unitMs[p99Unit ?? "ms"] ?? 1),
  };
}
