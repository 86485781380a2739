import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { createServer } from "@weir/wire";
import type { TestCertificate } from "@weir/wire/testing/certificates";
import { createAuthority } from "@weir/wire/testing/certificates";
import { createMetrics } from "../../telemetry/metrics.ts";
import { createVirtualClock } from "../../testing/virtual-clock.ts";
import { createClient } from "../client.ts";
import { createGreeter, createLogBook, eventually } from "../testdata/greeter.ts";
import { Greeter, HelloResponse } from "../testdata/greeter.weir.ts";
import { createBalancedClient } from "./balance/balanced-client.ts";
import { watchClientTls } from "./client-tls-files.ts";
import { createRpcHandler } from "./server.ts";
import { createWireTransport } from "./transport.ts";

const authority = createAuthority();
const identityOf = (name: string): TestCertificate => authority.issue({ uri: [`spiffe://weir/${name}`] });

interface Place {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

async function place(t: TestContext, first: TestCertificate): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), "weir-client-tls-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const files = { certificateFile: join(folder, "tls.crt"), keyFile: join(folder, "tls.key"), caFile: join(folder, "ca.pem") };
  await writeFile(files.caFile, authority.pem);
  await put(files, first);
  return files;
}

async function put({ certificateFile, keyFile }: Place, { certificate, key }: TestCertificate): Promise<void> {
  await writeFile(certificateFile, certificate);
  await writeFile(keyFile, key, { mode: 0o600 });
}

/** A greeter that greets by the identity of its caller. */
async function startSecure(t: TestContext): Promise<number> {
  const greeter = createGreeter({
    hello: async (_request, { peer }) => HelloResponse.create({ greeting: peer.identity ?? "nobody" }),
    async *count({ count }, { peer }) {
      for (let number = 1; count === 0 || number <= count; number++) yield { number, text: peer.identity ?? "nobody" };
    },
  });
  const certificates = [authority.issue({ ip: ["127.0.0.1"] })];
  const server = createServer(createRpcHandler([greeter]), { tls: { certificates, clientCa: authority.pem } });
  t.after(() => server.close());
  return (await server.listen({ port: 0 })).port;
}

test("files that change give new connections their certificate, of both kinds of client, and calls on their way go on", async (t) => {
  const port = await startSecure(t);
  const files = await place(t, identityOf("first"));
  const log = createLogBook();
  const metrics = createMetrics();
  using watched = await watchClientTls({ ...files, lookMs: 5, log, metrics });
  const { material } = watched;
  const http2 = { streamsPerConnectionMax: 1 };
  const balanced = createBalancedClient({ target: `static:///127.0.0.1:${port}`, connection: { http2, tls: { material } } });
  t.after(() => balanced.close());
  const transports = [
    createWireTransport({ url: `https://127.0.0.1:${port}`, protocol: "grpc", http2, tls: { material } }),
    createWireTransport({ client: balanced, protocol: "grpc" }),
  ];
  for (const [index, transport] of transports.entries()) {
    t.after(() => transport.close());
    const client = createClient(Greeter, transport);
    const stream = client.count({ count: 0 })[Symbol.asyncIterator]();
    const { value: before } = (await stream.next()) as IteratorResult<{ readonly text: string }>;
    const next = `next${index}`;
    await put(files, identityOf(next));
    await eventually(() => log.lines.filter((line) => line.startsWith("certificates replaced")).length === index + 1, "the replacement");
    // The stream has its connection for itself, so this call makes another.
    assert.equal((await client.hello({})).greeting, `spiffe://weir/${next}`);
    const { value: after } = (await stream.next()) as IteratorResult<{ readonly text: string }>;
    assert.equal(after.text, before.text);
    await stream.return?.();
  }
  assert.match(metrics.text(), /weir_client_tls_certificate_expires_seconds 1\d{9}\n/);
});

test("files that do not fit leave the old certificate, and are said", async (t) => {
  const port = await startSecure(t);
  const first = identityOf("first");
  const files = await place(t, first);
  const log = createLogBook();
  using watched = await watchClientTls({ ...files, lookMs: 5, log });
  await writeFile(files.certificateFile, identityOf("other").certificate);
  await eventually(() => log.lines.some((line) => line.includes("could not be replaced")), "the mishap to be said");
  const transport = createWireTransport({ url: `https://127.0.0.1:${port}`, tls: { material: watched.material } });
  t.after(() => transport.close());
  assert.equal((await createClient(Greeter, transport).hello({})).greeting, "spiffe://weir/first");
});

test("files that are missing or do not fit at the start are refused, and no timer is left behind", async (t) => {
  const files = await place(t, identityOf("first"));
  const clock = createVirtualClock();
  const watched = await watchClientTls({ ...files, clock: { ...clock, nowMs: () => Date.now(), after: clock.after.bind(clock) } });
  assert.equal(clock.pending, 1);
  watched.close();
  assert.equal(clock.pending, 0);
  await writeFile(files.certificateFile, identityOf("other").certificate);
  await assert.rejects(watchClientTls({ ...files }), { reason: "TLS_KEY_MISMATCH" });
  await rm(files.keyFile);
  await assert.rejects(watchClientTls({ ...files }), { reason: "TLS_FILE_UNREADABLE" });
});
