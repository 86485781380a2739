import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The feed as a process of its own. */
export interface FeedProcess extends AsyncDisposable {
  /** "http://127.0.0.1:40123". */
  readonly url: string;
  readonly adminUrl: string;
  /** Ends it as a supervisor does; resolves with its exit code. */
  stop(): Promise<number | null>;
  /** Ends it as a crash does. */
  kill(): void;
}

/** What to start. */
export interface FeedProcessOptions {
  /** The working directory. */
  readonly folder: string;
  readonly version: string;
  /** Default "main.ts". */
  readonly main?: string;
  /** More of its environment. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** Starts a process of the feed on ports that are free, and waits until it serves. Rejects with its log when it ends before. */
export async function startFeedProcess(options: FeedProcessOptions): Promise<FeedProcess> {
  const { folder, version, main: file = "main.ts", variables = {} } = options;
  const inherited = Object.entries(process.env).filter(([name]) => !/^(WEIR|FEED)_/.test(name));
  const env = { ...Object.fromEntries(inherited), WEIR_PORT: "0", WEIR_ADMIN_PORT: "0", WEIR_VERSION: version, ...variables };
  const main = fileURLToPath(new URL(`../${file}`, import.meta.url));
  const child = spawn(process.execPath, [main], { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"], timeout: 60_000 });
  const ended = once(child, "close").then(([code]) => code as number | null);
  const stop = (): Promise<number | null> => {
    if (child.exitCode === null) child.kill("SIGTERM");
    return ended;
  };
  const lines: string[] = [];
  let addresses: { address: string; adminAddress: string } | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    const said = JSON.parse(line) as { message: string; address: string; adminAddress: string };
    if (said.message === "listening") addresses = said;
    if (said.message === "serving" && addresses) break;
  }
  if (!addresses || child.exitCode !== null) throw new Error(`expected the feed to serve, found:\n${lines.join("\n")}`);
  child.stdout.resume();
  const { address, adminAddress } = addresses;
  return {
    url: `http://${address}`,
    adminUrl: `http://${adminAddress}`,
    stop,
    kill: () => void child.kill("SIGKILL"),
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
}
