import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";

/** Gives progress to whoever waits, one line at a time. */
export type Say = (line: string) => void;

/** A real part could not be installed or started; the message says what to do about it. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
}

/** Settings of one command. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Runs it as this user, when we are root. */
  readonly user?: string;
  /** Default one minute. */
  readonly timeoutMs?: number;
}

/** Whether we may act for other users. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Runs a command and answers what it printed; rejects with a ServiceError that holds its last words. */
export function runCommand(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const asOther = options.user !== undefined && isRoot();
  const words = asOther ? ["runuser", "-u", options.user, "--", command, ...args] : [command, ...args];
  const [first = "", ...rest] = words.filter((word) => word !== undefined);
  const settings = {
    env: { ...process.env, ...options.env },
    cwd: options.cwd ?? "/",
    timeout: options.timeoutMs ?? 60_000,
    maxBuffer: 1 << 24,
  };
  return new Promise((resolve, reject) => {
    execFile(first, rest, settings, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const said = `${stdout}${stderr}`.trim().split("\n").slice(-12).join("\n");
      reject(new ServiceError(`${[command, ...args].join(" ")} failed${said === "" ? `: ${error.message}` : `:\n${said}`}`));
    });
  });
}

/** Whether a command succeeds. */
export async function succeeds(command: string, args: readonly string[], options?: RunOptions): Promise<boolean> {
  return runCommand(command, args, options).then(
    () => true,
    () => false,
  );
}

/** Installs Debian packages, as root or by a sudo that asks nothing. Services that packages bring are not started. */
export async function installPackages(names: readonly string[], say: Say): Promise<void> {
  if (!existsSync("/usr/bin/apt-get"))
    throw new ServiceError(`expected Debian's apt-get to install ${names.join(", ")}, found none; install them by hand`);
  const sudo = isRoot() ? [] : ["sudo", "-n"];
  if (!isRoot() && !(await succeeds("sudo", ["-n", "true"]))) {
    throw new ServiceError(`installing ${names.join(", ")} needs root: sudo apt-get install ${names.join(" ")}`);
  }
  // A run level of 1 keeps Debian's packages from starting their services at the default ports.
  const environment = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"];
  const aptGet = (...args: string[]): Promise<string> => {
    const [command = "", ...rest] = [...sudo, ...environment, "apt-get", "-q", ...args];
    return runCommand(command, rest, { timeoutMs: 600_000 });
  };
  say(`installing ${names.join(", ")} (apt-get) …`);
  await aptGet("update");
  await aptGet("install", "-y", "--no-install-recommends", ...names);
}

/** The wanted port on the loopback address when it is free, else one that the system picks. */
export function freePort(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", () => (wanted === 0 ? reject(new ServiceError("no free port on 127.0.0.1")) : resolve(freePort(0))));
    server.listen(wanted, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : wanted;
      server.close(() => resolve(port));
    });
  });
}
