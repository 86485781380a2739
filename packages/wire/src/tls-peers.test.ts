import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import type { HttpHandler } from "./http.ts";
import type { ServerOptions } from "./options.ts";
import { readBody } from "./read-body.ts";
import { createServer, type Server } from "./server.ts";
import { createAuthority, type TestCertificate } from "./testing/certificates.ts";
import { until } from "./testing/turns.ts";
import type { TlsServerOptions } from "./tls.ts";

const run = promisify(execFile);
const authority = createAuthority();
const local = authority.issue({ dns: ["localhost"], ip: ["127.0.0.1"] });
const big = Buffer.alloc(3_000_000, "0123456789");

const handler: HttpHandler = async (request, { secure, version, identity }) => {
  if (request.target === "/big") return { status: 200, headers: [], body: big };
  const body = await readBody(request.body, 1e8);
  const told = `${secure} ${version} ${identity}`;
  return { status: 200, headers: ["x-told", told], body: body.length > 0 ? body : Buffer.from(told) };
};

function missing(command: string, hint: string, ...options: string[]): string | false {
  return spawnSync(command, options.length > 0 ? options : ["--version"]).error === undefined
    ? false
    : `${command} is not installed: ${hint}`;
}

const curlMissing = missing("curl", "install curl");
const opensslMissing = missing("openssl", "`node tools/services.ts up` installs it", "version");

async function served(
  t: TestContext,
  options: Partial<TlsServerOptions> = {},
  rest: ServerOptions = {},
): Promise<{ server: Server; port: number }> {
  const server = createServer(handler, { ...rest, tls: { certificates: [local], ...options } });
  t.after(() => server.close());
  return { server, port: (await server.listen({ port: 0 })).port };
}

/** Files of a certificate and of the authority, for programs that read nothing else. */
async function files(
  t: TestContext,
  { certificate, key }: TestCertificate = local,
): Promise<{ ca: string; certificate: string; key: string }> {
  const folder = await mkdtemp(join(tmpdir(), "weir-tls-peers-"));
  t.after(() => rm(folder, { recursive: true }));
  const paths = { ca: join(folder, "ca.pem"), certificate: join(folder, "tls.crt"), key: join(folder, "tls.key") };
  await Promise.all([writeFile(paths.ca, authority.pem), writeFile(paths.certificate, certificate), writeFile(paths.key, key)]);
  return paths;
}

test("curl is served over TLS: both versions of either protocol, big bodies, its certificate", { skip: curlMissing }, async (t) => {
  const mine = await files(t, authority.issue({ uri: ["spiffe://weir/curl"] }));
  const { server, port } = await served(t, { clientCa: authority.pem, clientCertificates: "request" });
  const curl = async (...options: string[]): Promise<string> =>
    (await run("curl", ["-sS", "--max-time", "10", "--cacert", mine.ca, ...options], { maxBuffer: 1e8 })).stdout;
  const url = `https://localhost:${port}`;
  for (const [protocol, version] of [
    ["--http1.1", "1.1"],
    ["--http2", "2"],
  ] as const) {
    for (const [least, most] of [
      ["--tlsv1.2", "1.2"],
      ["--tlsv1.3", "1.3"],
    ] as const) {
      const options = [protocol, least, "--tls-max", most];
      assert.equal(await curl(...options, url), `true ${version} undefined`);
      assert.equal((await curl(...options, `${url}/big`)).length, big.length);
      assert.equal(await curl(...options, "--data-binary", `@${mine.ca}`, url), authority.pem);
      assert.equal(await curl(...options, "--cert", mine.certificate, "--key", mine.key, url), `true ${version} spiffe://weir/curl`);
    }
  }
  assert.match(await curl("-v", "--stderr", "-", url, `${url}/2`), /Re-using existing connection/);
  assert.deepEqual(server.counters.refusals, {});
});

test("curl finds fault with a certificate that is not for it", { skip: curlMissing }, async (t) => {
  const { ca } = await files(t);
  const { port } = await served(t, { certificates: [authority.issue({ dns: ["a.example"] })] });
  const asked = run("curl", ["-sS", "--cacert", ca, `https://localhost:${port}`]);
  await assert.rejects(asked, (error: { code?: number }) => error.code === 60);
});

