import type { Socket } from "node:net";
import { connect } from "node:net";

/**
 * A load generator for machines without wrk: keep-alive connections on raw sockets, one request at a time on each.
 * It reads status and Content-Length and nothing else. Arguments: URL (in which {user} stands for a number), connections,
 * seconds, users, skew (see LoadOptions). Prints a LoadResult as JSON.
 */

const [target = "", connections = "64", seconds = "3", users = "5000", skew = "0"] = process.argv.slice(2);
const url = new URL(target);
const path = target.slice(url.origin.length);
const count = path.includes("{user}") ? Number(users) : 1;
const asked = Array.from({ length: count }, (_, user) => {
  return Buffer.from(`GET ${path.replaceAll("{user}", `${user + 1}`)} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`);
});
const latenciesMs: number[] = [];
const sockets: Socket[] = [];
let requests = 0;
let failures = 0;
let over = false;

/** Place in the list of who is asked for next. */
function nextUser(): number {
  const flat = Number(skew);
  if (flat === 0) return requests % asked.length;
  return Math.floor(flat * ((count + flat) / flat) ** Math.random() - flat);
}

/** Asks again and again on one connection until time is over. */
function ask(): void {
  const socket = connect({ port: Number(url.port), host: url.hostname, noDelay: true });
  let pending: Buffer = Buffer.alloc(0);
  let sentMs = 0;
  const send = (): void => {
    sentMs = performance.now();
    socket.write(asked[nextUser()] ?? "");
  };
  socket.on("connect", send);
  socket.on("error", () => failures++);
  socket.on("close", () => {
    if (!over) failures++;
  });
  socket.on("data", (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    const size = answerSize(pending);
    if (size === undefined || pending.length < size) return;
    if (pending.toString("latin1", 9, 12) !== "200") failures++;
    pending = pending.subarray(size);
    requests++;
    // One in sixteen tells enough of the latency, and keeps the list small.
    if ((requests & 15) === 0) latenciesMs.push(performance.now() - sentMs);
    if (!over) send();
  });
  sockets.push(socket);
}

/** Bytes of the answer at the front, or undefined while its head is not whole. Chunked answers are read to their end mark. */
function answerSize(bytes: Buffer): number | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = bytes.toString("latin1", 0, headEnd);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) return headEnd + 4 + Number(length);
  const chunksEnd = bytes.indexOf("\r\n0\r\n\r\n", headEnd + 2);
  return chunksEnd < 0 ? undefined : chunksEnd + 7;
}

const startedMs = performance.now();
for (let index = 0; index < Number(connections); index++) ask();
setTimeout(
  () => {
    over = true;
    const durationMs = performance.now() - startedMs;
    for (const socket of sockets) socket.destroy();
    latenciesMs.sort((left, right) => left - right);
    const latencyMsP99 = latenciesMs[Math.floor(latenciesMs.length * 0.99)] ?? 0;
    process.stdout.write(`${JSON.stringify({ requests, durationMs, failures, latencyMsP99 })}\n`);
  },
  Number(seconds) * 1000,
);
