import assert from "node:assert/strict";
import http2 from "node:http2";
import net from "node:net";
import { test, type TestContext } from "node:test";
import tls from "node:tls";
import { createClient, type Client } from "./client.ts";
import type { BodyStream, HttpHandler } from "./http.ts";
import { createServer } from "./server.ts";
import { createAuthority } from "./testing/certificates.ts";
import { failure } from "./testing/pair.ts";
import { turn, until } from "./testing/turns.ts";

const authority = createAuthority();
const local = authority.issue({ ip: ["127.0.0.1"] });
const chunk = Buffer.alloc(65_536, "x");

async function served(t: TestContext, handler: HttpHandler): Promise<number> {
  const server = createServer(handler, { tls: { certificates: [local] } });
  t.after(() => server.close());
  return (await server.listen({ port: 0 })).port;
}

function asking(t: TestContext, port: number, http2Asked: boolean, connectMs = 10_000): Client {
  const client = createClient({ host: "127.0.0.1", port, tls: { ca: authority.pem }, http2: http2Asked, timeouts: { connectMs } });
  t.after(() => client.close());
  return client;
}

/** Pieces without end, and how many of them have been taken. */
function endless(): { readonly body: BodyStream; readonly taken: () => number } {
  let taken = 0;
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (;;) {
      taken += 1;
      yield chunk;
    }
  }
  return { body: pieces(), taken: () => taken };
}

/** Waits until a number has stopped growing, and answers it. */
async function settled(number: () => number): Promise<number> {
  for (let last = -1; last !== number();) {
    last = number();
    for (let turns = 0; turns < 200; turns += 1) await turn();
  }
  return number();
}

/** Passes bytes on, and counts the records of application data (type 23) that the server sends. */
async function recordCounter(t: TestContext, port: number): Promise<{ readonly port: number; records(): number }> {
  let records = 0;
  const proxy = net.createServer((client) => {
    const server = net.connect(port, "127.0.0.1");
    let held = Buffer.alloc(0);
    server.on("data", (bytes: Buffer) => {
      held = Buffer.concat([held, bytes]);
      for (; held.length >= 5 && held.length >= 5 + held.readUInt16BE(3); held = held.subarray(5 + held.readUInt16BE(3))) {
        if (held[0] === 23) records += 1;
      }
      client.write(bytes);
    });
    client.on("data", (bytes: Buffer) => server.write(bytes));
    for (const socket of [client, server])
      socket.on("error", () => undefined).on("close", () => [client, server].map((one) => one.destroy()));
  });
  await new Promise<void>((resolve) => void proxy.listen(0, "127.0.0.1", resolve));
  t.after(() => proxy.close());
  return { port: (proxy.address() as net.AddressInfo).port, records: () => records };
}

test("answers of one tick leave in one record, over HTTP/1.1", async (t) => {
  const counter = await recordCounter(t, await served(t, async () => ({ status: 200, headers: ["x-a", "b"], body: Buffer.from("hello") })));
  // Application data has a record type of its own in TLS 1.2 only.
  const socket = tls.connect({ host: "127.0.0.1", port: counter.port, ca: authority.pem, maxVersion: "TLSv1.2" });
  t.after(() => socket.destroy());
  let text = "";
  socket.on("data", (bytes: Buffer) => (text += bytes.toString()));
  const answers = async (count: number): Promise<number> => {
    const before = counter.records();
    text = "";
    socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(count));
    await until(() => text.split("hello").length === count + 1);
    return counter.records() - before;
  };
  assert.equal(await answers(1), 1);
  assert.equal(await answers(10), 1);
});

test("answers of one read leave in one record, over HTTP/2", async (t) => {
  const counter = await recordCounter(t, await served(t, async () => ({ status: 200, headers: [], body: Buffer.from("hello") })));
  const session = http2.connect(`https://127.0.0.1:${counter.port}`, { ca: authority.pem, maxVersion: "TLSv1.2" });
  t.after(() => session.destroy());
  const asks = (count: number): Promise<unknown> =>
    Promise.all(
      Array.from({ length: count }, () => {
        const stream = session.request({ ":path": "/" });
        stream.resume();
        return new Promise((resolve) => stream.on("end", resolve));
      }),
    );
  await asks(1);
  const before = counter.records();
  await asks(20);
  const records = counter.records() - before;
  // WINDOW_UPDATE or an acknowledgement may come apart.
  assert.ok(records <= 3, `20 answers in ${records} records`);
});

test("a client that takes leave behind its request is answered all the same", async (t) => {
  const port = await served(t, async () => {
    // Until the leave has been heard.
    for (let turns = 0; turns < 50; turns += 1) await turn();
    return { status: 200, headers: [], body: Buffer.from("hello") };
  });
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const options: net.SocketConstructorOpts & tls.ConnectionOptions = { ca: authority.pem, maxVersion, allowHalfOpen: true };
    const socket = tls.connect(port, "127.0.0.1", options);
    let text = "";
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.on("data", (bytes: Buffer) => (text += bytes.toString()));
    socket.end("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await closed;
    assert.match(text, /^HTTP\/1\.1 200 OK[^]*hello$/);
  }
});

for (const http2Asked of [false, true]) {
  const version = http2Asked ? "2" : "1.1";

  test(`a client that does not read holds up whoever answers, over TLS and HTTP/${version}`, async (t) => {
    const { body, taken } = endless();
    const client = asking(t, await served(t, async () => ({ status: 200, headers: [], body })), http2Asked);
    const response = await client.request({ method: "GET", target: "/", headers: [] });
    const iterator = (response.body as BodyStream)[Symbol.asyncIterator]();
    await iterator.next();
    const before = await settled(taken);
    // Both sockets' buffers, at most some megabytes.
    assert.ok(before * chunk.length < 16_000_000, `${before} pieces were taken`);
    while (taken() <= before) await iterator.next();
    await iterator.return?.();
  });

  test(`a handler that does not read holds up whoever asks, over TLS and HTTP/${version}`, async (t) => {
    const { body, taken } = endless();
    const { promise, resolve } = Promise.withResolvers<BodyStream>();
    const port = await served(t, async (request) => {
      resolve(request.body as BodyStream);
      return new Promise(() => undefined);
    });
    const client = asking(t, port, http2Asked);
    client.request({ method: "POST", target: "/", headers: [], body }).catch(() => undefined);
    const iterator = (await promise)[Symbol.asyncIterator]();
    await iterator.next();
    const before = await settled(taken);
    assert.ok(before * chunk.length < 16_000_000, `${before} pieces were taken`);
    while (taken() <= before) await iterator.next();
    await iterator.return?.();
    await client.close();
  });

  test(`a client gives up an origin that says nothing to its hello, over HTTP/${version}`, async (t) => {
    const silent = net.createServer((socket) => socket.on("error", () => undefined).resume());
    await new Promise<void>((resolve) => void silent.listen(0, "127.0.0.1", resolve));
    t.after(() => silent.close());
    const error = await failure(
      asking(t, (silent.address() as net.AddressInfo).port, http2Asked, 50).request({ method: "GET", target: "/", headers: [] }),
    );
    assert.deepEqual([error.reason, error.sent], ["CONNECT_TIMEOUT", false]);
  });
}
