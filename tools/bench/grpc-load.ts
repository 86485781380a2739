import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import type { GrpcTally } from "./grpc-connection.ts";
import { GrpcConnection } from "./grpc-connection.ts";
import { greetFrames } from "./grpc-frames.ts";

/**
 * The load of the rpc suites where there is no Go (suts/go/grpc-load does the same for less): unary calls over HTTP/2, `streams` at
 * once on each connection. Every answer is compared whole, its grpc-status included. With a rate, calls are due at equal distances
 * whatever the answers do, and latency counts from the time at which a call was due. Arguments: URL (grpc: or grpcs:), connections,
 * seconds, streams, calls a second (0: as many as are answered). Prints a LoadResult as JSON.
 */

const [target = "", connections = "8", seconds = "3", streams = "32", rate = "0"] = process.argv.slice(2);
const url = new URL(target);
const isSecure = url.protocol === "grpcs:";
/** A server that has answered nothing for this long is given up. */
const graceMs = 2_000;

const latenciesMs: number[] = [];
const perSecond = Number(rate);
const tally: GrpcTally = {
  ...greetFrames(url),
  streams: Number(streams),
  answered: 0,
  failures: 0,
  settled: (connection, dueMs) => {
    const nowMs = performance.now();
    if (perSecond > 0 || (tally.answered & 15) === 0) latenciesMs.push(nowMs - dueMs);
    if (perSecond === 0 && nowMs < untilMs) again(connection, nowMs);
  },
};
const open: GrpcConnection[] = [];
/** Calls that the answers of one read have made room for: they leave together. */
const due = new Map<GrpcConnection, number[]>();

function again(connection: GrpcConnection, nowMs: number): void {
  const calls = due.get(connection);
  if (calls === undefined) {
    due.set(connection, [nowMs]);
    process.nextTick(() => {
      const made = due.get(connection) ?? [];
      due.delete(connection);
      connection.call(made);
    });
  } else calls.push(nowMs);
}

async function opened(): Promise<GrpcConnection> {
  const to = { port: Number(url.port), host: url.hostname, noDelay: true };
  const socket = isSecure ? connectTls({ ...to, ALPNProtocols: ["h2"], rejectUnauthorized: false }) : connect(to);
  await new Promise<void>((resolve, reject) => {
    socket.once(isSecure ? "secureConnect" : "connect", resolve);
    socket.once("error", reject);
  });
  return new GrpcConnection(socket, tally);
}

/** Makes the calls that have come due since the last look, one connection after another. */
function pace(sinceMs: number): void {
  const nowMs = performance.now();
  const wanted = Math.floor(((Math.min(nowMs, untilMs) - sinceMs) * perSecond) / 1000);
  const calls = new Map<GrpcConnection, number[]>();
  for (; made < wanted; made++) {
    const connection = open[made % open.length] as GrpcConnection;
    const list = calls.get(connection) ?? [];
    list.push(sinceMs + (made * 1000) / perSecond);
    calls.set(connection, list);
  }
  for (const [connection, list] of calls) connection.call(list);
  if (nowMs < untilMs) setImmediate(pace, sinceMs);
  else finish();
}

function finish(): void {
  const answeredMs = performance.now();
  const owed = open.reduce((sum, one) => sum + one.owed, 0);
  if (owed > 0 && answeredMs < untilMs + graceMs) return void setTimeout(finish, 1);
  for (const one of open) one.end();
  const sorted = Float64Array.from(latenciesMs).toSorted();
  const latencyMsP99 = sorted[Math.floor(sorted.length * 0.99)] ?? 0;
  const failures = tally.failures + owed;
  process.stdout.write(
    `${JSON.stringify({ requests: tally.answered, durationMs: answeredMs - startedMs, failures, latencyMsP99, due: perSecond > 0 ? made : undefined })}\n`,
  );
}

for (let index = 0; index < Number(connections); index++) open.push(await opened());
const startedMs = performance.now();
const untilMs = startedMs + Number(seconds) * 1000;
let made = 0;
if (perSecond > 0) pace(startedMs);
else {
  for (const one of open) one.call(Array.from({ length: tally.streams }, () => startedMs));
  setTimeout(finish, Number(seconds) * 1000);
}
