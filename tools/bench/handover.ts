import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { freePort } from "../services/host.ts";

// npm run bench:handover: two listeners on one port by SO_REUSEPORT, each replaced by turns, a successor first, while connections are made
// without pause. Counts connections that were reset, or closed unanswered. That an app's workers lose none is a test of kit.

const replacements = 20;
const connections = 32;
const listener = fileURLToPath(new URL("./workers/handover-listener.ts", import.meta.url));
const port = await freePort(0);

async function start(): Promise<ChildProcess> {
  const child = fork(listener, [String(port)]);
  await once(child, "message");
  return child;
}

function ask(): Promise<boolean> {
  return new Promise((resolve) => {
    let answered = false;
    const socket = net.connect({ port, host: "127.0.0.1" }, () => socket.write("?"));
    socket.on("data", () => (answered = true));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(answered));
  });
}

const listeners = [await start(), await start()];
let stopped = false;
let [answered, lost] = [0, 0];
const load = Array.from({ length: connections }, async () => {
  while (!stopped) {
    if (await ask()) answered++;
    else lost++;
  }
});
for (let turn = 0; turn < replacements; turn++) {
  listeners.push(await start());
  const old = listeners.shift();
  old?.send("go");
  if (old) await once(old, "exit");
}
stopped = true;
await Promise.all(load);
for (const child of listeners) child.kill();
process.stdout.write(
  `${JSON.stringify({ replacements, connections: answered + lost, lost, lostEachReplacement: Math.round((lost / replacements) * 100) / 100 })}\n`,
);
