import assert from "node:assert/strict";
import net from "node:net";
import { test, type TestContext } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createClient, type Client } from "./client.ts";
import type { ClientOptions } from "./client-options.ts";
import type { BodyStream, ByteDuplex, HttpHandler } from "./http.ts";
import type { ServerOptions } from "./options.ts";
import { readBody } from "./read-body.ts";
import { createServer, type Server } from "./server.ts";
import { turn, until } from "./testing/turns.ts";

async function served(t: TestContext, handler: HttpHandler, options?: ServerOptions): Promise<{ server: Server; port: number }> {
  const server = createServer(handler, options);
  const { port } = await server.listen({ port: 0 });
  t.after(() => server.close());
  return { server, port };
}

function clientOf(t: TestContext, port: number, options: Partial<ClientOptions> = {}): Client {
  const client = createClient({ host: "127.0.0.1", port, ...options });
  t.after(() => client.close());
  return client;
}

/** A server that passes everything on. */
async function proxied(t: TestContext, port: number): Promise<{ port: number; server: Server; upstream: Client }> {
  const upstream = clientOf(t, port);
  const { server, port: proxyPort } = await served(t, (request, exchange) =>
    upstream.request(request, { onCancel: (listener) => exchange.onCancel(listener) }),
  );
  return { port: proxyPort, server, upstream };
}

const echo: HttpHandler = async (request) => ({ status: 200, headers: ["x-target", request.target], body: request.body });
const get = { method: "GET", target: "/", headers: [] };

async function failed(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "nothing",
    (thrown: { reason: string }) => thrown.reason,
  );
}

test("server tells who asks and counts what happens", async (t) => {
  const { server, port } = await served(t, async (_request, exchange) => ({
    status: 200,
    headers: ["x-peer", exchange.peerAddress, "x-version", exchange.version],
    body: Buffer.from("hello"),
  }));
  const client = clientOf(t, port);
  const { headers } = await client.request(get);
  assert.match(headers[1] as string, /^127\.0\.0\.1:\d+$/);
  assert.equal(headers[3], "1.1");
  assert.equal(server.counters.connectionsOpen, 1);
  assert.equal(server.counters.requestsTotal, 1);
  assert.equal(server.counters.requestsInFlight, 0);
  await client.drain(1000);
  await until(() => server.counters.connectionsOpen === 0);
  assert.equal(server.counters.connectionsTotal, 1);
  assert.ok(server.counters.bytesRead > 30 && server.counters.bytesWritten > 50);
});

test("server counts refusals by reason", async (t) => {
  const { server, port } = await served(t, echo);
  for (const text of ["GET /\n\n", "GET /\n\n", "GET / HTTP/1.1\r\n\r\n"]) {
    const socket = net.connect(port, "127.0.0.1", () => socket.write(text));
    await new Promise((resolve) => socket.on("close", resolve).resume());
  }
  assert.deepEqual(server.counters.refusals, { LINE_FEED_BARE: 2, HOST_MISSING: 1 });
});

test("server rejects listening on a port that is taken", async (t) => {
  const { port } = await served(t, echo);
  await assert.rejects(createServer(echo).listen({ port }), { code: "EADDRINUSE" });
});

test("server turns away connections beyond connectionsMax with 503", async (t) => {
  const { server, port } = await served(t, echo, { limits: { connectionsMax: 1 } });
  const first = clientOf(t, port);
  await first.request(get);
  const second = await clientOf(t, port).request(get);
  assert.equal(second.status, 503);
  assert.match(Buffer.from(await readBody(second.body, 1000)).toString(), /CONNECTIONS_TOO_MANY/);
  assert.equal((await first.request(get)).status, 200);
  assert.equal(server.counters.refusals["CONNECTIONS_TOO_MANY"], 1);
});

test("server that drains closes idle connections at once, answers what is in flight and takes no more", async (t) => {
  let finish: (() => void) | undefined;
  const { server, port } = await served(t, async (request) => {
    if (request.target === "/slow") {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
    }
    return { status: 204, headers: [] };
  });
  const idle = clientOf(t, port);
  await idle.request(get);
  const busy = clientOf(t, port);
  const slow = busy.request({ ...get, target: "/slow" });
  await until(() => finish !== undefined);
  const drained = server.drain(10_000);
  await until(() => idle.state.open === 0);
  assert.equal(await failed(clientOf(t, port).request(get)), "CONNECT_FAILED");
  assert.equal(busy.state.open, 1);
  finish?.();
  assert.equal((await slow).status, 204);
  await drained;
  assert.equal(server.counters.connectionsOpen, 0);
});

test("server that drains cuts what is left after the time", async (t) => {
  const { server, port } = await served(t, () => new Promise(() => undefined));
  const waiting = failed(clientOf(t, port).request(get));
  await until(() => server.counters.requestsInFlight === 1);
  await server.drain(30);
  assert.equal(await waiting, "CONNECTION_RESET");
  assert.equal(server.counters.requestsInFlight, 0);
});

