import { Buffer } from "node:buffer";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import type { GrpcTally } from "./grpc-connection.ts";
import { GrpcConnection } from "./grpc-connection.ts";
import { GreetRequest, GreetResponse } from "./hello.weir.ts";
import { greetingFor } from "./suts/greeting.ts";

/**
 * The load of the rpc suites: unary calls over HTTP/2, `streams` at once on each connection. Every answer is compared whole,
 * its grpc-status included. With a rate, calls are due at equal distances whatever the answers do, and latency counts from the
 * time at which a call was due. Arguments: URL (grpc: or grpcs:), connections, seconds, streams, calls a second (0: as many as
 * are answered). Prints a LoadResult as JSON.
 */

const [target = "", connections = "8", seconds = "3", streams = "32", rate = "0"] = process.argv.slice(2);
const url = new URL(target);
const isSecure = url.protocol === "grpcs:";
const user = "weir";
/** A server that has answered nothing for this long is given up. */
const graceMs = 2_000;

function prefixed(message: Uint8Array): Buffer {
  const bytes = Buffer.alloc(5 + message.length);
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, 5);
  return bytes;
}

function frame(type: number, flags: number, content: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(content.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  return Buffer.concat([head, content]);
}

/** A literal that enters the table (RFC 7541 §6.2.1); by an index of the static table where that has the name. */
function literal(nameIndex: number, name: string, value: string): Buffer {
  const head = [0x40 | nameIndex];
  if (nameIndex === 0) head.push(name.length);
  return Buffer.concat([Buffer.from(head), Buffer.from(nameIndex === 0 ? name : ""), Buffer.from([value.length]), Buffer.from(value)]);
}

/** The frames of a connection's first call, and those of the others, whose fields stand in the server's table then. */
function callFrames(): { first: Uint8Array; next: Uint8Array } {
  const message = frame(0, 1, prefixed(GreetRequest.toBinary({ name: user })));
  // :method POST, :scheme http or https.
  const known = Buffer.from([0x83, isSecure ? 0x87 : 0x86]);
  const literals = [
    literal(4, ":path", url.pathname),
    literal(1, ":authority", url.host),
    literal(31, "content-type", "application/grpc"),
    literal(0, "te", "trailers"),
    literal(0, "grpc-accept-encoding", "identity,deflate,gzip"),
    literal(58, "user-agent", "weir-bench"),
  ];
  // The newest entry is 62.
  const indices = Buffer.from(literals.map((_, index) => 0x80 | (61 + literals.length - index)));
  return {
    first: Buffer.concat([frame(1, 4, Buffer.concat([known, ...literals])), message]),
    next: Buffer.concat([frame(1, 4, Buffer.concat([known, indices])), message]),
  };
}

const latenciesMs: number[] = [];
const perSecond = Number(rate);
const tally: GrpcTally = {
  ...callFrames(),
  expected: prefixed(GreetResponse.toBinary(greetingFor(user))),
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
