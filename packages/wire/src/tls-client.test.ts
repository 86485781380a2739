import assert from "node:assert/strict";
import dns from "node:dns";
import http2 from "node:http2";
import net from "node:net";
import { test, type TestContext } from "node:test";
import tls from "node:tls";
import type { ClientOptions } from "./client-options.ts";
import { createClient, type Client } from "./client.ts";
import type { HttpHandler } from "./http.ts";
import type { ServerOptions } from "./options.ts";
import { readBody } from "./read-body.ts";
import { createServer, type Server } from "./server.ts";
import { createAuthority } from "./testing/certificates.ts";
import { failure } from "./testing/pair.ts";
import { until } from "./testing/turns.ts";
import type { TlsClientOptions } from "./tls-client.ts";
import type { TlsServerOptions } from "./tls.ts";
import { connectWebSocket } from "./websocket/client.ts";
import { createWebSocketServer } from "./websocket/server.ts";

const authority = createAuthority();
const others = createAuthority("others");
const local = authority.issue({ dns: ["localhost"], ip: ["127.0.0.1"], uri: ["spiffe://weir/origin"] });
const big = Buffer.alloc(3_000_000, "0123456789");
const get = { method: "GET", target: "/", headers: [] };

const handler: HttpHandler = async (request, { version, secure, identity }) => {
  const body = await readBody(request.body, 1e8);
  return { status: 200, headers: ["x-told", `${secure} ${version} ${identity} ${request.authority}`], body };
};

interface Pair {
  readonly server: Server;
  readonly client: Client;
  readonly port: number;
}

function asking(t: TestContext, port: number, options: Partial<ClientOptions> = {}): Client {
  const client = createClient({ host: "127.0.0.1", port, tls: { ca: authority.pem }, ...options });
  t.after(() => client.close());
  return client;
}

async function pair(
  t: TestContext,
  options: Partial<ClientOptions> = {},
  served: { readonly tls?: Partial<TlsServerOptions>; readonly rest?: ServerOptions } = {},
): Promise<Pair> {
  const server = createServer(handler, { ...served.rest, tls: { certificates: [local], ...served.tls } });
  t.after(() => server.close());
  const { port } = await server.listen({ port: 0 });
  return { server, port, client: asking(t, port, options) };
}

async function told(client: Client): Promise<string | undefined> {
  const { headers, body } = await client.request(get);
  await readBody(body, 100);
  return headers[headers.indexOf("x-told") + 1]?.replace(/ 127.*/, "");
}