for (const bytes of [0, 1, 1000, 65_536, 65_537, 1_000_000, 20_000_000]) {
  test(`server and client carry a body of ${bytes} bytes through a proxy, whole and in chunks`, async (t) => {
    const origin = await served(t, echo);
    const { port, upstream } = await proxied(t, origin.port);
    const client = clientOf(t, port);
    const body = Buffer.alloc(bytes);
    for (let at = 0; at < bytes; at += 1) body[at] = (at * 31 + (at >> 8)) & 255;
    const whole = await client.request({ method: "POST", target: "/whole", headers: [], body });
    assert.ok(body.equals(await readBody(whole.body, bytes)), "whole");
    const chunks = (async function* () {
      for (let at = 0; at < bytes; at += 70_000) yield body.subarray(at, at + 70_000);
    })();
    const streamed = await client.request({ method: "POST", target: "/chunks", headers: [], body: chunks });
    assert.ok(body.equals(await readBody(streamed.body, bytes)), "chunks");
    assert.deepEqual([client.state.open, upstream.state.open], [1, 1]);
  });
}

test("proxy passes trailers, HEAD lengths and 100 Continue on", async (t) => {
  const origin = await served(t, async (request) => {
    if (request.method === "HEAD") return { status: 200, headers: [], lengthOfGet: 12 };
    const body = await readBody(request.body, 1000);
    const trailers = (request.body as BodyStream).trailers?.() ?? [];
    const stream = (async function* () {
      yield body;
    })();
    return {
      status: 200,
      headers: ["x-expect", request.headers[1] as string],
      body: Object.assign(stream, { trailers: () => ["x-seen", ...trailers.slice(1)] }),
    };
  });
  const { port } = await proxied(t, origin.port);
  const client = clientOf(t, port, { timeouts: { continueMs: 60_000 } });
  const body = Object.assign(
    (async function* () {
      yield Buffer.from("hello");
    })(),
    { trailers: () => ["x-sum", "12"] },
  );
  const response = await client.request({ method: "POST", target: "/", headers: ["expect", "100-continue"], body });
  assert.equal(response.headers[1], "100-continue");
  assert.equal(Buffer.from(await readBody(response.body, 100)).toString(), "hello");
  assert.deepEqual((response.body as BodyStream).trailers?.(), ["x-seen", "12"]);
  assert.equal((await client.request({ ...get, method: "HEAD" })).lengthOfGet, 12);
});

test("proxy joins both connections after 101", async (t) => {
  const origin = await served(t, async () => ({
    status: 101,
    headers: [],
    takeOver: (duplex: ByteDuplex) =>
      void (async () => {
        for await (const bytes of duplex) await duplex.write(bytes);
        duplex.end();
      })(),
  }));
  const { port, server } = await proxied(t, origin.port);
  const { duplex, status } = await clientOf(t, port).request({ ...get, upgrade: "echo" });
  assert.equal(status, 101);
  assert.ok(duplex !== undefined);
  await duplex.write(Buffer.from("through both"));
  const iterator = duplex[Symbol.asyncIterator]();
  assert.equal(Buffer.from((await iterator.next()).value as Uint8Array).toString(), "through both");
  duplex.end();
  assert.equal((await iterator.next()).done, true);
  await until(() => server.counters.connectionsOpen === 0 && origin.server.counters.connectionsOpen === 0);
});

test("proxy cancels upstream when its client goes away", async (t) => {
  let cancelled = false;
  const origin = await served(t, (_request, exchange) => {
    exchange.onCancel(() => {
      cancelled = true;
    });
    return new Promise(() => undefined);
  });
  const { port, upstream } = await proxied(t, origin.port);
  const client = clientOf(t, port);
  const waiting = failed(client.request(get));
  await until(() => origin.server.counters.requestsInFlight === 1);
  await client.close();
  assert.equal(await waiting, "CLIENT_CLOSED");
  await until(() => cancelled && upstream.state.open === 0);
});

test("proxy cuts its answer when upstream breaks in the middle of it", async (t) => {
  const origin = await served(t, async () => ({
    status: 200,
    headers: [],
    body: (async function* () {
      yield Buffer.alloc(100_000);
      await turn();
      throw new Error("broken");
    })(),
  }));
  const { port } = await proxied(t, origin.port);
  const response = await clientOf(t, port).request(get);
  assert.equal(await failed(readBody(response.body, 1_000_000)), "UPSTREAM_BODY_TRUNCATED");
});

test("proxy holds little while its client does not read", async (t) => {
  let given = 0;
  const origin = await served(t, async () => ({
    status: 200,
    headers: [],
    body: (async function* () {
      for (;;) {
        given += 65_536;
        yield new Uint8Array(65_536);
      }
    })(),
  }));
  const { port } = await proxied(t, origin.port);
  const socket = net.connect(port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  socket.on("error", () => undefined).pause();
  t.after(() => socket.destroy());
  let before = -1;
  for (let still = 0; still < 20; still = given === before ? still + 1 : 0) {
    before = given;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.ok(given > 0 && given < 40_000_000, `expected the origin to be held up, found ${given} bytes given`);
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const memory = process.memoryUsage().arrayBuffers;
  assert.ok(memory < 80_000_000, `expected bounded memory, found ${memory}`);
});
