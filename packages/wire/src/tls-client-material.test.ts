import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { createClient, type Client } from "./client.ts";
import type { HttpHandler } from "./http.ts";
import { readBody } from "./read-body.ts";
import { createServer, type Server } from "./server.ts";
import { createAuthority, type TestCertificate } from "./testing/certificates.ts";
import { until } from "./testing/turns.ts";
import { createTlsMaterial, type SharedTlsMaterial } from "./tls-client-material.ts";

const authority = createAuthority();
const origin = authority.issue({ ip: ["127.0.0.1"] });
const identityOf = (name: string): TestCertificate => authority.issue({ uri: [`spiffe://weir/${name}`] });
const get = { method: "GET", target: "/", headers: [] };

interface Scene {
  readonly server: Server;
  readonly port: number;
  /** Lets the answers to "/slow" go on. */
  readonly release: () => void;
}

/** A server that tells who asks; the answer to "/slow" ends when it is released. */
async function scene(t: TestContext, clientCa: string = authority.pem): Promise<Scene> {
  const gate = Promise.withResolvers<void>();
  const handler: HttpHandler = async ({ target }, { identity = "" }) => {
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(identity);
      await gate.promise;
      yield Buffer.from(" to the end");
    }
    return { status: 200, headers: [], body: target === "/slow" ? slow() : Buffer.from(identity) };
  };
  const server = createServer(handler, { tls: { certificates: [origin], clientCa } });
  t.after(() => server.close());
  const { port } = await server.listen({ port: 0 });
  return { server, port, release: gate.resolve };
}

async function told(client: Client, target = "/"): Promise<string> {
  const { body } = await client.request({ ...get, target });
  return Buffer.from(await readBody(body, 100)).toString();
}

for (const http2 of [false, true, { fallback: true }] as const) {
  const name = http2 === false ? "HTTP/1.1" : http2 === true ? "HTTP/2" : "either version of HTTP";
  test(`new connections show the certificate that was put in place, and what is on its way goes on, over ${name}`, async (t) => {
    const { server, port, release } = await scene(t);
    const material = createTlsMaterial({ ca: authority.pem, ...identityOf("first") });
    const create = (): Client => createClient({ host: "127.0.0.1", port, http2, tls: { material } });
    const client = create();
    t.after(() => client.close());
    assert.equal(await told(client), "spiffe://weir/first");
    const slow = await client.request({ ...get, target: "/slow" });
    material.replace({ ca: authority.pem, ...identityOf("second") });
    const another = create();
    t.after(() => another.close());
    // Also one that comes from nowhere, and not from a session of the first.
    assert.equal(await told(another), "spiffe://weir/second");
    release();
    assert.equal(Buffer.from(await readBody(slow.body, 100)).toString(), "spiffe://weir/first to the end");
    // The same client, once its connections are gone: its last session must not bring the old certificate back.
    await server.close();
    const again = createServer(async (_, { identity = "" }) => ({ status: 200, headers: [], body: Buffer.from(identity) }), {
      tls: { certificates: [origin], clientCa: authority.pem },
    });
    t.after(() => again.close());
    await again.listen({ port });
    assert.equal(await told(client), "spiffe://weir/second");
  });
}

test("a session of the old certificate is not resumed by the new one", async (t) => {
  const { port } = await scene(t);
  const material = createTlsMaterial({ ca: authority.pem, ...identityOf("first") });
  // Each request has a connection of its own, with the session of the one before.
  const client = createClient({ host: "127.0.0.1", port, tls: { material }, timeouts: { idleMs: 1 } });
  t.after(() => client.close());
  const once = async (): Promise<string> => {
    const identity = await told(client);
    await until(() => client.state.open === 0);
    return identity;
  };
  assert.deepEqual([await once(), await once()], ["spiffe://weir/first", "spiffe://weir/first"]);
  material.replace({ ca: authority.pem, ...identityOf("second") });
  assert.deepEqual([await once(), await once()], ["spiffe://weir/second", "spiffe://weir/second"]);
});

test("whom a client trusts can be replaced too", async (t) => {
  const { port } = await scene(t);
  const own = identityOf("first");
  const material = createTlsMaterial({ ca: createAuthority("others").pem, ...own });
  const client = createClient({ host: "127.0.0.1", port, tls: { material } });
  t.after(() => client.close());
  await assert.rejects(told(client), { reason: "TLS_SERVER_ISSUER_UNKNOWN" });
  material.replace({ ca: authority.pem, ...own });
  assert.equal(await told(client), "spiffe://weir/first");
});

test("a replacement that cannot be used is refused with its reason, and the old certificate stays", async (t) => {
  const { port } = await scene(t);
  const first = identityOf("first");
  const second = identityOf("second");
  const material: SharedTlsMaterial = createTlsMaterial({ ca: authority.pem, ...first });
  const late = authority.issue({ uri: ["spiffe://weir/late"], toMs: Date.now() - 1000 });
  for (const [reason, given] of [
    ["TLS_KEY_MISMATCH", { certificate: second.certificate, key: first.key }],
    ["TLS_CERTIFICATE_EXPIRED", late],
    ["TLS_CERTIFICATE_INVALID", { certificate: second.certificate }],
    ["TLS_CERTIFICATE_INVALID", { certificate: "half", key: second.key }],
    ["TLS_CERTIFICATE_INVALID", { ...second, ca: "half" }],
  ] as const) {
    assert.throws(() => material.replace({ ca: authority.pem, ...given }), { reason });
    assert.throws(() => createTlsMaterial({ ca: authority.pem, ...given }), { reason });
    const client = createClient({ host: "127.0.0.1", port, tls: { material } });
    assert.equal(await told(client), "spiffe://weir/first");
    await client.close();
  }
});