/** A server of TLS that a test scripts byte by byte. */
async function rawOrigin(t: TestContext, serve: (socket: tls.TLSSocket) => void, options: tls.TlsOptions = {}): Promise<number> {
  const server = tls.createServer({ cert: local.certificate, key: local.key, ...options }, (socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => serve(socket));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return (server.address() as net.AddressInfo).port;
}

for (const http2Asked of [false, true]) {
  const version = http2Asked ? "2" : "1.1";

  test(`a client speaks HTTP/${version} over TLS: small and big bodies both ways, and with pieces`, async (t) => {
    const { client, server } = await pair(t, { http2: http2Asked });
    assert.equal(await told(client), `true ${version} undefined`);
    const post = { ...get, method: "POST" };
    assert.ok(Buffer.from(await readBody((await client.request({ ...post, body: big })).body, 1e8)).equals(big));
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < big.length; at += 50_000) yield big.subarray(at, at + 50_000);
    }
    assert.ok(Buffer.from(await readBody((await client.request({ ...post, body: pieces() })).body, 1e8)).equals(big));
    assert.deepEqual(server.counters.refusals, {});
  });

  test(`new connections of HTTP/${version} resume the session of the last one`, async (t) => {
    for (const versionMin of ["1.2", "1.3"] as const) {
      const { client, server } = await pair(t, { http2: http2Asked, timeouts: { idleMs: 30 } }, { tls: { versionMin } });
      for (let count = 0; count < 3; count += 1) {
        await told(client);
        await until(() => client.state.open === 0);
      }
      assert.deepEqual([server.counters.tlsHandshakesTotal, server.counters.tlsResumptionsTotal], [3, 2]);
    }
  });

  test(`a certificate that cannot be accepted is named with its fault, over HTTP/${version}`, async (t) => {
    const reasonOf = async (certificate: TlsServerOptions["certificates"][number], options: TlsClientOptions = {}): Promise<string> => {
      // The server is checked less strictly here than it checks itself.
      const port = await rawOrigin(t, (socket) => socket.end(), { cert: String(certificate.certificate), key: String(certificate.key) });
      const client = asking(t, port, { http2: http2Asked, tls: { ca: authority.pem, ...options } });
      const error = await failure(client.request(get));
      assert.equal(error.sent, false);
      return `${error.reason} ${error.message}`;
    };
    const now = Date.now();
    const late = authority.issue({ ip: ["127.0.0.1"], toMs: now - 1000 });
    const early = authority.issue({ ip: ["127.0.0.1"], fromMs: now + 3_600_000 });
    const foreign = others.issue({ ip: ["127.0.0.1"] });
    const named = authority.issue({ dns: ["a.example", "b.example"] });
    assert.match(
      await reasonOf(late),
      /^TLS_SERVER_CERTIFICATE_EXPIRED expected 127.0.0.1:\d+ to show a certificate that is valid now, found: .*expired/,
    );
    assert.match(await reasonOf(early), /^TLS_SERVER_CERTIFICATE_EXPIRED .*not yet valid/);
    assert.match(await reasonOf(foreign), /^TLS_SERVER_ISSUER_UNKNOWN expected 127.0.0.1:\d+ to show a certificate of a trusted authority/);
    assert.match(
      await reasonOf(named),
      /^TLS_SERVER_NAME_MISMATCH expected 127.0.0.1:\d+ to show a certificate for 127.0.0.1, found one for DNS:a.example, DNS:b.example/,
    );
    assert.match(await reasonOf(named, { serverName: "c.example" }), /^TLS_SERVER_NAME_MISMATCH .* for c.example, found/);
    assert.match(
      await reasonOf(local, { serverIdentity: "spiffe://weir/other" }),
      /^TLS_SERVER_NAME_MISMATCH .*found one for spiffe:\/\/weir\/origin/,
    );
    // The authorities of the platform know none of these.
    const port = await rawOrigin(t, (socket) => socket.end());
    assert.equal((await failure(asking(t, port, { http2: http2Asked, tls: true }).request(get))).reason, "TLS_SERVER_ISSUER_UNKNOWN");
  });

  test(`a certificate of ours is shown, and told as refused when it is, over HTTP/${version}`, async (t) => {
    for (const versionMin of ["1.2", "1.3"] as const) {
      const { port } = await pair(t, {}, { tls: { clientCa: authority.pem, versionMin } });
      const ours = authority.issue({ uri: ["spiffe://weir/us"] });
      const shown = { ca: authority.pem, certificate: ours.certificate, key: ours.key };
      const right = asking(t, port, { http2: http2Asked, tls: shown });
      assert.equal(await told(right), `true ${version} spiffe://weir/us`);
      const none = asking(t, port, { http2: http2Asked });
      assert.equal((await failure(none.request(get))).reason, "TLS_CLIENT_CERTIFICATE_REFUSED");
    }
  });

  test(`an origin that does not speak TLS, or breaks off, is named as such, over HTTP/${version}`, async (t) => {
    const cases: ((socket: net.Socket) => void)[] = [
      (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
      (socket) => socket.end(),
      (socket) => socket.resetAndDestroy(),
      (socket) => socket.end(Buffer.from("15030100020228", "hex")),
    ];
    for (const [index, serve] of cases.entries()) {
      const origin = net.createServer((socket) => socket.on("error", () => undefined).once("data", () => serve(socket)));
      await new Promise<void>((resolve) => void origin.listen(0, "127.0.0.1", resolve));
      t.after(() => origin.close());
      const client = asking(t, (origin.address() as net.AddressInfo).port, { http2: http2Asked });
      const error = await failure(client.request(get));
      assert.equal(error.sent, false);
      assert.ok(["TLS_HANDSHAKE_FAILED", "CONNECT_FAILED"].includes(error.reason), `case ${index}: ${error.reason} ${error.message}`);
    }
  });
}

test("a name with two addresses, of which the first does not answer, is spoken to and its sessions are resumed", async (t) => {
  const addresses = [
    { address: "::1", family: 6 },
    { address: "127.0.0.1", family: 4 },
  ];
  const { server, port } = await pair(t);
  type Found = (error: null, found: typeof addresses) => void;
  const lookup = dns.lookup as unknown as (name: string, options: object, done: Found) => void;
  t.mock.method(dns, "lookup", (name: string, options: object, done: Found) =>
    name === "localhost" ? done(null, addresses) : lookup(name, options, done),
  );
  const client = asking(t, port, { host: "localhost", timeouts: { idleMs: 30 } });
  for (let count = 0; count < 2; count += 1) {
    assert.match((await told(client)) ?? "", /^true 1\.1 undefined localhost:\d+$/);
    await until(() => client.state.open === 0);
  }
  assert.deepEqual([server.counters.tlsHandshakesTotal, server.counters.tlsResumptionsTotal], [2, 1]);
});

