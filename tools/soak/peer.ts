import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { keptPort } from "./kept-port.ts";

/** A server in another process that is ended and started again on the same port. */
export interface Peer {
  readonly port: number;
  /** Ends it, with a drain or at once, and starts it again; resolves when it serves. */
  restart(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  stop(): Promise<void>;
}

const main = fileURLToPath(new URL("./peer-main.ts", import.meta.url));
const startMsMax = 20_000;

/** Starts one. */
export async function startPeer(): Promise<Peer> {
  const port = await keptPort();
  let child = await started(port);
  return {
    port,
    async restart(signal) {
      await ended(child, signal);
      child = await started(port);
    },
    stop: () => ended(child, "SIGKILL"),
  };
}

async function started(port: number): Promise<ChildProcess> {
  const child = fork(main, [`${port}`], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  await once(child, "message", { signal: AbortSignal.timeout(startMsMax) });
  return child;
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill(signal);
  await gone;
}
