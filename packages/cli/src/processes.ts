import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Clock } from "@weir/kit/clock";

/** One process of `weir dev`. */
export interface ProcessSpec {
  readonly name: string;
  /** Arguments for node: the file and what it is given. */
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** Processes that are started in order, restarted when they end, and stopped in reverse. */
export interface Processes {
  start(spec: ProcessSpec): void;
  /** Names of those that are not running now, with their last words. */
  ended(): { name: string; ends: number; lastWords: string }[];
  pid(name: string): number | undefined;
  /**
   * SIGTERM to all but the first, then to the first, which the others lean on; SIGKILL to whoever is left after `graceMs`
   * in all.
   */
  stop(graceMs: number): Promise<void>;
}

/** Where the processes live, and who hears of their trouble. */
export interface ProcessesOptions {
  /** Logs go to `<directory>/logs/<name>.log`, process ids to `<directory>/processes.json`. */
  readonly directory: string;
  readonly clock: Clock;
  /** A line that a process has written, or one about its end and its next start. */
  onLine(name: string, line: string): void;
}

interface Running {
  readonly spec: ProcessSpec;
  child: ChildProcess | undefined;
  ends: number;
  lastWords: string;
}

const restartMsMin = 250;
const restartMsMax = 5000;

/** Processes that a run before left behind (it was killed) are ended first: they would hold the ports. */
export function createProcesses(options: ProcessesOptions): Processes {
  const { directory, clock } = options;
  mkdirSync(join(directory, "logs"), { recursive: true });
  const pidFile = join(directory, "processes.json");
  endLeftBehind(pidFile);
  const all: Running[] = [];
  const stopping = new AbortController();
  const record = (): void => {
    const running = all.flatMap(({ spec, child }) => (child?.pid === undefined ? [] : [{ pid: child.pid, args: spec.args }]));
    writeFileSync(pidFile, JSON.stringify(running));
  };
  const launch = (running: Running): void => {
    const child = launched(running, options);
    running.child = child;
    child.once("exit", (code, signal) => {
      running.child = undefined;
      running.ends += 1;
      record();
      if (stopping.signal.aborted) return;
      const waitMs = Math.min(restartMsMax, restartMsMin * 2 ** Math.min(running.ends - 1, 8));
      const level = "warn";
      options.onLine(
        running.spec.name,
        JSON.stringify({ level, message: `ended (${signal ?? `code ${code}`}), starts again in ${waitMs} ms` }),
      );
      clock.after(waitMs, () => {
        if (!stopping.signal.aborted) launch(running);
      });
    });
    record();
  };
  return {
    start(spec) {
      const running: Running = { spec, child: undefined, ends: 0, lastWords: "" };
      all.push(running);
      launch(running);
    },
    ended: () => all.filter(({ child }) => child === undefined).map(({ spec, ends, lastWords }) => ({ name: spec.name, ends, lastWords })),
    pid: (name) => all.find(({ spec }) => spec.name === name)?.child?.pid,
    async stop(graceMs) {
      stopping.abort();
      const endMs = clock.monotonicMs() + graceMs;
      const [first, ...rest] = all;
      for (const wave of [rest, first === undefined ? [] : [first]]) {
        const left = { graceMs: Math.max(0, endMs - clock.monotonicMs()), clock };
        await Promise.all(wave.flatMap(({ child }) => (child ? [endChild(child, left)] : [])));
      }
      writeFileSync(pidFile, "[]");
    },
  };
}

function launched(running: Running, { directory, onLine }: ProcessesOptions): ChildProcess {
  const { name, args, environment } = running.spec;
  // A group of its own: Ctrl-C reaches weir dev alone, which then stops everything in order.
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const log = createWriteStream(join(directory, "logs", `${name}.log`), { flags: "a" });
  child.stdout.pipe(log, { end: false });
  child.once("close", () => log.end());
  for (const [stream, isError] of [
    [child.stdout, false],
    [child.stderr, true],
  ] as const) {
    createInterface({ input: stream }).on("line", (line) => {
      if (isError) log.write(`${line}\n`);
      if (isError || line.includes('"level":"error"')) running.lastWords = line;
      onLine(name, line);
    });
  }
  return child;
}

async function endChild(child: ChildProcess, { graceMs, clock }: { graceMs: number; clock: Clock }): Promise<void> {
  await new Promise<void>((resolve) => {
    const cancel = clock.after(graceMs, () => child.kill("SIGKILL"));
    child.once("exit", () => {
      cancel();
      resolve();
    });
    if (child.exitCode !== null || child.signalCode !== null || !child.kill("SIGTERM")) {
      cancel();
      resolve();
    }
  });
}

/** Only a process that still runs the very command is ended: its id may have gone to another since. */
function endLeftBehind(pidFile: string): void {
  if (!existsSync(pidFile)) return;
  let left: { pid: number; args: string[] }[];
  try {
    left = JSON.parse(readFileSync(pidFile, "utf8")) as typeof left;
  } catch {
    return;
  }
  for (const { pid, args } of left) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(1, -1);
      if (command.join(" ") === args.join(" ")) process.kill(pid, "SIGKILL");
    } catch {
      // It has ended, or this system has no /proc to tell: nothing to do.
    }
  }
}