test("an identity is looked for instead of a name, and a name instead of the host", async (t) => {
  const { port } = await pair(t, {}, { tls: { certificates: [authority.issue({ uri: ["spiffe://weir/only"] })] } });
  assert.equal(await told(asking(t, port, { tls: { ca: authority.pem, serverIdentity: "spiffe://weir/only" } })), "true 1.1 undefined");
  assert.equal((await failure(asking(t, port).request(get))).reason, "TLS_SERVER_NAME_MISMATCH");
  const named = await pair(t, {}, { tls: { certificates: [authority.issue({ dns: ["a.example"] })] } });
  assert.equal(await told(asking(t, named.port, { tls: { ca: authority.pem, serverName: "a.example" } })), "true 1.1 undefined");
});

test("what the environment says of verification makes no difference", async (t) => {
  const { port } = await pair(t);
  process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
  t.after(() => delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"]);
  assert.equal((await failure(asking(t, port, { tls: { ca: others.pem } }).request(get))).reason, "TLS_SERVER_ISSUER_UNKNOWN");
});

test("an origin that does not choose HTTP/2 is refused, or spoken to in HTTP/1.1 where that is asked for", async (t) => {
  const { client, port, server } = await pair(t, { http2: true }, { rest: { protocol: "http1" } });
  const error = await failure(client.request(get));
  assert.deepEqual([error.reason, error.sent], ["TLS_PROTOCOL_MISMATCH", false]);
  // One that knows no ALPN at all chooses nothing.
  const silent = await rawOrigin(t, (socket) => socket.end());
  const found = await failure(asking(t, silent, { http2: true }).request(get));
  assert.match(`${found.reason} ${found.message}`, /^TLS_PROTOCOL_MISMATCH expected the origin to choose h2 \(ALPN\), found no choice/);
  const either = asking(t, port, { http2: { fallback: true } });
  const before = server.counters.tlsHandshakesTotal;
  const answers = await Promise.all(Array.from({ length: 5 }, () => told(either)));
  assert.deepEqual(new Set(answers), new Set(["true 1.1 undefined"]));
  assert.ok(server.counters.tlsHandshakesTotal - before <= 5);
  assert.equal(either.state.waiting, 0);
});

test("a client of either protocol speaks HTTP/2 where the origin chooses it, on its first connection", async (t) => {
  const { client, server } = await pair(t, { http2: { fallback: true } });
  const answers = await Promise.all(Array.from({ length: 50 }, () => told(client)));
  assert.deepEqual(new Set(answers), new Set(["true 2 undefined"]));
  assert.equal(server.counters.tlsHandshakesTotal, 1);
  assert.deepEqual(client.state, { open: 1, idle: 1, inFlight: 0, waiting: 0 });
});

test("a client of either protocol learns when the origin chooses otherwise", async (t) => {
  let isNew = false;
  const origin = http2.createSecureServer({
    cert: local.certificate,
    key: local.key,
    ALPNCallback: ({ protocols }) => protocols.find((one) => one === (isNew ? "h2" : "http/1.1")),
    allowHTTP1: true,
  });
  origin.on("request", (request, response) => response.end(request.httpVersion));
  await new Promise<void>((resolve) => void origin.listen(0, "127.0.0.1", resolve));
  t.after(() => origin.close());
  const { port } = origin.address() as net.AddressInfo;
  const client = asking(t, port, { http2: { fallback: true }, timeouts: { idleMs: 30 } });
  const version = async (): Promise<string> => Buffer.from(await readBody((await client.request(get)).body, 100)).toString();
  assert.equal(await version(), "1.1");
  await until(() => client.state.open === 0);
  isNew = true;
  const error = await failure(client.request(get));
  assert.deepEqual([error.reason, error.sent], ["TLS_PROTOCOL_MISMATCH", false]);
  assert.equal(await version(), "2.0");
});

test("a client of either protocol whose first call was given up asks anew", async (t) => {
  const { client } = await pair(t, { http2: { fallback: true } });
  const abort = new AbortController();
  const given = failure(client.request(get, { signal: abort.signal }));
  abort.abort();
  assert.equal((await given).reason, "REQUEST_CANCELLED");
  await until(() => client.state.open === 0);
  assert.equal(await told(client), "true 2 undefined");
});

test("a client of either protocol settles every call when there is no origin, and when it is closed", async (t) => {
  const { client, server, port } = await pair(t, { http2: { fallback: true } });
  await server.close();
  const errors = await Promise.all([failure(client.request(get)), failure(client.request(get))]);
  for (const error of errors) assert.deepEqual([error.reason, error.sent], ["CONNECT_FAILED", false]);
  const silent = net.createServer();
  await new Promise<void>((resolve) => void silent.listen(0, "127.0.0.1", resolve));
  t.after(() => silent.close());
  const late = asking(t, (silent.address() as net.AddressInfo).port, { http2: { fallback: true }, timeouts: { connectMs: 30 } });
  assert.equal((await failure(late.request(get))).reason, "CONNECT_TIMEOUT");
  const closing = asking(t, port, { http2: { fallback: true } });
  const waiting = failure(closing.request(get));
  await closing.close();
  assert.equal((await waiting).reason, "CLIENT_CLOSED");
  assert.equal((await failure(closing.request(get))).reason, "CLIENT_CLOSED");
});

test("a body that its connection ends is whole only after close_notify", async (t) => {
  const head = "HTTP/1.1 200 OK\r\n\r\n";
  const told = async (end: (socket: tls.TLSSocket, raw: net.Socket) => void, options: tls.TlsOptions): Promise<string> => {
    const raws: net.Socket[] = [];
    const server = tls.createServer({ cert: local.certificate, key: local.key, ...options }, (socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => socket.write(`${head}all of it`, () => end(socket, raws[0] as net.Socket)));
    });
    const listener = net.createServer((raw) => {
      raws.push(raw);
      raw.on("error", () => undefined);
      server.emit("connection", raw);
    });
    await new Promise<void>((resolve) => void listener.listen(0, "127.0.0.1", resolve));
    t.after(() => listener.close());
    const client = asking(t, (listener.address() as net.AddressInfo).port);
    const { body } = await client.request(get);
    return readBody(body, 1000).then(
      (bytes) => Buffer.from(bytes).toString(),
      (error: { reason: string; cause?: { reason?: string } }) => `${error.reason} ${error.cause?.reason ?? ""}`,
    );
  };
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    assert.equal(await told((socket) => void socket.end(), { maxVersion }), "all of it");
    // The platform ends its direction below TLS, as whoever is on the way could.
    assert.equal(await told((_socket, raw) => void raw.destroy(), { maxVersion }), "UPSTREAM_BODY_TRUNCATED TLS_CUT");
    // Half a record before the end.
    const half = (_socket: tls.TLSSocket, raw: net.Socket): void => void raw.write(Buffer.from("170303006401", "hex"), () => raw.destroy());
    assert.equal(await told(half, { maxVersion }), "UPSTREAM_BODY_TRUNCATED TLS_CUT");
  }
});

