import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { createClient, readBody, type BodyStream } from "@weir/wire";
import { snapshotOf, startBackend, startHouse } from "./fixtures/house.ts";
import { connectRaw } from "./fixtures/raw-client.ts";
import { startRawEndpoint } from "./fixtures/raw-endpoint.ts";
import { until, untilStill } from "./fixtures/until.ts";

const chunk = Buffer.alloc(65_536, "x");

test("gateway passes streams on chunk by chunk, both ways, with trailers", async () => {
  const backend = await startBackend("a", "v1", (request) => {
    const incoming = request.body as BodyStream;
    const body: BodyStream = {
      async *[Symbol.asyncIterator]() {
        for await (const part of incoming) yield Buffer.from(Buffer.from(part).toString().toUpperCase());
      },
      trailers: () => ["x-sum", "3"],
    };
    return Promise.resolve({ status: 200, headers: ["content-type", "text/plain"], body });
  });
  const house = await startHouse(snapshotOf([backend]), [backend]);
  const client = createClient({ host: "127.0.0.1", port: Number(new URL(house.gateway.url).port) });
  const seen: string[] = [];
  const ends: (() => void)[] = [];
  const body: BodyStream = {
    async *[Symbol.asyncIterator]() {
      for (const part of ["one ", "two ", "three"]) {
        yield Buffer.from(part);
        // The next part leaves only when this one has come back: nothing on the way collects the stream.
        await new Promise<void>((resolve) => ends.push(resolve));
      }
    },
  };
  const answer = await client.request({ method: "POST", target: "/", headers: [], body });
  const stream = answer.body as BodyStream;
  for await (const part of stream) {
    seen.push(Buffer.from(part).toString());
    ends.shift()?.();
  }
  assert.deepEqual(seen, ["ONE ", "TWO ", "THREE"]);
  assert.deepEqual(stream.trailers?.(), ["x-sum", "3"]);
  const line = JSON.parse(house.lines.at(-1) ?? "") as Record<string, unknown>;
  assert.deepEqual([line["bytesOut"], line["broken"], line["version"]], [13, undefined, "v1"]);
  await client.close();
  await house.stop();
});

for (const [endpoint, client] of [
  ["1.1", "1.1"],
  ["1.1", "2"],
  ["2", "2"],
] as const) {
  test(`gateway passes early hints from an endpoint of HTTP/${endpoint} to a client of HTTP/${client}`, async (t) => {
    const backend = await startBackend("a", "v1", (_request, exchange) => {
      exchange.interim?.(103, ["link", "</a.css>; rel=preload", "x-version", exchange.version]);
      return Promise.resolve({ status: 200, headers: [], body: Buffer.from("page") });
    });
    const house = await startHouse(snapshotOf([{ ...backend, http2: endpoint === "2" }]), [backend]);
    const asker = createClient({ host: "127.0.0.1", port: Number(new URL(house.gateway.url).port), http2: client === "2" });
    t.after(() => Promise.all([asker.close(), house.stop()]));
    const heard: unknown[] = [];
    const interimTo = { interim: (status: number, headers: readonly string[]): void => void heard.push([status, headers]) };
    const { status, headers } = await asker.request({ method: "GET", target: "/", headers: [] }, { interimTo });
    assert.deepEqual([status, headers.includes("link")], [200, false]);
    assert.deepEqual(heard, [[103, ["link", "</a.css>; rel=preload", "x-version", endpoint]]]);
  });
}

