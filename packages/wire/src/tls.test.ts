import assert from "node:assert/strict";
import http2 from "node:http2";
import https from "node:https";
import net from "node:net";
import { test, type TestContext } from "node:test";
import tls from "node:tls";
import type { Exchange, HttpHandler } from "./http.ts";
import type { ServerOptions } from "./options.ts";
import { readBody } from "./read-body.ts";
import { createServer, type Server } from "./server.ts";
import { createAuthority, type CertificateOptions } from "./testing/certificates.ts";
import { until } from "./testing/turns.ts";
import { VirtualClock } from "./testing/virtual-clock.ts";
import type { TlsServerOptions } from "./tls.ts";

const authority = createAuthority();
const others = createAuthority("others");
const local = authority.issue({ dns: ["localhost"], ip: ["127.0.0.1"] });
const big = Buffer.alloc(3_000_000, "0123456789");

const told = ({ secure, version, identity }: Exchange): string => `${secure} ${version} ${identity}`;
const handler: HttpHandler = async (request, exchange) => {
  if (request.target === "/big") return { status: 200, headers: [], body: big };
  const body = await readBody(request.body, 1e8);
  return { status: 200, headers: ["x-told", told(exchange)], body };
};

async function served(
  t: TestContext,
  options: Partial<TlsServerOptions> = {},
  rest: ServerOptions = {},
): Promise<{ server: Server; port: number }> {
  const server = createServer(handler, { ...rest, tls: { certificates: [local], ...options } });
  t.after(() => server.close());
  const { port } = await server.listen({ port: 0 });
  return { server, port };
}

function httpsAsks(port: number, options: https.RequestOptions = {}, body?: Buffer): Promise<{ told: unknown; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const asked = { host: "127.0.0.1", port, ca: authority.pem, method: "POST", path: "/", agent: false as const, ...options };
    const request = https.request(asked, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => resolve({ told: response.headers["x-told"], body: Buffer.concat(parts) }));
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

function http2Asks(t: TestContext, url: string, body = Buffer.alloc(0)): Promise<{ told: unknown; body: Buffer }> {
  const session = http2.connect(url, { ca: authority.pem });
  t.after(() => session.destroy());
  return new Promise((resolve, reject) => {
    session.on("error", reject);
    const stream = session.request({ ":method": "POST", ":path": "/" });
    const parts: Buffer[] = [];
    let head: http2.IncomingHttpHeaders = {};
    stream.on("response", (got) => (head = got));
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.on("end", () => resolve({ told: head["x-told"], body: Buffer.concat(parts) }));
    stream.on("error", reject);
    stream.end(body);
  });
}

/** Connects by TLS, answers what was agreed, and closes. */
function greeted(
  port: number,
  options: tls.ConnectionOptions = {},
): Promise<{ name: string; reused: boolean; session: Buffer | undefined }> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: "127.0.0.1", port, ca: authority.pem, ALPNProtocols: ["http/1.1"], ...options });
    let session: Buffer | undefined;
    socket.on("session", (given) => (session = given));
    socket.on("error", reject);
    socket.on("data", () => {
      const name = socket.getPeerX509Certificate()?.subjectAltName ?? "";
      resolve({ name, reused: socket.isSessionReused(), session });
      socket.destroy();
    });
    socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  });
}

test("one port serves TLS and cleartext, HTTP/2 and HTTP/1.1, where cleartext is asked for", async (t) => {
  const { server, port } = await served(t, { cleartext: true });
  assert.equal((await httpsAsks(port)).told, "true 1.1 undefined");
  assert.equal((await http2Asks(t, `https://127.0.0.1:${port}`)).told, "true 2 undefined");
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).headers.get("x-told"), "false 1.1 undefined");
  assert.equal((await http2Asks(t, `http://127.0.0.1:${port}`)).told, "false 2 undefined");
  assert.deepEqual(server.counters.refusals, {});
  assert.equal(server.counters.tlsHandshakesTotal, 2);
});

test("cleartext on a port of TLS is refused with a reason, and so are bytes of neither", async (t) => {
  const { server, port } = await served(t);
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  assert.equal(answer.status, 400);
  assert.equal(((await answer.json()) as { reason: string }).reason, "TLS_REQUIRED");
  await assert.rejects(http2Asks(t, `http://127.0.0.1:${port}`));
  assert.deepEqual(server.counters.refusals, { TLS_REQUIRED: 2 });
  await until(() => server.counters.connectionsOpen === 0);
});

test("big bodies pass both ways over TLS, in HTTP/1.1 and HTTP/2", async (t) => {
  const { port } = await served(t);
  assert.ok((await httpsAsks(port, {}, big)).body.equals(big));
  assert.ok((await http2Asks(t, `https://127.0.0.1:${port}`, big)).body.equals(big));
});

