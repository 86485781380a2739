import { createClient as createHttpClient, readBody } from "@weir/wire";
import { createAuthority, type TestCertificate } from "@weir/wire/testing/certificates";
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import tls from "node:tls";
import type { Logger } from "../call.ts";
import { createClient } from "../rpc/client.ts";
import { createWireTransport } from "../rpc/node/transport.ts";
import { createGreeter, eventually } from "../rpc/testdata/greeter.ts";
import { Greeter, HelloResponse } from "../rpc/testdata/greeter.weir.ts";
import { isFault } from "../fault.ts";
import { createVirtualClock } from "../testing/virtual-clock.ts";
import { createApp, type RunningApp } from "./app.ts";
import { readTlsFiles } from "./tls-files.ts";
import { createMetrics } from "../telemetry/metrics.ts";

const authority = createAuthority();
const certificateOf = (name: string): TestCertificate => authority.issue({ dns: [name], ip: ["127.0.0.1"] });

interface Book {
  readonly log: Logger;
  readonly messages: string[];
  readonly errors: unknown[];
}

function createBook(): Book {
  const messages: string[] = [];
  const errors: unknown[] = [];
  const write = (message: string, fields: { readonly error?: unknown } = {}): void => {
    messages.push(message);
    if (fields.error !== undefined) errors.push(fields.error);
  };
  const log: Logger = { debug: write, info: write, warn: write, error: write, with: () => log };
  return { log, messages, errors };
}

interface Place {
  readonly folder: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

async function place(t: TestContext): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), "weir-tls-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return { folder, certificateFile: join(folder, "tls.crt"), keyFile: join(folder, "tls.key") };
}

async function put({ certificateFile, keyFile }: Place, { certificate, key }: TestCertificate): Promise<void> {
  await writeFile(certificateFile, certificate);
  await writeFile(keyFile, key, { mode: 0o600 });
}

async function started(t: TestContext, files: Place, book: Book): Promise<RunningApp> {
  const { certificateFile, keyFile } = files;
  const tlsOptions = { certificateFile, keyFile, lookMs: 5 };
  const app = createApp({ name: "sample", services: [createGreeter()], tls: tlsOptions, log: book.log, timeouts: { drainMsMax: 100 } });
  const running = await app.start();
  t.after(() => running.stop());
  return running;
}

function shown(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: "127.0.0.1", port, ca: authority.pem }, () => {
      resolve(/DNS:([^,]+)/.exec(socket.getPeerX509Certificate()?.subjectAltName ?? "")?.[1] ?? "");
      socket.end().resume();
    });
    socket.on("error", reject);
  });
}

/** Waits until the app shows a certificate for `name`. */
async function shows(port: number, name: string): Promise<void> {
  const endMs = performance.now() + 5000;
  while ((await shown(port)) !== name) assert.ok(performance.now() < endMs, `the app never showed ${name}`);
}

test("app takes calls over TLS, and its admin port stays in cleartext", async (t) => {
  const files = await place(t);
  await put(files, certificateOf("first"));
  const running = await started(t, files, createBook());
  const client = createHttpClient({ host: "127.0.0.1", port: running.port, tls: { ca: authority.pem }, http2: true });
  t.after(() => client.close());
  const { status, body } = await client.request({ method: "GET", target: "/v1/hello/ada", headers: [] });
  assert.deepEqual([status, JSON.parse(Buffer.from(await readBody(body, 1000)).toString())], [200, { greeting: "hello ada" }]);
  assert.equal((await fetch(`http://127.0.0.1:${running.port}/v1/hello/ada`)).status, 400);
  const metrics = await (await fetch(`http://127.0.0.1:${running.adminPort}/metrics`)).text();
  assert.match(metrics, /weir_tls_certificate_expires_seconds 1\d{9}\n/);
  assert.match(metrics, /weir_http_tls_handshakes_total\{server="main"\} 1\n/);
  assert.match(metrics, /weir_http_refusals_total\{server="main",reason="TLS_REQUIRED"\} 1\n/);
});

