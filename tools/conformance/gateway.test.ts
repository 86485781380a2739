import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { programPath } from "../check/real-parts.ts";
import { serveBrowserPage } from "./browser-page.ts";
import { runConformance } from "./connectconformance.ts";
import { generateSuites } from "./contracts.ts";
import { runServerCases } from "./interop-cases.ts";
import type { StartedProgram } from "./suite-programs.ts";
import { programFile, runProgram, startProgram, suiteMissing } from "./suite-programs.ts";

const run = promisify(execFile);
const casesMin = 3820;
const translatedMin = 1990;
const chromiumPath = process.env["WEIR_CHROMIUM"] || programPath("chromium") || programPath("google-chrome");
const method = "/grpc.testing.TestService/UnaryCall";
const request = '{"responseSize":5,"payload":{"body":"AAAA"}}';
const answer = '{"payload":{"body":"AAAAAAA="}}';

function missing(program: string): string | false {
  return programPath(program) === undefined && `needs ${program}: node tools/services.ts up`;
}

/** A real app of the kit behind a real gateway, each asked over its port. */
describe("through the gateway", { skip: suiteMissing() }, () => {
  let server: StartedProgram;
  let port = "";
  before(async () => {
    await generateSuites();
    server = await startProgram(process.execPath, [programFile("interop-server"), "--behind-gateway"], { ready: /^(\d+)$/m });
    port = server.found[1] ?? "";
  });
  after(() => server.stop());

  test("connectconformance finds no fault", { skip: suiteMissing("WEIR_CONNECTCONFORMANCE") }, async () => {
    const { cases, passed, failed, complaints } = await runConformance("server", { args: ["--behind-gateway"] });
    assert.equal(failed, 0, complaints);
    assert.equal(passed, cases);
    assert.ok(cases >= casesMin, `at least ${casesMin} cases, found ${cases}`);
  });

  test(
    "connectconformance finds no fault in what is translated for a server of gRPC alone",
    { skip: suiteMissing("WEIR_CONNECTCONFORMANCE") },
    async () => {
      const options = { args: ["--behind-gateway", "--grpc-only"], cleartext: true };
      const { cases, passed, failed, complaints } = await runConformance("server", options);
      assert.equal(failed, 0, complaints);
      assert.equal(passed, cases);
      assert.ok(cases >= translatedMin, `at least ${translatedMin} cases, found ${cases}`);
    },
  );

  test("grpc-go's interoperability client passes", { skip: suiteMissing("WEIR_GRPC_INTEROP_CLIENT") }, () => runServerCases(port));

  test("grpc-js and connect-node call every kind of method by every protocol", async () => {
    const { output, errors } = await runProgram(process.execPath, [programFile("foreign-clients"), "--url", `http://127.0.0.1:${port}`]);
    const lines = output.trim().split("\n");
    assert.deepEqual(
      lines.filter((line) => !line.startsWith("passed ")),
      [],
      errors,
    );
    assert.equal(lines.length, 11);
  });

  test(
    "connect-web calls from a page of another origin in Chromium",
    { skip: !chromiumPath && "needs Chromium: node tools/services.ts up" },
    async (t) => {
      const page = await serveBrowserPage();
      t.after(page.stop);
      const browser = await chromium.launch({ executablePath: chromiumPath as string, args: ["--no-sandbox"] });
      t.after(() => browser.close());
      const tab = await browser.newPage();
      await tab.goto(`${page.url}?server=${encodeURIComponent(`http://127.0.0.1:${port}`)}`);
      await tab.waitForFunction('document.title !== "calling"', undefined, { timeout: 30_000 });
      const expected = ["connect in proto", "connect in JSON", "gRPC-Web in proto", "gRPC-Web in JSON"].map((name) => `passed ${name}`);
      assert.deepEqual((await tab.title()).split("; "), expected);
    },
  );

  test("grpcurl calls a method that it learns by reflection", { skip: suiteMissing("WEIR_GRPCURL") }, async () => {
    const words = ["-plaintext", "-d", request, `127.0.0.1:${port}`, method.slice(1)];
    const { stdout } = await run(process.env["WEIR_GRPCURL"] ?? "", words);
    assert.deepEqual(JSON.parse(stdout), JSON.parse(answer));
  });

  test("curl calls by Connect over HTTP/2 with prior knowledge", { skip: missing("curl") }, async () => {
    const head = ["-H", "content-type: application/json", "-H", "connect-protocol-version: 1"];
    const words = ["-sS", "-i", "--max-time", "10", "--http2-prior-knowledge", ...head, "-d", request, `http://127.0.0.1:${port}${method}`];
    const { stdout } = await run("curl", words);
    assert.match(stdout, /^HTTP\/2 200/);
    assert.ok(stdout.endsWith(`\r\n\r\n${answer}`), stdout);
  });

  test("nghttp posts a call over HTTP/2 and sees its answer whole", { skip: missing("nghttp") }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "weir-nghttp-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const body = join(folder, "request.json");
    writeFileSync(body, request);
    const words = ["-v", "--no-dep", "-H", "content-type: application/json", "-d", body, `http://127.0.0.1:${port}${method}`];
    const { stdout } = await run("nghttp", words);
    assert.match(stdout, /:status: 200/);
    assert.ok(stdout.includes(answer), stdout);
    assert.doesNotMatch(stdout, /error_code=(?!NO_ERROR)/);
  });
});