/** `openssl s_client`, told lines, each once it has said what stands beside the line; resolves with all it says. */
function sClient(port: number, options: readonly string[], input: readonly (readonly [awaited: string, line: string])[]): Promise<string> {
  const child = spawn("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, ...options], { timeout: 15_000 });
  let text = "";
  let told = 0;
  const { promise, resolve } = Promise.withResolvers<string>();
  const hear = (bytes: Buffer): void => {
    text += bytes.toString();
    const [awaited, line] = input[told] ?? ["", ""];
    if (told >= input.length || !text.includes(awaited)) return;
    told += 1;
    child.stdin.write(line);
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  child.stdin.on("error", () => undefined);
  child.on("close", () => resolve(text));
  if (input.length === 0) child.stdin.end();
  return promise;
}

test("openssl is served: ALPN, sessions that it resumes five times over", { skip: opensslMissing }, async (t) => {
  const { server, port } = await served(t);
  const { ca } = await files(t);
  assert.match(await sClient(port, ["-CAfile", ca, "-alpn", "h2,http/1.1"], []), /ALPN protocol: h2[^]*Verify return code: 0/);
  assert.match(await sClient(port, ["-alpn", "http/1.1"], []), /ALPN protocol: http\/1\.1/);
  const before = server.counters.tlsHandshakesTotal;
  const told = await sClient(port, ["-tls1_2", "-reconnect"], []);
  assert.equal(told.match(/^Reused, TLSv1\.2/gm)?.length, 5);
  assert.deepEqual([server.counters.tlsHandshakesTotal - before, server.counters.tlsResumptionsTotal], [6, 5]);
  assert.match(await sClient(port, ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], []), /alert protocol version|no protocols available/);
  assert.match(await sClient(port, ["-tls1_2", "-cipher", "AES128-SHA:ECDHE-ECDSA-AES128-SHA"], []), /alert handshake failure/);
});

test("renegotiation is refused, and the connection goes on or ends without harm", { skip: opensslMissing }, async (t) => {
  const { server, port } = await served(t);
  const told = await sClient(
    port,
    ["-tls1_2"],
    [
      ["Verify return code", "GET /1 HTTP/1.1\r\nhost: a\r\n\r\n"],
      ["HTTP/1.1 200 OK", "R\n"],
    ],
  );
  assert.match(told, /HTTP\/1\.1 200 OK[^]*RENEGOTIATING[^]*(no renegotiation|no_renegotiation)/i);
  assert.equal(server.counters.tlsHandshakesTotal, 1);
  await until(() => server.counters.connectionsOpen === 0);
});

test(
  "nghttp and h2load are served over TLS",
  { skip: missing("nghttp", "install nghttp2-client") || missing("h2load", "install nghttp2-client") },
  async (t) => {
    const { server, port } = await served(t);
    const { stdout } = await run("nghttp", ["-nv", "--no-verify-peer", `https://127.0.0.1:${port}/a`]);
    assert.match(stdout, /:status: 200/);
    assert.doesNotMatch(stdout, /error_code=(?!NO_ERROR)/);
    const load = await run("h2load", ["-n", "2000", "-c", "4", "-m", "50", `https://127.0.0.1:${port}/a`]);
    assert.match(load.stdout, /2000 succeeded, 0 failed, 0 errored/);
    const slow = await run("h2load", ["--h1", "-n", "500", "-c", "4", `https://127.0.0.1:${port}/a`]);
    assert.match(slow.stdout, /500 succeeded, 0 failed, 0 errored/);
    assert.deepEqual(server.counters.refusals, {});
  },
);

const h2spec = process.env["WEIR_H2SPEC"] || "h2spec";
const h2specMissing = missing(h2spec, "`node tools/services.ts up` builds it and names it in WEIR_H2SPEC");

for (const mode of [[], ["--strict"]]) {
  test(["h2spec finds no fault with a server over TLS", ...mode].join(" "), { skip: h2specMissing }, async (t) => {
    const { port } = await served(t);
    const { stdout } = await run(h2spec, ["-t", "-k", "-h", "127.0.0.1", "-p", String(port), ...mode], { maxBuffer: 1e7 });
    assert.match(stdout, /(\d{3}) tests, \1 passed, 0 skipped, 0 failed/);
  });
}