test("ALPN follows the protocol of the server, and a client that names neither is refused by the handshake", async (t) => {
  const chosen = async (protocol: "http1" | "http2" | "both", asked: string[]): Promise<string | false | null> => {
    const { port } = await served(t, {}, { protocol });
    return new Promise((resolve, reject) => {
      const socket = tls.connect({ host: "127.0.0.1", port, ca: authority.pem, ALPNProtocols: asked }, () => {
        resolve(socket.alpnProtocol);
        socket.destroy();
      });
      socket.on("error", reject);
    });
  };
  assert.equal(await chosen("both", ["h2", "http/1.1"]), "h2");
  assert.equal(await chosen("http1", ["h2", "http/1.1"]), "http/1.1");
  assert.equal(await chosen("http2", ["http/1.1", "h2"]), "h2");
  await assert.rejects(chosen("http2", ["http/1.1"]), { code: "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL" });
});

test("the certificate is chosen by the name asked for, wildcards included, and the first for names that none has", async (t) => {
  const certificates = [local, authority.issue({ dns: ["a.example", "b.example"] }), authority.issue({ dns: ["*.c.example"] })];
  const { port } = await served(t, { certificates });
  const seen = async (servername?: string): Promise<string> =>
    (await greeted(port, { servername, checkServerIdentity: () => undefined })).name;
  assert.match(await seen("localhost"), /localhost/);
  assert.match(await seen("b.example"), /DNS:a.example, DNS:b.example/);
  assert.match(await seen("B.Example"), /DNS:b.example/);
  assert.match(await seen("x.c.example"), /DNS:\*\.c\.example/);
  for (const name of ["c.example", "y.x.c.example", "unknown.example", undefined]) assert.match(await seen(name), /localhost/);
});

test("versions below the least are refused", async (t) => {
  const { server, port } = await served(t, { versionMin: "1.3" });
  await assert.rejects(greeted(port, { maxVersion: "TLSv1.2" }), /alert protocol version/);
  await greeted(port);
  assert.deepEqual(server.counters.refusals, { TLS_HANDSHAKE_FAILED: 1 });
});

test("sessions are resumed, until certificates are replaced", async (t) => {
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const { server, port } = await served(t);
    const first = await greeted(port, { maxVersion });
    assert.equal(first.reused, false);
    const second = await greeted(port, { maxVersion, session: first.session });
    assert.equal(second.reused, true);
    assert.equal(server.counters.tlsResumptionsTotal, 1);
    server.replaceTls({ certificates: [local] });
    assert.equal((await greeted(port, { maxVersion, session: first.session })).reused, false);
    assert.equal(server.counters.tlsHandshakesTotal, 3);
  }
});

test("tickets are new every 12 hours", async (t) => {
  const clock = new VirtualClock();
  const { server, port } = await served(t, { certificates: [authority.issue({ ip: ["127.0.0.1"], fromMs: 0 })] }, { clock });
  const { session } = await greeted(port);
  clock.advance(11 * 3_600_000);
  assert.equal((await greeted(port, { session })).reused, true);
  clock.advance(2 * 3_600_000);
  const fresh = await greeted(port, { session });
  assert.equal(fresh.reused, false);
  assert.equal((await greeted(port, { session: fresh.session })).reused, true);
  assert.equal(server.counters.tlsResumptionsTotal, 2);
});

test("clients prove who they are: by their first URI name, else by their common name", async (t) => {
  const { port } = await served(t, { clientCa: authority.pem });
  const as = async (options: CertificateOptions): Promise<unknown> => {
    const { certificate: cert, key } = authority.issue(options);
    return (await httpsAsks(port, { cert, key })).told;
  };
  assert.equal(await as({ commonName: "cn", uri: ["spiffe://a/b", "spiffe://c"], dns: ["d"] }), "true 1.1 spiffe://a/b");
  assert.equal(await as({ commonName: "cn", dns: ["d"] }), "true 1.1 cn");
  assert.equal(await as({ dns: ["d"] }), "true 1.1 undefined");
  assert.equal(await as({ dns: ["d, URI:spiffe://forged"], commonName: "plain" }), "true 1.1 plain");
});

test("clients without a certificate, or with a wrong one, are refused where one is required, and counted", async (t) => {
  const { server, port } = await served(t, { clientCa: authority.pem });
  const wrong = others.issue({ commonName: "cn" });
  const late = authority.issue({ commonName: "cn", toMs: Date.now() - 1000 });
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    await assert.rejects(httpsAsks(port, { maxVersion }));
    await assert.rejects(httpsAsks(port, { maxVersion, cert: wrong.certificate, key: wrong.key }));
    await assert.rejects(httpsAsks(port, { maxVersion, cert: late.certificate, key: late.key }));
  }
  const seen = (): number => Object.values(server.counters.refusals).reduce((sum, one) => sum + one, 0);
  await until(() => server.counters.connectionsOpen === 0 && seen() === 6);
  assert.deepEqual(server.counters.refusals, { TLS_CLIENT_CERTIFICATE_MISSING: 2, TLS_CLIENT_CERTIFICATE_INVALID: 4 });
  assert.equal(server.counters.requestsTotal, 0);
});