test("handlers find who calls in call.peer.identity, over every protocol, and nobody else gets in", async (t) => {
  const files = await place(t);
  await put(files, certificateOf("first"));
  const clientCaFile = join(files.folder, "ca.pem");
  await writeFile(clientCaFile, authority.pem);
  const greeter = createGreeter({ hello: async (_request, call) => HelloResponse.create({ greeting: call.peer.identity ?? "nobody" }) });
  const { certificateFile, keyFile } = files;
  const app = createApp({ name: "sample", services: [greeter], tls: { certificateFile, keyFile, clientCaFile } });
  const running = await app.start();
  t.after(() => running.stop());
  const { certificate, key } = authority.issue({ uri: ["spiffe://weir/caller"] });
  const url = `https://127.0.0.1:${running.port}`;
  for (const protocol of ["connect", "grpc", "grpc-web"] as const) {
    const known = createWireTransport({ url, protocol, tls: { ca: authority.pem, certificate, key } });
    const unknown = createWireTransport({ url, protocol, tls: { ca: authority.pem } });
    t.after(() => Promise.all([known.close(), unknown.close()]));
    assert.equal((await createClient(Greeter, known).hello({ name: "ada" })).greeting, "spiffe://weir/caller");
    await assert.rejects(createClient(Greeter, unknown).hello({ name: "ada" }), { reason: "TLS_CLIENT_CERTIFICATE_REFUSED" });
  }
});

test("certificates are taken anew when files are written over, renamed over, or a link leads elsewhere", async (t) => {
  const files = await place(t);
  await put(files, certificateOf("first"));
  const running = await started(t, files, createBook());
  assert.equal(await shown(running.port), "first");
  await put(files, certificateOf("written"));
  await shows(running.port, "written");

  // As editors do it: another file beside it, which takes its name.
  const renamed = certificateOf("renamed");
  for (const [path, text] of [
    [files.certificateFile, renamed.certificate],
    [files.keyFile, renamed.key],
  ] as const) {
    await writeFile(`${path}.tmp`, text);
    await rename(`${path}.tmp`, path);
  }
  await shows(running.port, "renamed");

  // As Kubernetes does it: files are links into a folder that is itself a link, which is swapped.
  const dated = async (name: string): Promise<string> => {
    const folder = join(files.folder, `..${name}`);
    await mkdir(folder);
    await put({ folder, certificateFile: join(folder, "tls.crt"), keyFile: join(folder, "tls.key") }, certificateOf(name));
    return folder;
  };
  const data = join(files.folder, "..data");
  await symlink(await dated("linked"), data);
  await Promise.all([rm(files.certificateFile), rm(files.keyFile)]);
  await symlink(join("..data", "tls.crt"), files.certificateFile);
  await symlink(join("..data", "tls.key"), files.keyFile);
  await shows(running.port, "linked");
  await symlink(await dated("swapped"), `${data}.new`);
  await rename(`${data}.new`, data);
  await shows(running.port, "swapped");
});

test("files that are half-written, missing or wrong leave the old certificate, and are said once each", async (t) => {
  const files = await place(t);
  await put(files, certificateOf("first"));
  const book = createBook();
  const running = await started(t, files, book);
  const reasons = (): unknown[] => book.errors.map((error) => (isFault(error) ? error.reason : error));
  const said = async (reason: string): Promise<void> => {
    await eventually(() => reasons().at(-1) === reason, reason);
    assert.equal(await shown(running.port), "first");
  };
  const next = certificateOf("next");
  await writeFile(files.certificateFile, next.certificate);
  await said("TLS_KEY_MISMATCH");
  await truncate(files.certificateFile, 100);
  await said("TLS_CERTIFICATE_INVALID");
  await rm(files.certificateFile);
  await said("TLS_FILE_UNREADABLE");
  const late = authority.issue({ ip: ["127.0.0.1"], toMs: Date.now() - 1000 });
  await put(files, late);
  await said("TLS_CERTIFICATE_EXPIRED");
  await put(files, next);
  await shows(running.port, "next");
  // On the way from one state to the next others may be seen, but none at every look.
  assert.ok(book.errors.length <= 8, book.errors.map(String).join("; "));
});

test("app does not start with files that are missing, unreadable or do not fit, and leaves nothing behind", async (t) => {
  const files = await place(t);
  await assert.rejects(started(t, files, createBook()), { reason: "TLS_FILE_UNREADABLE", message: /tls\.(crt|key)/ });
  await put(files, { ...certificateOf("first"), key: certificateOf("other").key });
  await assert.rejects(started(t, files, createBook()), { reason: "TLS_KEY_MISMATCH" });
  await writeFile(files.certificateFile, "x".repeat(1_048_577));
  await assert.rejects(started(t, files, createBook()), { reason: "TLS_FILE_UNREADABLE", message: /longer than 1048576/ });
});

test("files are looked at no more once nobody asks for them", async (t) => {
  const files = await place(t);
  await put(files, certificateOf("first"));
  const clock = createVirtualClock();
  const read = await readTlsFiles(files, { metrics: createMetrics(), log: createBook().log, clock });
  assert.equal(clock.pending, 0);
  const stop = read.watch(() => undefined);
  assert.equal(clock.pending, 1);
  stop();
  assert.equal(clock.pending, 0);
});
