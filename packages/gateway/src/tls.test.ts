import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import tls from "node:tls";
import { promisify } from "node:util";
import { credentials } from "@grpc/grpc-js";
import { createClient, readBody } from "@weir/wire";
import { createAuthority, type TestCertificate } from "@weir/wire/testing/certificates";
import { connectGrpc, outcomeOf, startGrpcServer } from "./fixtures/grpc.ts";
import { snapshotOf, startBackend, startHouse, type House } from "./fixtures/house.ts";
import { until } from "./fixtures/until.ts";
import { createGateway, type GatewayOptions } from "./gateway.ts";

const run = promisify(execFile);
const authority = createAuthority();
const local = authority.issue({ dns: ["localhost"], ip: ["127.0.0.1"] });
const curlMissing = spawnSync("curl", ["--version"]).error === undefined ? false : "curl is not installed: install curl";

/** Files of a certificate, its key, and the authority. */
interface Files {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

function filesOf(t: TestContext, certificate: TestCertificate): Files {
  const folder = mkdtempSync(join(tmpdir(), "weir-gateway-tls-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const files = { certificateFile: join(folder, "tls.crt"), keyFile: join(folder, "tls.key"), caFile: join(folder, "ca.crt") };
  writeFileSync(files.caFile, authority.pem);
  write(files, certificate);
  return files;
}

function write({ certificateFile, keyFile }: Files, { certificate, key }: TestCertificate): void {
  writeFileSync(certificateFile, certificate);
  writeFileSync(keyFile, key, { mode: 0o600 });
}

/** A gateway over TLS, before a backend that tells how it was asked. */
async function startTls(t: TestContext, files: Files, more: Partial<NonNullable<GatewayOptions["tls"]>> = {}): Promise<House> {
  const backend = await startBackend("a", "v1", async ({ headers, body, authority: host }, { secure, version }) => {
    const told = Object.fromEntries(headers.flatMap((name, at) => (at % 2 === 0 ? [[name, headers[at + 1]]] : [])));
    const read = Buffer.from(await readBody(body, 1e6)).toString();
    return { status: 200, headers: [], body: Buffer.from(JSON.stringify({ told, read, host, secure, version })) };
  });
  const { certificateFile, keyFile } = files;
  const house = await startHouse(snapshotOf([backend]), [backend], { tls: { certificateFile, keyFile, lookMs: 5, ...more } });
  t.after(house.stop);
  return house;
}

test("gateway serves curl over TLS, by HTTP/2 and HTTP/1.1 as ALPN says", { skip: curlMissing }, async (t) => {
  const files = filesOf(t, local);
  const { gateway } = await startTls(t, files);
  assert.match(gateway.url, /^https:/);
  for (const [protocol, version] of [
    ["--http2", "2"],
    ["--http1.1", "1.1"],
  ] as const) {
    const words = ["-sS", "--max-time", "10", "--cacert", files.caFile, protocol, "-w", "\n%{http_version} %{http_code}"];
    const { stdout } = await run("curl", [...words, "-d", "hello", "-H", "x-forwarded-proto: http", `${gateway.url}/x`]);
    const [answer = "", end] = stdout.split("\n");
    const { told, read, host, secure } = JSON.parse(answer) as Record<"told" | "read" | "host" | "secure", Record<string, string>>;
    assert.deepEqual([end, read, secure, host], [`${version} 200`, "hello", false, new URL(gateway.url).host]);
    assert.equal(told["x-forwarded-proto"], "https");
    assert.match(told["forwarded"] ?? "", /^for=127\.0\.0\.1;host="127\.0\.0\.1:\d+";proto=https$/);
  }
});

test("gateway with TLS refuses cleartext, and its admin port speaks nothing else", async (t) => {
  const { gateway, log } = await startTls(t, filesOf(t, local));
  const plain = await fetch(gateway.url.replace("https:", "http:"));
  assert.deepEqual([plain.status, (await plain.text()).includes("TLS_REQUIRED")], [400, true]);
  const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  assert.match(metrics, /weir_tls_certificate_expires_seconds 1\d{9}\n/);
  assert.match(metrics, /weir_http_refusals_total\{server="main",reason="TLS_REQUIRED"\} 1\n/);
  assert.deepEqual(log, ["snapshot applied"]);
});

test("gateway serves both on one port where that is asked for, and tells endpoints which it was", async (t) => {
  const { gateway } = await startTls(t, filesOf(t, local), { cleartext: true });
  const port = Number(new URL(gateway.url).port);
  const protos: string[] = [];
  for (const secured of [{ tls: { ca: authority.pem } }, {}]) {
    const client = createClient({ host: "127.0.0.1", port, ...secured });
    const { body } = await client.request({ method: "GET", target: "/", headers: [] });
    const { told } = JSON.parse(Buffer.from(await readBody(body, 1e6)).toString()) as { told: Record<string, string> };
    protos.push(told["x-forwarded-proto"] ?? "");
    await client.close();
  }
  assert.deepEqual(protos, ["https", "http"]);
});

test("grpc-js calls through TLS, unary and both ways at once", async (t) => {
  const server = await startGrpcServer("g", "v1", {
    unary: (call, answer) => answer(null, Buffer.from(`hello ${call.request.toString()}`)),
    bidi(call) {
      call.on("data", (message: Buffer) => void call.write(message));
      call.on("end", () => call.end());
    },
  });
  t.after(server.stop);
  const { certificateFile, keyFile } = filesOf(t, local);
  const house = await startHouse(snapshotOf([server]), [], { tls: { certificateFile, keyFile } });
  t.after(house.stop);
  const client = connectGrpc(house.gateway.url.replace("127.0.0.1", "localhost"), credentials.createSsl(Buffer.from(authority.pem)));
  t.after(client.close);
  const { text, code, details } = await client.unary("ada");
  assert.deepEqual([text, code, details], ["hello ada", 0, ""]);
  const stream = client.bidi();
  for (const text of ["one", "two"]) stream.write(Buffer.from(text));
  stream.end();
  assert.deepEqual(await outcomeOf(stream), { texts: ["one", "two"], code: 0, details: "OK" });
});

test("gateway lets in only clients with a certificate where it has their authority", async (t) => {
  const files = filesOf(t, local);
  const { gateway } = await startTls(t, files, { clientCaFile: files.caFile });
  const port = Number(new URL(gateway.url).port);
  const known = createClient({ host: "127.0.0.1", port, tls: { ca: authority.pem, ...authority.issue({ uri: ["spiffe://weir/ada"] }) } });
  const stranger = createClient({ host: "127.0.0.1", port, tls: { ca: authority.pem } });
  t.after(() => Promise.all([known.close(), stranger.close()]));
  const forged = ["x-weir-client-identity", "spiffe://weir/root", "x_weir_client_identity", "root"];
  const { status, body } = await known.request({ method: "GET", target: "/", headers: forged });
  const { told } = JSON.parse(Buffer.from(await readBody(body, 1e6)).toString()) as { told: Record<string, string> };
  const identities = Object.entries(told).filter(([name]) => name.includes("identity"));
  assert.deepEqual([status, identities], [200, [["x-weir-client-identity", "spiffe://weir/ada"]]]);
  const odd = createClient({
    host: "127.0.0.1",
    port,
    http2: true,
    tls: { ca: authority.pem, ...authority.issue({ commonName: "Ada L\u00f6w 100%" }) },
  });
  t.after(() => odd.close());
  const answer = await odd.request({ method: "GET", target: "/", headers: [] });
  assert.match(Buffer.from(await readBody(answer.body, 1e6)).toString(), /"x-weir-client-identity":"Ada%20L%C3%B6w%20100%25"/);
  await assert.rejects(stranger.request({ method: "GET", target: "/", headers: [] }), { reason: "TLS_CLIENT_CERTIFICATE_REFUSED" });
});

test("gateway shows a new certificate without a restart, and keeps the connections that stand", async (t) => {
  const named = (name: string): TestCertificate => authority.issue({ dns: [name], ip: ["127.0.0.1"] });
  const files = filesOf(t, named("first"));
  const { gateway, log } = await startTls(t, files);
  const port = Number(new URL(gateway.url).port);
  const kept = tls.connect({ host: "127.0.0.1", port, ca: authority.pem });
  await once(kept, "secureConnect");
  write(files, named("second"));
  await until(async () => (await shownBy(port)) === "second", "the new certificate to be shown");
  kept.write("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  const [bytes] = (await once(kept, "data")) as [Buffer];
  assert.match(bytes.toString(), /^HTTP\/1\.1 200 /);
  kept.destroy();
  assert.deepEqual(log, ["snapshot applied", "certificates replaced"]);
});

/** The name in the certificate that a server shows. */
async function shownBy(port: number): Promise<string> {
  const socket = tls.connect({ host: "127.0.0.1", port, ca: authority.pem });
  await once(socket, "secureConnect");
  const name = /DNS:([^,]+)/.exec(socket.getPeerX509Certificate()?.subjectAltName ?? "")?.[1] ?? "";
  socket.destroy();
  return name;
}

test("gateway does not start on certificates that cannot be used, and leaves no port behind", async (t) => {
  const files = filesOf(t, { ...local, key: authority.issue({}).key });
  const { certificateFile, keyFile } = files;
  const held = await createGateway({ port: 0 });
  const { port } = new URL(held.url);
  await held.stop();
  const started = (tlsFiles: { certificateFile: string; keyFile: string }): Promise<unknown> =>
    createGateway({ port: Number(port), tls: tlsFiles });
  await assert.rejects(started({ certificateFile, keyFile }), { reason: "TLS_KEY_MISMATCH" });
  await assert.rejects(started({ certificateFile, keyFile: `${keyFile}.none` }), { reason: "TLS_FILE_UNREADABLE" });
  const socket = connect(Number(port), "127.0.0.1");
  const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
  assert.equal(error.code, "ECONNREFUSED");
});
