import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { Pool } from "undici";
import { createClient } from "./client.ts";
import type { BodyStream, HttpHandler } from "./http.ts";
import { readBody } from "./read-body.ts";
import { createServer } from "./server.ts";

const run = promisify(execFile);

async function served(t: TestContext, handler: HttpHandler): Promise<number> {
  const server = createServer(handler);
  t.after(() => server.close());
  return (await server.listen({ port: 0 })).port;
}

const echo: HttpHandler = async (request) => ({
  status: 200,
  headers: ["x-method", request.method, "x-target", request.target],
  body: request.method === "HEAD" ? Buffer.from("12345") : request.body,
});

async function hasCurl(): Promise<boolean> {
  return run("curl", ["--version"]).then(
    () => true,
    () => false,
  );
}

const curlMissing = (await hasCurl()) ? false : "curl is not installed; install it to run this";

async function curl(...options: string[]): Promise<string> {
  return (await run("curl", ["-sS", "--max-time", "10", ...options], { maxBuffer: 64 * 1024 * 1024 })).stdout;
}

test("curl is served: GET, HEAD, POST, chunks, 100-continue, HTTP/1.0, keep-alive", { skip: curlMissing }, async (t) => {
  const url = `http://127.0.0.1:${await served(t, echo)}`;
  assert.match(await curl("-i", `${url}/a?b=1`), /^HTTP\/1\.1 200 OK\r\nx-method: GET\r\nx-target: \/a\?b=1\r\n/);
  assert.match(await curl("-I", url), /content-length: 5\r\n/);
  assert.equal(await curl("-d", "hello", url), "hello");
  assert.equal(await curl("-H", "Transfer-Encoding: chunked", "-d", "hello", url), "hello");
  const large = "x".repeat(2_000_000);
  const child = run("curl", ["-sS", "--max-time", "10", "-H", "Expect: 100-continue", "-T", "-", url], { maxBuffer: 64 * 1024 * 1024 });
  child.child.stdin?.end(large);
  assert.equal((await child).stdout, large);
  assert.match(await curl("-0", "-i", url), /^HTTP\/1\.1 200 OK\r\n[^]*connection: close/);
  assert.match(await curl("-v", "--stderr", "-", `${url}/1`, `${url}/2`), /Re-using existing connection/);
});

test("node:http as client is served, agent and trailers included", async (t) => {
  const port = await served(t, async (request) => {
    const body = await readBody(request.body, 1_000_000);
    const trailers = (request.body as BodyStream).trailers?.() ?? [];
    const stream = (async function* () {
      yield body;
    })();
    return { status: 200, headers: ["trailer", "x-sum"], body: Object.assign(stream, { trailers: () => trailers }) };
  });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const ports = new Set<number | undefined>();
  for (let count = 0; count < 3; count += 1) {
    const answer = await new Promise<{ text: string; trailers: NodeJS.Dict<string> }>((resolve, reject) => {
      const request = http.request({ port, host: "127.0.0.1", agent, method: "POST", headers: { trailer: "x-sum" } }, (response) => {
        ports.add(response.socket.localPort);
        let text = "";
        response.on("data", (bytes: Buffer) => {
          text += bytes.toString();
        });
        response.on("end", () => resolve({ text, trailers: response.trailers }));
      });
      request.on("error", reject);
      request.write("hello ");
      request.write("world");
      request.addTrailers({ "x-sum": "11" });
      request.end();
    });
    assert.equal(answer.text, "hello world");
    assert.deepEqual({ ...answer.trailers }, { "x-sum": "11" });
  }
  assert.equal(ports.size, 1);
});

test("undici as client is served, pipelining included", async (t) => {
  const port = await served(t, echo);
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 2, pipelining: 8 });
  t.after(() => pool.close());
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      const response = await pool.request({ path: `/${index}`, method: "PUT", body: `body ${index}` });
      return `${String(response.headers["x-target"])} ${await response.body.text()}`;
    }),
  );
  assert.deepEqual(
    answers,
    Array.from({ length: 100 }, (_, index) => `/${index} body ${index}`),
  );
});

test("fetch is served", async (t) => {
  const port = await served(t, echo);
  const response = await fetch(`http://127.0.0.1:${port}/x`, { method: "POST", body: "hello" });
  assert.deepEqual([response.status, await response.text(), response.headers.get("x-target")], [200, "hello", "/x"]);
});

test("node:http as origin answers: lengths, chunks, HEAD, 204, 100-continue, trailers, upgrade", async (t) => {
  const origin = http.createServer((request, response) => {
    if (request.url === "/chunks") {
      response.writeHead(200, { trailer: "x-sum" });
      response.write("hello ");
      response.addTrailers({ "x-sum": "1" });
      response.end("world");
    } else if (request.url === "/204") {
      response.writeHead(204);
      response.end();
    } else request.pipe(response);
  });
  origin.on("upgrade", (_request, socket: NodeJS.WritableStream & NodeJS.ReadableStream) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => {
    origin.listen(0, "127.0.0.1", resolve);
  });
  t.after(() => origin.close());
  const client = createClient({ host: "127.0.0.1", port: (origin.address() as AddressInfo).port });
  t.after(() => client.close());
  const chunks = await client.request({ method: "GET", target: "/chunks", headers: [] });
  assert.equal(Buffer.from(await readBody(chunks.body, 100)).toString(), "hello world");
  assert.deepEqual((chunks.body as BodyStream).trailers?.(), ["x-sum", "1"]);
  assert.equal((await client.request({ method: "GET", target: "/204", headers: [] })).status, 204);
  assert.equal((await client.request({ method: "HEAD", target: "/", headers: [] })).body, undefined);
  const echoed = await client.request({ method: "POST", target: "/", headers: ["expect", "100-continue"], body: Buffer.alloc(200_000, 7) });
  assert.ok(Buffer.alloc(200_000, 7).equals(await readBody(echoed.body, 1_000_000)));
  assert.equal(client.state.open, 1);
  const { duplex } = await client.request({ method: "GET", target: "/", headers: [], upgrade: "echo" });
  assert.ok(duplex !== undefined);
  await duplex.write(Buffer.from("hello"));
  const { value } = await duplex[Symbol.asyncIterator]().next();
  assert.equal(Buffer.from(value as Uint8Array).toString(), "hello");
  duplex.destroy();
});
