import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { systemClock } from "@weir/kit/clock";
import { freePort } from "../services/host.ts";
import { residentBytesOf } from "./proc.ts";

const help = `node tools/bench/websocket-idle.ts [--sessions N] [--json FILE]

Resident memory of an idle WebSocket session, Weir beside ws, one after the other: N sessions are opened from another
process, everything is left alone for 15 seconds, garbage is collected, and the growth of the server's resident memory is
divided by N. The kernel's own memory for a socket comes on top and is the same for all.

  --sessions N   default 10000
  --json FILE    also write { "<contestant>": bytes, … }
  --help         this text
`;

const contestants: Readonly<Record<string, string>> = {
  weir: "./suts/websocket-weir.ts",
  "weir, for await": "./suts/websocket-weir-pull.ts",
  ws: "./suts/websocket-ws.ts",
};
// Longer than it takes the timing wheel to come round, so that nothing of the handshakes is held any more.
const restMs = 15_000;

async function said(child: ChildProcess, word: string): Promise<void> {
  for (;;) {
    const [found] = (await once(child, "message", { signal: AbortSignal.timeout(60_000) })) as [unknown];
    if (found === word) return;
  }
}

async function settledBytes(child: ChildProcess): Promise<number> {
  child.send("collect");
  await said(child, "collected");
  await systemClock.sleep(200);
  return residentBytesOf(child.pid ?? 0);
}

function start(file: string, args: readonly string[]): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), [...args], { env: { ...process.env, NODE_ENV: "production" } });
}

async function hold(port: number, count: number): Promise<ChildProcess> {
  const holder = start("./websocket-holder.ts", [`${port}`, `${count}`]);
  await said(holder, "open");
  return holder;
}

async function bytesPerSession(file: string, count: number): Promise<number> {
  const port = await freePort(0);
  const server = start(file, [`${port}`]);
  await said(server, "ready");
  // Code is compiled and pools are filled before the first look.
  const warm = await hold(port, 300);
  warm.kill();
  await systemClock.sleep(500);
  const before = await settledBytes(server);
  const holder = await hold(port, count);
  await systemClock.sleep(restMs);
  const after = await settledBytes(server);
  holder.kill();
  server.kill();
  return Math.round((after - before) / count);
}

const { values } = parseArgs({
  options: { sessions: { type: "string", default: "10000" }, json: { type: "string" }, help: { type: "boolean" } },
});
if (values.help) process.stdout.write(help);
else {
  const result: Record<string, number> = {};
  for (const [name, file] of Object.entries(contestants)) {
    result[name] = await bytesPerSession(file, Number(values.sessions));
    process.stdout.write(`${name.padEnd(16)} ${result[name]} bytes a session\n`);
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
}