test("where certificates of clients are requested, none is no matter and a wrong one is refused", async (t) => {
  const { server, port } = await served(t, { clientCa: authority.pem, clientCertificates: "request" });
  assert.equal((await httpsAsks(port)).told, "true 1.1 undefined");
  const right = authority.issue({ commonName: "cn" });
  assert.equal((await httpsAsks(port, { cert: right.certificate, key: right.key })).told, "true 1.1 cn");
  const wrong = others.issue({ commonName: "cn" });
  await assert.rejects(httpsAsks(port, { cert: wrong.certificate, key: wrong.key }));
  await until(() => server.counters.connectionsOpen === 0 && Object.keys(server.counters.refusals).length > 0);
  assert.deepEqual(server.counters.refusals, { TLS_CLIENT_CERTIFICATE_INVALID: 1 });
});

test("a client that resumes keeps its identity, and loses it with its authority", async (t) => {
  const { server, port } = await served(t, { clientCa: authority.pem });
  const { certificate: cert, key } = authority.issue({ uri: ["spiffe://a/b"] });
  const first = await greeted(port, { cert, key });
  const agent = new https.Agent({ session: first.session } as https.AgentOptions);
  t.after(() => agent.destroy());
  const asked = { cert, key, session: first.session } as https.RequestOptions;
  assert.equal((await httpsAsks(port, asked)).told, "true 1.1 spiffe://a/b");
  assert.equal(server.counters.tlsResumptionsTotal, 1);
  server.replaceTls({ certificates: [local], clientCa: others.pem });
  await assert.rejects(httpsAsks(port, asked));
});

test("handshakes that are slow are cut in time, the silent ones too", async (t) => {
  const clock = new VirtualClock();
  const made = { certificates: [authority.issue({ dns: ["localhost"], fromMs: 0 })], handshakeMs: 1000 };
  const { server, port } = await served(t, made, { clock });
  const hello = Buffer.from("1603010200010001fc0303", "hex");
  const closed: Promise<void>[] = [];
  for (const bytes of [Buffer.alloc(0), hello.subarray(0, 1), hello]) {
    const socket = net.connect(port, "127.0.0.1", () => socket.write(bytes));
    closed.push(new Promise((resolve) => void socket.on("close", () => resolve())));
    socket.on("error", () => undefined).resume();
  }
  await until(() => server.counters.connectionsTotal === 3);
  await until(() => {
    clock.advance(100);
    return server.counters.connectionsOpen === 0;
  });
  await Promise.all(closed);
  assert.deepEqual(Object.keys(server.counters.refusals), ["TLS_HANDSHAKE_TIMEOUT"]);
});

test("more handshakes than handshakesMax are cut at once, and there is room again when they are over", async (t) => {
  const { server, port } = await served(t, { handshakesMax: 2 });
  const slow = [0, 1].map(() => net.connect(port, "127.0.0.1"));
  for (const socket of slow) socket.on("error", () => undefined).write(Buffer.from("1603010200", "hex"));
  await until(() => server.counters.connectionsTotal === 2);
  await until(() => slow.every((socket) => socket.bytesWritten > 0 && socket.writableLength === 0));
  await assert.rejects(greeted(port));
  assert.deepEqual(server.counters.refusals, { TLS_HANDSHAKES_TOO_MANY: 1 });
  for (const socket of slow) socket.destroy();
  await until(() => server.counters.connectionsOpen === 0);
  await greeted(port);
});

test("garbage behind the first byte, a hello that is cut off, and clients that are killed cost their connection only", async (t) => {
  const { server, port } = await served(t);
  const bytes = ["16ffffffffffffffffffffff", "1603010005ffffffffff", "16", "160301000401000000", "16030100020100"];
  for (const [index, text] of bytes.entries()) {
    await new Promise<void>((resolve) => {
      const socket = net.connect(port, "127.0.0.1", () => {
        socket.write(Buffer.from(text, "hex"), () => {
          if (index % 2 === 0) socket.resetAndDestroy();
          else socket.end();
        });
      });
      socket.on("error", () => undefined);
      socket.on("close", () => resolve());
      socket.resume();
    });
  }
  await until(() => server.counters.connectionsOpen === 0);
  assert.equal(server.counters.tlsHandshakesTotal, 0);
  await greeted(port);
});

test("a drain cuts handshakes under way, finishes requests, and lets none begin", async (t) => {
  const { server, port } = await served(t);
  const socket = net.connect(port, "127.0.0.1", () => socket.write(Buffer.from("1603", "hex")));
  const idle = tls.connect({ host: "127.0.0.1", port, ca: authority.pem });
  const over = [socket, idle].map(
    (one) =>
      new Promise<void>(
        (resolve) =>
          void one
            .on("close", () => resolve())
            .on("error", () => undefined)
            .resume(),
      ),
  );
  await until(() => server.counters.tlsHandshakesTotal === 1 && server.counters.connectionsOpen === 2);
  await server.drain(5000);
  await Promise.all(over);
  assert.equal(server.counters.connectionsOpen, 0);
});
