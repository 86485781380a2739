// A server whose process is killed or stopped in the middle of calls, and what a client keeps after very many of them.
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { on, once } from "node:events";
import process from "node:process";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { HttpResponse } from "@weir/wire";
import { bodyWithTrailers, createServer } from "@weir/wire";
import { Call } from "../../call.ts";
import { isFault } from "../../fault.ts";
import { createClient } from "../client.ts";
import { eventually, startGreeter } from "../testdata/greeter.ts";
import type { GreeterClient } from "../testdata/greeter.weir.ts";
import { Greeter } from "../testdata/greeter.weir.ts";
import { greeting } from "../testdata/raw-http2.ts";
import type { WireTransportOptions } from "./transport.ts";
import { createWireTransport } from "./transport.ts";

async function* endless(): AsyncGenerator<{ number: number }> {
  for (;;) {
    yield { number: 1 };
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function collect(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const message of stream) void message;
}

async function outcome(answer: Promise<unknown>): Promise<string> {
  try {
    await answer;
    return "OK";
  } catch (thrown) {
    assert.ok(isFault(thrown), String(thrown));
    return `${thrown.code} ${thrown.reason}`;
  }
}

async function startSilent(): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const child = fork(new URL("../testdata/silent-server.ts", import.meta.url));
  const [url] = (await once(child, "message")) as [string];
  return { child, url };
}

/** One call of each kind, none of which will end; resolves once the server has seen all. */
async function callsAt(child: ChildProcess, client: GreeterClient): Promise<Promise<string>[]> {
  const seen = on(child, "message");
  const calls = [client.hello({}), collect(client.count({})), client.sum(endless()), collect(client.echo(endless()))].map(outcome);
  for (let count = 0; count < calls.length; count++) await seen.next();
  await seen.return?.();
  return calls;
}

test("a server that is killed fails every call with UNAVAILABLE, and the next ones too", { timeout: 20_000 }, async (t) => {
  const { child, url } = await startSilent();
  const transport = createWireTransport({ url, protocol: "grpc" });
  t.after(() => void child.kill("SIGKILL"));
  t.after(() => transport.close());
  const client = createClient(Greeter, transport);
  const calls = await callsAt(child, client);
  child.kill("SIGKILL");
  for (const found of await Promise.all(calls)) assert.match(found, /^UNAVAILABLE (CONNECTION_RESET|UPSTREAM_BODY_TRUNCATED)$/);
  assert.equal(await outcome(client.hello({})), "UNAVAILABLE CONNECT_FAILED");
});

test("a server that is stopped holds no call beyond its deadline, nor any beyond PING", { timeout: 20_000 }, async (t) => {
  const { child, url } = await startSilent();
  const http2: WireTransportOptions["http2"] = { pingMs: 200, pingTimeoutMs: 200 };
  const transport = createWireTransport({ url, protocol: "grpc", http2 });
  t.after(() => void child.kill("SIGKILL"));
  t.after(() => transport.close());
  const client = createClient(Greeter, transport);
  const calls = await callsAt(child, client);
  child.kill("SIGSTOP");
  assert.equal(await outcome(client.hello({}, { timeoutMs: 100 })), "DEADLINE_EXCEEDED DEADLINE_EXCEEDED");
  assert.deepEqual(
    await Promise.all(calls),
    calls.map(() => "UNAVAILABLE PING_TIMEOUT"),
  );
  // The kernel still takes connections for it; nobody speaks HTTP/2 there.
  assert.match(await outcome(client.hello({})), /^DEADLINE_EXCEEDED CONNECT_TIMEOUT$/);
});

/** One in a hundred is reset: a server takes no more than a thousand in a burst. */
const callsInAll = 100_000;

test(`${callsInAll} calls, answered, failed, given up and expired, leave nothing behind`, { timeout: 120_000 }, async (t) => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const headers = ["content-type", "application/grpc"];
  const good: HttpResponse = { status: 200, headers, body: bodyWithTrailers(greeting, ["grpc-status", "0"]) };
  const bad: HttpResponse = { status: 200, headers: [...headers, "grpc-status", "9"] };
  const server = createServer(({ target }, exchange) => {
    if (target.endsWith("/Count")) return Promise.resolve(bad);
    return target.endsWith("/Sum") ? new Promise((resolve) => exchange.onCancel(() => resolve(bad))) : Promise.resolve(good);
  });
  const { port } = await server.listen({ port: 0 });
  const transport = createWireTransport({ url: `http://127.0.0.1:${port}`, protocol: "grpc" });
  t.after(async () => {
    await transport.close();
    await server.close();
  });
  const client = createClient(Greeter, transport);
  const parent = new Call({ timeoutMs: 600_000 });
  const counts = new Map<string, number>();
  let begun = 0;
  const one = (index: number): Promise<string> => {
    if (index % 50 === 0) return outcome(collect(client.count({}, parent)));
    if (index % 100 !== 1) return outcome(client.hello({ name: "n" }, parent));
    const call = parent.child();
    const given = outcome(client.sum(endless(), index % 200 === 1 ? call : { parent, timeoutMs: 1 }));
    setImmediate(() => call.cancel());
    return given;
  };
  const worker = async (until: number): Promise<void> => {
    while (begun < until) {
      const found = await one(begun++);
      counts.set(found, (counts.get(found) ?? 0) + 1);
    }
  };
  const heaps: number[] = [];
  for (let step = 1; step <= 10; step++) {
    await Promise.all(Array.from({ length: 50 }, () => worker((callsInAll / 10) * step)));
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    heaps.push(process.memoryUsage().heapUsed);
  }
  assert.deepEqual(Object.fromEntries(counts), {
    OK: callsInAll * 0.97,
    "FAILED_PRECONDITION PEER_FAULT": callsInAll * 0.02,
    "CANCELLED CALL_CANCELLED": callsInAll * 0.005,
    "DEADLINE_EXCEEDED DEADLINE_EXCEEDED": callsInAll * 0.005,
  });
  const grownBytes = (heaps.at(-1) as number) - (heaps[2] as number);
  const grownPerCall = grownBytes / (callsInAll * 0.7);
  // The smallest object that a call could leave in a list is larger; what the engine compiles meanwhile is not counted apart.
  assert.ok(grownPerCall < 20, `the heap grew by ${grownPerCall} bytes a call: ${heaps.join(" ")}`);
  await transport.close();
  await server.close();
  await eventually(() => !process.getActiveResourcesInfo().includes("TCPSocketWrap"), "every socket to be gone");
});

test("a stream of 100,000 answers is read in the memory of a few", { timeout: 60_000 }, async (t) => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  await using greeter = await startGreeter();
  const transport = createWireTransport({ url: greeter.url, protocol: "grpc" });
  t.after(() => transport.close());
  const client = createClient(Greeter, transport);
  const heaps: number[] = [];
  let seen = 0;
  for await (const { number } of client.count({ count: callsInAll, text: "t".repeat(100) })) {
    assert.equal(number, ++seen);
    if (seen % 20_000 !== 0) continue;
    collectGarbage();
    heaps.push(process.memoryUsage().heapUsed);
  }
  assert.equal(seen, callsInAll);
  const [first = 0, last = 0] = [heaps[0], heaps.at(-1)];
  assert.ok(last - first < 2e6, `the heap grew by ${last - first} bytes: ${heaps.join(" ")}`);
});
