import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { freePort } from "../services/host.ts";
import { ask } from "./ask.ts";
import { createTlsFiles } from "./tls-files.ts";

function hasOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const path = "/weir.bench.v1.Hello/Greet";
const greeting = { message: "Hello, weir", visits: 42, score: 0.75, returning: true, tags: ["river", "weir"] };

for (const secure of [false, true]) {
  const skip = secure && !hasOpenssl() ? "makes a certificate: needs openssl" : false;
  test(`our app and grpc-js answer alike ${secure ? "over TLS" : "in cleartext"}`, { skip }, async (t) => {
    const folder = mkdtempSync(`${tmpdir()}/weir-ask-`);
    const files = secure ? Object.values(createTlsFiles(folder)) : [];
    const answers: unknown[] = [];
    for (const file of ["http-weir.ts", "rpc-grpc-js.ts"]) {
      const port = await freePort(0);
      const main = fileURLToPath(new URL(`./suts/${file}`, import.meta.url));
      const child = spawn(process.execPath, [main, `${port}`, "0", ...files], { stdio: "ignore" });
      t.after(() => void child.kill("SIGKILL"));
      const untilMs = performance.now() + 20_000;
      for (;;) {
        const answer = await ask({ port, path }, secure ? "grpcs" : "grpc").catch((error: Error) => error);
        if (answer instanceof Error && performance.now() < untilMs) continue;
        answers.push(answer);
        break;
      }
    }
    rmSync(folder, { recursive: true });
    const wanted = { status: 200, body: JSON.stringify(greeting) };
    assert.deepEqual(answers, [wanted, wanted]);
  });
}
