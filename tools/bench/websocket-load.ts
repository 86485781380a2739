import type { Socket } from "node:net";
import { connect } from "node:net";

/**
 * The load of the websocket suite: raw sockets that send eight masked text messages of 125 bytes in one write, count the
 * bytes of eight echoes, and begin again. Arguments: URL, connections, seconds. Prints a LoadResult as JSON.
 */

const [target = "", connections = "64", seconds = "3"] = process.argv.slice(2);
const url = new URL(target);
const inFlight = 8;
const payload = Buffer.from('{"user":"u1","text":"Split, limit and shed the river, without a dam"}'.padEnd(125, " "));
const mask = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
const message = Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), mask, payload.map((byte, at) => byte ^ (mask[at & 3] ?? 0))]);
const batch = Buffer.concat(Array.from({ length: inFlight }, () => message));
const wanted = Buffer.concat(Array.from({ length: inFlight }, () => Buffer.concat([Buffer.from([0x81, payload.length]), payload])));
const handshake = `GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
const latenciesMs: number[] = [];
const sockets: Socket[] = [];
let requests = 0;
let failures = 0;
let over = false;

function talk(): void {
  const socket = connect({ port: Number(url.port), host: url.hostname, noDelay: true });
  let open = false;
  let checked = false;
  let bytes = 0;
  let sentMs = 0;
  const send = (): void => {
    bytes = 0;
    sentMs = performance.now();
    socket.write(batch);
  };
  socket.on("connect", () => socket.write(handshake));
  socket.on("error", () => failures++);
  socket.on("close", () => {
    if (!over) failures++;
  });
  socket.on("data", (chunk: Buffer) => {
    if (!open) {
      open = true;
      if (!chunk.toString("latin1").startsWith("HTTP/1.1 101 ")) failures++;
      send();
      return;
    }
    // The first echo of each connection is compared, the others counted.
    if (!checked && bytes === 0 && !chunk.equals(wanted.subarray(0, chunk.length))) failures++;
    checked = true;
    bytes += chunk.length;
    if (bytes < wanted.length) return;
    if (bytes > wanted.length) failures++;
    requests += inFlight;
    latenciesMs.push(performance.now() - sentMs);
    if (!over) send();
  });
  sockets.push(socket);
}

for (let count = 0; count < Number(connections); count++) talk();
const startedMs = performance.now();
setTimeout(
  () => {
    over = true;
    const durationMs = performance.now() - startedMs;
    for (const socket of sockets) socket.destroy();
    const sorted = latenciesMs.toSorted((left, right) => left - right);
    const latencyMsP99 = sorted[Math.floor(sorted.length * 0.99)] ?? 0;
    process.stdout.write(`${JSON.stringify({ requests, durationMs, failures, latencyMsP99 })}\n`);
  },
  Number(seconds) * 1000,
);
