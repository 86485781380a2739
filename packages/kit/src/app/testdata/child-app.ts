import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../clock.ts";

/** One line of an app's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly message: string };

/** The sample app as a process of its own. */
export interface ChildApp extends AsyncDisposable {
  readonly process: ChildProcess;
  readonly lines: readonly LogLine[];
  /** The first line with this message; rejects after ten seconds with what was logged instead. */
  logged(message: string): Promise<LogLine>;
  /** Code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

/** Starts the sample app with these variables. `await using` kills it. */
export function spawnSample(
  variables: Readonly<Record<string, string>> = {},
  options: { readonly stderr?: "inherit" | "ignore" } = {},
): ChildApp {
  const main = fileURLToPath(new URL("./sample-app.ts", import.meta.url));
  const inherited = Object.entries(process.env).filter(([name]) => !/^(WEIR|SAMPLE)_/.test(name));
  const env = { ...Object.fromEntries(inherited), ...variables };
  const child = spawn(process.execPath, [main], { env, stdio: ["ignore", "pipe", options.stderr ?? "inherit"] });
  const lines: LogLine[] = [];
  let rest = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) lines.push(JSON.parse(part) as LogLine);
  });
  const ended = once(child, "close").then(([code, signal]) => (code ?? signal) as number | string);
  return {
    process: child,
    lines,
    ended,
    async logged(message) {
      const untilMs = performance.now() + 10_000;
      for (;;) {
        const line = lines.find((each) => each.message === message);
        if (line) return line;
        if (performance.now() > untilMs) throw new Error(`Expected "${message}", found ${JSON.stringify(lines)}.`);
        await systemClock.sleep(5);
      }
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** The port of "127.0.0.1:4711". */
export function portOf(address: unknown): number {
  return Number(String(address).split(":").at(-1));
}
