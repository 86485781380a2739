import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import process from "node:process";
import { systemClock } from "@weir/kit/clock";
import { programPath } from "../check/real-parts.ts";
import { freePort } from "../services/host.ts";
import type { Recorder } from "./recorder.ts";
import { createNodeRecorder, createWeirRecorder } from "./recorder.ts";

/** A server with a recording view: a recorder itself, or a proxy of the field with a recorder behind it. */
export interface Backend extends Recorder {
  readonly name: string;
}

/** Where a proxy is to listen, whom it asks, and which folder is its own. */
interface ProxyPlace {
  readonly port: number;
  readonly sinkPort: number;
  readonly folder: string;
}

interface Proxy {
  readonly name: string;
  /** Name of its program. */
  readonly program: string;
  configuration(place: ProxyPlace): string;
  command(program: string, file: string, folder: string): readonly string[];
}

const isRoot = process.getuid?.() === 0;
const startMsMax = 10_000;

const nginx: Proxy = {
  name: "nginx",
  program: "nginx",
  configuration: ({ port, sinkPort, folder }) => `
${isRoot ? "user root;" : ""}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections 256; }
http {
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`).join(" ")}
  access_log off;
  keepalive_requests 1000000;
  upstream sink { server 127.0.0.1:${sinkPort}; keepalive 4; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://sink;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      # A client that has ended its direction still wants its answer.
      proxy_ignore_client_abort on;
    }
  }
}
`,
  command: (program, file, folder) => [program, "-p", folder, "-e", `${folder}/error.log`, "-c", file],
};

const apache: Proxy = {
  name: "Apache",
  program: "apache2",
  configuration: ({ port, sinkPort, folder }) => `
ServerRoot ${folder}
DefaultRuntimeDir ${folder}
PidFile ${folder}/apache.pid
ErrorLog ${folder}/error.log
${isRoot ? "User nobody\nGroup nogroup" : ""}
ServerName localhost
Listen 127.0.0.1:${port}
${["mpm_event", "authz_core", "proxy", "proxy_http"].map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join("\n")}
StartServers 1
ServerLimit 2
MaxKeepAliveRequests 0
AllowEncodedSlashes NoDecode
ProxyPass / http://127.0.0.1:${sinkPort}/ nocanon
ProxyPreserveHost On
`,
  command: (program, file, folder) => [program, "-d", folder, "-f", file, "-DFOREGROUND"],
};

const haproxy: Proxy = {
  name: "HAProxy",
  program: "haproxy",
  configuration: ({ port, sinkPort }) => `
global
  maxconn 200
  nbthread 1
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
  timeout http-request 5s
frontend clients
  bind 127.0.0.1:${port}
  default_backend sink
backend sink
  server sink 127.0.0.1:${sinkPort}
`,
  command: (program, file) => [program, "-f", file, "-db"],
};

const proxies = [nginx, apache, haproxy];

/** The programs of proxies that are not on this machine. */
export function missingProxies(): string[] {
  return proxies.map(({ program }) => program).filter((program) => programPath(program) === undefined);
}

/** Starts all five: three proxies of the field with recorders behind them, node:http, and our own server. Their files go into `folder`. */
export async function startBackends(folder: string): Promise<Backend[]> {
  const started: Backend[] = [];
  try {
    for (const proxy of proxies) started.push(await startProxy(proxy, `${folder}/${proxy.program}`));
    started.push({ name: "node:http", ...(await createNodeRecorder()) }, { name: "weir", ...(await createWeirRecorder()) });
    return started;
  } catch (error) {
    await Promise.all(started.map((one) => one.stop()));
    throw error;
  }
}

async function startProxy(proxy: Proxy, folder: string): Promise<Backend> {
  const program = programPath(proxy.program);
  if (program === undefined) throw new Error(`expected ${proxy.program}, found none: node tools/services.ts up installs it`);
  const sink = await createNodeRecorder();
  const port = await freePort(0);
  mkdirSync(folder, { recursive: true });
  const file = `${folder}/${proxy.program}.conf`;
  writeFileSync(file, proxy.configuration({ port, sinkPort: sink.port, folder }));
  const log = openSync(`${folder}/output.log`, "a");
  const [command = "", ...args] = proxy.command(program, file, folder);
  const child = spawn(command, args, { cwd: folder, stdio: ["ignore", log, log] });
  // A proxy that is killed leaves its workers behind.
  const abandon = (): void => void child.kill("SIGTERM");
  process.once("exit", abandon);
  child.once("exit", () => process.removeListener("exit", abandon));
  const stop = async (): Promise<void> => {
    await stopped(child);
    await sink.stop();
  };
  const untilMs = performance.now() + startMsMax;
  while (!(await listens(port))) {
    if (child.exitCode === null && performance.now() < untilMs) {
      await systemClock.sleep(20);
      continue;
    }
    await stop();
    throw new Error(
      `${proxy.name} did not listen (exit code ${child.exitCode}); it said:\n${readFileSync(`${folder}/output.log`, "utf8")}`,
    );
  }
  return { name: proxy.name, port, taken: sink.taken, stop };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => void child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const kill = setTimeout(() => child.kill("SIGKILL"), 5000);
  await ended;
  clearTimeout(kill);
}