test("sessions of WebSocket pass over TLS, to wss: and from it", async (t) => {
  const sockets = createWebSocketServer();
  const server = createServer(
    async (request) =>
      sockets.accept(request, (session) => {
        void (async () => {
          for await (const message of session.messages) await session.send(message);
        })();
      }),
    { tls: { certificates: [local] } },
  );
  t.after(() => server.close());
  const { port } = await server.listen({ port: 0 });
  const session = await connectWebSocket(`wss://127.0.0.1:${port}/chat`, { tls: { ca: authority.pem } });
  for (const text of ["hello", "x".repeat(500_000)]) {
    await session.send(text);
    const { value } = await session.messages[Symbol.asyncIterator]().next();
    assert.equal(value, text);
  }
  await session.close();
  await assert.rejects(connectWebSocket(`wss://127.0.0.1:${port}/chat`), { reason: "TLS_SERVER_ISSUER_UNKNOWN" });
});

test("a client is not made with certificates that cannot be used", () => {
  const made = (tlsOptions: TlsClientOptions): Client => createClient({ host: "a", port: 1, tls: tlsOptions });
  assert.throws(() => made({ ca: "none" }), { reason: "TLS_CERTIFICATE_INVALID" });
  assert.throws(() => made({ certificate: local.certificate }), { reason: "TLS_CERTIFICATE_INVALID" });
  assert.throws(() => made({ certificate: local.certificate, key: others.issue({}).key }), { reason: "TLS_KEY_MISMATCH" });
});
