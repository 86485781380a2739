import process from "node:process";
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { createClient, type Client } from "../client.ts";
import type { ClientOptions } from "../client-options.ts";
import type { Body, HttpHandler, HttpRequest } from "../http.ts";
import type { ServerOptions } from "../options.ts";
import { readBody } from "../read-body.ts";
import { createServer, type Server } from "../server.ts";
import { createOrigin } from "../testing/origin.ts";
import { until } from "../testing/turns.ts";
import { bodyWithTrailers } from "../whole-body.ts";

const run = promisify(execFile);
const big = Buffer.alloc(3_000_000, "0123456789");

const handler: HttpHandler = async (request) => {
  if (request.target === "/big") return { status: 200, headers: ["content-type", "text/plain"], body: big };
  if (request.method === "GET" || request.method === "HEAD")
    return { status: 200, headers: ["x-path", request.target], body: Buffer.from("hello") };
  const body = await readBody(request.body, 1e8);
  const sums = request.body !== undefined && "trailers" in request.body ? request.body.trailers?.() : undefined;
  return {
    status: 200,
    headers: ["x-bytes", String(body.length), "x-trailers", (sums ?? []).join("=")],
    body: bodyWithTrailers(body, ["grpc-status", "0"]),
  };
};

async function served(t: TestContext, options: ServerOptions = {}): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer(handler, options);
  const { port } = await server.listen({ port: 0 });
  t.after(() => server.close());
  return { server, port };
}

function asking(t: TestContext, options: Partial<ClientOptions> & { readonly port: number }): Client {
  const client = createClient({ host: "127.0.0.1", http2: true, ...options });
  t.after(() => client.close());
  return client;
}

function missing(command: string, hint: string): string | false {
  return spawnSync(command, ["--version"]).error === undefined ? false : `${command} is not installed: ${hint}`;
}

function post(body: Body, target = "/echo"): HttpRequest {
  return { method: "POST", target, authority: "", headers: [], body };
}

interface Answer {
  readonly headers: http2.IncomingHttpHeaders;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly body: Buffer;
}

function nodeAsks(session: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders, body?: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers);
    const parts: Buffer[] = [];
    let answered: http2.IncomingHttpHeaders = {};
    let trailers: http2.IncomingHttpHeaders = {};
    stream.on("response", (got) => (answered = got));
    stream.on("trailers", (got) => (trailers = got));
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.on("end", () => resolve({ headers: answered, trailers, body: Buffer.concat(parts) }));
    stream.on("error", reject);
    stream.end(body);
  });
}

test("node:http2 is served on the port that serves HTTP/1.1: many streams, large bodies, trailers, drain", async (t) => {
  const { server, port } = await served(t);
  const session = http2.connect(`http://127.0.0.1:${port}`);
  t.after(() => session.destroy());
  const many = await Promise.all(Array.from({ length: 100 }, (_, index) => nodeAsks(session, { ":path": `/${index}` })));
  assert.ok(many.every((answer, index) => answer.headers["x-path"] === `/${index}` && answer.body.toString() === "hello"));
  const echoed = await nodeAsks(session, { ":path": "/echo", ":method": "POST" }, big);
  assert.ok(echoed.body.equals(big));
  assert.equal(echoed.trailers["grpc-status"], "0");
  assert.ok((await nodeAsks(session, { ":path": "/big" })).body.equals(big));
  const plain = await (await fetch(`http://127.0.0.1:${port}/one`)).text();
  assert.equal(plain, "hello");
  const wentAway = new Promise<number>((resolve) => session.once("goaway", resolve));
  await server.drain(5000);
  assert.equal(await wentAway, 0);
  assert.equal(server.counters.requestsInFlight, 0);
  assert.deepEqual(server.counters.refusals, {});
});

test("a client speaks to node:http2: many calls on few connections, streams, trailers, resets, an end", async (t) => {
  const origin = http2.createServer();
  const sessions = new Set<http2.ServerHttp2Session>();
  origin.on("session", (session) => sessions.add(session));
  origin.on("stream", (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
    stream.on("error", () => undefined);
    if (headers[":path"] === "/reset") stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
    if (headers[":path"] !== "/echo") return;
    stream.respond({ ":status": 200, "x-echo": "1" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.pipe(stream);
  });
  await new Promise<void>((resolve) => void origin.listen(0, "127.0.0.1", resolve));
  t.after(() => origin.close());
  const client = asking(t, { port: (origin.address() as AddressInfo).port });
  const bodies = await Promise.all(
    Array.from({ length: 300 }, async (_, index) => {
      const { body } = await client.request(post(Buffer.from(`call ${index}`)));
      return Buffer.from(await readBody(body, 1000)).toString();
    }),
  );
  assert.ok(bodies.every((body, index) => body === `call ${index}`));
  assert.ok(sessions.size <= 3, `${sessions.size} connections`);
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < big.length; at += 50_000) yield big.subarray(at, at + 50_000);
  }
  const { body } = await client.request(post(pieces()));
  assert.ok(Buffer.from(await readBody(body, 1e8)).equals(big));
  assert.deepEqual((body as { trailers?: () => unknown }).trailers?.(), ["grpc-status", "0"]);
  await assert.rejects(client.request(post(undefined, "/reset")), { reason: "UPSTREAM_STREAM_RESET" });
  const silent = assert.rejects(client.request(post(undefined, "/silent")), { code: "UNAVAILABLE" });
  await until(() => client.state.inFlight > 0);
  for (const session of sessions) session.destroy();
  await silent;
});