test("gateway bears an endpoint that never comes to its answer, and tells HTTP/1.0 of no hints", async (t) => {
  const hint = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n";
  let hints = hint.repeat(17);
  const endpoint = await startRawEndpoint((socket) => socket.on("data", () => socket.end(`${hints}HTTP/1.1 200 OK\r\n\r\n`)));
  const house = await startHouse(snapshotOf([endpoint]), []);
  t.after(async () => {
    await endpoint.stop();
    await house.stop();
  });
  const client = connectRaw(house.gateway.url);
  const text = await client.exchange("POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  assert.equal(text.match(/ 103 /g)?.length, 16);
  assert.match(text, /\r\n\r\nHTTP\/1\.1 502 [^]*UPSTREAM_INVALID/);
  hints = hint;
  const old = await connectRaw(house.gateway.url).exchange("GET / HTTP/1.0\r\nhost: a\r\n\r\n");
  assert.match(old, /^HTTP\/1\.1 200 /);
  assert.doesNotMatch(old, /103/);
});

test("gateway with a client that does not read holds back the endpoint", async () => {
  let sent = 0;
  const backend = await startBackend("a", "v1", () => {
    const body: BodyStream = {
      async *[Symbol.asyncIterator]() {
        for (let index = 0; index < 4000; index++) {
          sent += chunk.length;
          yield chunk;
          if (index % 16 === 0) await new Promise(setImmediate);
        }
      },
    };
    return Promise.resolve({ status: 200, headers: [], body });
  });
  const house = await startHouse(snapshotOf([backend]), [backend]);
  const { port } = new URL(house.gateway.url);
  const socket = connect(Number(port), "127.0.0.1");
  socket.pause();
  socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  const before = await untilStill(() => sent, "the endpoint to be held back");
  assert.ok(sent < 64 * 1024 * 1024, `${sent} of 262144000 bytes went into buffers`);
  let read = 0;
  socket.on("data", (bytes: Buffer) => (read += bytes.length)).resume();
  await until(() => read > before, "it should go on when the client reads");
  socket.destroy();
  await until(() => house.lines.length === 1, "the request should be over when the client has gone");
  assert.equal((JSON.parse(house.lines[0] ?? "") as { cause: string }).cause, "CLIENT_GONE");
  await house.stop();
});

test("gateway with an endpoint that does not read holds back the client", async () => {
  const stalled = Promise.withResolvers<void>();
  const backend = await startBackend("a", "v1", async (request) => {
    const iterator = (request.body as BodyStream)[Symbol.asyncIterator]();
    await iterator.next();
    await stalled.promise;
    await iterator.return?.();
    return { status: 413, headers: [], body: Buffer.from("enough") };
  });
  const house = await startHouse(snapshotOf([backend]), [backend]);
  const socket = connect(Number(new URL(house.gateway.url).port), "127.0.0.1");
  let text = "";
  let sent = 0;
  socket.on("data", (bytes: Buffer) => (text += bytes.toString("latin1")));
  socket.on("error", () => undefined);
  socket.write("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
  const piece = Buffer.concat([Buffer.from("10000\r\n"), chunk, Buffer.from("\r\n")]);
  const write = (): void => {
    do sent += piece.length;
    while (socket.write(piece) && socket.writable);
  };
  socket.on("drain", write);
  write();
  const taken = await untilStill(() => sent, "the client to be held back");
  assert.ok(taken < 64 * 1024 * 1024, `${taken} bytes were taken`);
  stalled.resolve();
  await until(() => text.includes("enough"), "the early answer to come through");
  assert.match(text, /^HTTP\/1\.1 413 /);
  socket.destroy();
  await house.stop();
});

test("gateway gives up a request whose client has gone", async () => {
  let cancelled = false;
  let arrived = false;
  const backend = await startBackend("a", "v1", (_request, exchange) => {
    arrived = true;
    exchange.onCancel(() => (cancelled = true));
    return new Promise(() => undefined);
  });
  const house = await startHouse(snapshotOf([backend]), []);
  const client = connectRaw(house.gateway.url);
  client.socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await until(() => arrived, "the backend should have been asked");
  client.close();
  await until(() => cancelled, "the backend should have been told");
  await until(() => house.lines.length === 1, "the request should be over");
  assert.equal((JSON.parse(house.lines[0] ?? "") as { cause: string }).cause, "CLIENT_GONE");
  assert.equal(backend.count, 1, "nobody else is asked");
  await house.stop();
  await backend.server.close();
});

test("gateway joins the connections of a WebSocket, across a change of snapshot", async () => {
  const backend = await startBackend("a", "v1", (request) =>
    Promise.resolve({
      status: 101,
      headers: ["sec-websocket-accept", request.headers[request.headers.indexOf("sec-websocket-key") + 1] ?? ""],
      takeOver(duplex) {
        void (async () => {
          for await (const bytes of duplex) await duplex.write(Buffer.from(`echo ${Buffer.from(bytes).toString()}`));
          duplex.end();
        })();
      },
    }),
  );
  const other = await startBackend("b", "v1");
  const house = await startHouse(snapshotOf([backend]), [backend, other]);
  const socket = connect(Number(new URL(house.gateway.url).port), "127.0.0.1");
  let text = "";
  socket.setEncoding("latin1");
  socket.on("data", (bytes: string) => (text += bytes));
  socket.write("GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: k\r\n\r\n");
  await until(() => text.includes("\r\n\r\n"), "an answer should have come");
  assert.match(text, /^HTTP\/1\.1 101 /);
  assert.match(text, /x-weir-version: v1/);
  socket.write("one");
  await until(() => text.includes("echo one"), "the echo should have come");
  await house.gateway.apply(snapshotOf([other], { revision: 2 }));
  assert.equal(await (await fetch(house.gateway.url)).text(), "v1 b");
  socket.write("two");
  await until(() => text.includes("echo two"), "the connection should have outlived its snapshot");
  socket.end();
  await until(() => house.lines.length === 2, "the end should be logged");
  const open = async (): Promise<string | undefined> =>
    /weir_gateway_endpoints (\d)/.exec(await (await fetch(`${house.gateway.adminUrl}/metrics`)).text())?.[1];
  await until(async () => (await open()) === "1", "the endpoint that left should be let go");
  assert.equal((JSON.parse(house.lines[1] ?? "") as { status: number }).status, 101);
  await house.stop();
});

test("gateway answers HEAD as the endpoint does, without a body", async () => {
  const backend = await startBackend("a", "v1");
  const house = await startHouse(snapshotOf([backend]), [backend]);
  const client = connectRaw(house.gateway.url);
  client.socket.write("HEAD / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  const text = await client.exchange("");
  assert.match(text, /^HTTP\/1\.1 200 OK[^]*\r\ncontent-length: 4\r\n\r\nHTTP\/1\.1 200 OK[^]*\r\n\r\nv1 a$/);
  await house.stop();
});

test("gateway stops gently: what is in flight is answered, then connections end", async () => {
  const held = Promise.withResolvers<void>();
  const backend = await startBackend("a", "v1", async (request) => {
    await held.promise;
    return { status: 200, headers: [], body: Buffer.from(await readBody(request.body, 100)) };
  });
  const house = await startHouse(snapshotOf([backend]), [backend]);
  const { gateway } = house;
  const slow = fetch(gateway.url, { method: "POST", body: "late" });
  await until(() => backend.count === 1, "the request to arrive");
  const stopped = gateway.stop();
  await until(async () => (await fetch(`${gateway.adminUrl}/readyz`)).status === 503, "the gateway to say that it stops");
  await assert.rejects(fetch(gateway.url));
  held.resolve();
  const answer = await slow;
  assert.equal(answer.headers.get("connection"), "close");
  assert.equal(await answer.text(), "late");
  await stopped;
  await backend.server.close();
});
