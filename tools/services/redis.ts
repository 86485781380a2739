import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { systemClock } from "@weir/kit/clock";
import { programPath } from "../check/real-parts.ts";
import type { Say } from "./host.ts";
import { freePort, runCommand, ServiceError } from "./host.ts";
import type { ServiceState } from "./state.ts";
import { newPassword, readState, servicesFolder, writeState } from "./state.ts";

const portWanted = 56379;
const startMsMax = 15_000;

function serverUrl(state: ServiceState): string {
  return `redis://:${state.password}@127.0.0.1:${state.port}`;
}

/** The address of the running server; undefined when it does not run. */
export async function redisUrl(root: string): Promise<string | undefined> {
  const state = readState(root, "redis");
  return state !== undefined && (await answers(state)) ? serverUrl(state) : undefined;
}

/** Starts the server, which keeps nothing on disk; answers its address once it takes commands. */
export async function startRedis(root: string, say: Say): Promise<string> {
  const running = await redisUrl(root);
  if (running !== undefined) return running;
  const program = programPath("redis-server") ?? programPath("valkey-server");
  if (program === undefined) throw new ServiceError("expected redis-server, found none");
  const before = readState(root, "redis");
  const state: ServiceState = {
    folder: `${servicesFolder(root)}/redis`,
    port: await freePort(before?.port ?? portWanted),
    password: before?.password ?? newPassword(),
  };
  mkdirSync(state.folder, { recursive: true });
  const settings = {
    bind: "127.0.0.1",
    port: state.port,
    dir: state.folder,
    daemonize: "yes",
    pidfile: pidPath(state),
    logfile: `${state.folder}/server.log`,
    requirepass: state.password,
    save: '""',
    appendonly: "no",
  };
  const configPath = `${state.folder}/redis.conf`;
  const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}\n`);
  writeFileSync(configPath, lines.join(""));
  chmodSync(configPath, 0o600);
  writeState(root, "redis", state);
  say(`starting Redis on 127.0.0.1:${state.port} …`);
  await runCommand(program, [configPath]);
  const untilMs = performance.now() + startMsMax;
  while (!(await answers(state))) {
    if (performance.now() > untilMs)
      throw new ServiceError(`Redis did not answer within ${startMsMax} ms; its log is ${state.folder}/server.log`);
    await systemClock.sleep(50);
  }
  return serverUrl(state);
}

/** Stops the server that we started. */
export async function stopRedis(root: string): Promise<boolean> {
  const state = readState(root, "redis");
  if (state === undefined || !(await answers(state))) return false;
  const pid = existsSync(pidPath(state)) ? Number(readFileSync(pidPath(state), "utf8")) : 0;
  if (pid === 0) throw new ServiceError(`Redis runs, but ${pidPath(state)} is gone; stop it by hand`);
  process.kill(pid, "SIGTERM");
  const untilMs = performance.now() + startMsMax;
  while (existsSync(`/proc/${pid}`)) {
    if (performance.now() > untilMs) throw new ServiceError(`Redis (process ${pid}) did not stop within ${startMsMax} ms`);
    await systemClock.sleep(50);
  }
  return true;
}

function pidPath(state: ServiceState): string {
  return `${state.folder}/server.pid`;
}

/** Whether our server answers PING under our password; somebody else's at the same port does not. */
function answers(state: ServiceState): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(state.port, "127.0.0.1");
    let said = "";
    const end = (result: boolean): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1_000, () => end(false));
    socket.on("error", () => end(false));
    socket.on("close", () => end(false));
    socket.on("connect", () => socket.write(`AUTH ${state.password}\r\nPING\r\n`));
    socket.on("data", (chunk) => {
      said += chunk.toString("latin1");
      if (said.includes("-")) end(false);
      else if (said.includes("+PONG")) end(true);
    });
  });
}