test("our client and server speak to each other with back-pressure both ways, and drain", async (t) => {
  const { server, port } = await served(t);
  const client = asking(t, { port });
  const [large, ...many] = await Promise.all([
    client.request(post(big)),
    ...Array.from({ length: 400 }, () => client.request(post(Buffer.from("x")))),
  ]);
  assert.equal((await readBody(large?.body, 1e8)).length, big.length);
  assert.equal(many.length, 400);
  assert.deepEqual(client.state.waiting, 0);
  const stalled = await client.request({ method: "GET", target: "/big", headers: [] });
  const iterator = (stalled.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  await iterator.next();
  const quick = await client.request(post(Buffer.from("y")));
  assert.equal(quick.status, 200);
  await iterator.return?.();
  await Promise.all([server.drain(5000), client.drain(5000)]);
  assert.deepEqual(client.state, { open: 0, idle: 0, inFlight: 0, waiting: 0 });
  await assert.rejects(client.request(post(undefined)), { reason: "CLIENT_CLOSED", sent: false });
});

test("a client that cannot connect, or meets something else, says so, and every call settles", async (t) => {
  const origin = await createOrigin((socket, index) => {
    if (index === 0) socket.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    else socket.destroy();
  });
  const client = asking(t, { port: origin.port });
  await assert.rejects(client.request(post(undefined)), { code: "UNAVAILABLE" });
  await assert.rejects(client.request(post(undefined)), { reason: "CONNECT_FAILED", sent: false });
  origin.close();
  await assert.rejects(client.request(post(undefined)), { reason: "CONNECT_FAILED", sent: false });
  const busy = asking(t, { port: origin.port, waitersMax: 0 });
  await assert.rejects(busy.request(post(undefined)), { reason: "WAITERS_TOO_MANY", sent: false });
});

test("curl is served with prior knowledge", { skip: missing("curl", "install curl") }, async (t) => {
  const { port } = await served(t);
  const curl = (...args: string[]): Promise<{ stdout: string }> =>
    run("curl", ["-s", "--http2-prior-knowledge", "--max-time", "10", ...args], { maxBuffer: 1e8 });
  assert.match(
    (await curl("-i", `http://127.0.0.1:${port}/a`)).stdout,
    /^HTTP\/2 200 \r\nx-path: \/a\r\ndate: [^\r]+\r\ncontent-length: 5\r\n\r\nhello$/,
  );
  assert.equal((await curl(`http://127.0.0.1:${port}/big`)).stdout.length, big.length);
  assert.equal((await curl("--data-binary", "abc", `http://127.0.0.1:${port}/echo`)).stdout, "abc");
  assert.match((await curl("-I", `http://127.0.0.1:${port}/a`)).stdout, /^HTTP\/2 200/);
});

test(
  "nghttp and h2load are served",
  { skip: missing("nghttp", "install nghttp2-client") || missing("h2load", "install nghttp2-client") },
  async (t) => {
    const { server, port } = await served(t);
    const { stdout } = await run("nghttp", ["-nv", `http://127.0.0.1:${port}/a`]);
    assert.match(stdout, /:status: 200/);
    assert.doesNotMatch(stdout, /error_code=(?!NO_ERROR)/);
    const load = await run("h2load", ["-n", "2000", "-c", "4", "-m", "50", `http://127.0.0.1:${port}/a`]);
    assert.match(load.stdout, /2000 succeeded, 0 failed, 0 errored/);
    assert.deepEqual(server.counters.refusals, {});
  },
);

const h2spec = process.env["WEIR_H2SPEC"] || "h2spec";
const h2specMissing = missing(h2spec, "`node tools/services.ts up` builds it and names it in WEIR_H2SPEC");

for (const mode of [[], ["--strict"]]) {
  test(["h2spec finds no fault with a server that speaks HTTP/2 only", ...mode].join(" "), { skip: h2specMissing }, async (t) => {
    const { port } = await served(t, { protocol: "http2" });
    const { stdout } = await run(h2spec, ["-h", "127.0.0.1", "-p", String(port), ...mode], { maxBuffer: 1e7 });
    assert.match(stdout, /(\d{3}) tests, \1 passed, 0 skipped, 0 failed/);
  });
}
