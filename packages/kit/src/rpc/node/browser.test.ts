// The browser half where it runs: a page in Chromium, against our server, from its own origin and from another.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import type { HttpHandler } from "@weir/wire";
import { chromium } from "playwright-core";
import { build } from "vite";
import type { FetchTransportOptions } from "../fetch-transport.ts";
import type { BrowserFound } from "../testdata/browser-calls.ts";
import { eventually } from "../testdata/greeter.ts";
import { startOwnGreeter } from "../testdata/own-server.ts";

const executablePath = process.env["WEIR_CHROMIUM"] ?? "/usr/bin/chromium";
const skip = existsSync(executablePath) ? false : `no Chromium at ${executablePath}; install it or name another one in WEIR_CHROMIUM`;

async function bundle(): Promise<string> {
  const entry = fileURLToPath(new URL("../testdata/browser-calls.ts", import.meta.url));
  const lib = { entry, formats: ["es" as const] };
  const built = await build({ configFile: false, logLevel: "error", build: { lib, write: false, minify: true } });
  const [first] = Array.isArray(built) ? built : [built];
  const chunk = first !== undefined && "output" in first ? first.output[0] : undefined;
  assert.ok(chunk);
  return chunk.code;
}

type Asked = Omit<FetchTransportOptions, "baseUrl" | "compression"> & { readonly gzip?: boolean };

const transports: readonly Asked[] = [
  {},
  { encoding: "proto" },
  { useGet: true },
  { encoding: "proto", useGet: true, gzip: true },
  { protocol: "grpc-web" },
  { protocol: "grpc-web", encoding: "json" },
  { protocol: "grpc-web", text: true },
  { protocol: "grpc-web", gzip: true },
];

test("Chromium calls by Connect and gRPC-Web, from the same origin and from another", { skip, timeout: 120_000 }, async (t) => {
  const code = await bundle();
  const page: HttpHandler = async ({ target }) =>
    target === "/page.js"
      ? { status: 200, headers: ["content-type", "text/javascript"], body: Buffer.from(code) }
      : { status: 200, headers: ["content-type", "text/html"], body: Buffer.from('<script type="module" src="/page.js"></script>') };
  await using home = await startOwnGreeter({ fallback: page });
  await using away = await startOwnGreeter({ corsOrigins: [home.url] });
  await using closed = await startOwnGreeter();
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--no-first-run"] });
  t.after(() => browser.close());
  const tab = await browser.newPage();
  await tab.goto(home.url);
  await tab.waitForFunction("typeof callFromPage === 'function'");
  const ask = (asked: object): Promise<unknown> => tab.evaluate(`callFromPage(${JSON.stringify(asked)})`);
  for (const asked of transports) {
    for (const [baseUrl, server] of [
      ["/", home],
      [away.url, away],
    ] as const) {
      const what = JSON.stringify({ ...asked, baseUrl });
      const found = (await ask({ ...asked, baseUrl })) as BrowserFound;
      assert.deepEqual([found.greeting, found.seal], ["hello page – ü", [0, 128, 255]], what);
      assert.deepEqual(found.numbers, [1, 2, 3, 1, 2, 3, 1], what);
      assert.equal(found.trailer, "AAEC", what);
      const expected = ["FAILED_PRECONDITION PEER_FAULT", "DEADLINE_EXCEEDED DEADLINE_EXCEEDED", "CANCELLED CALL_CANCELLED"];
      assert.deepEqual(found.failures, [...expected, "ABORTED PEER_FAULT", "UNIMPLEMENTED STREAM_UNSUPPORTED"], what);
      await eventually(() => server.open() === 0, `no call to be open after ${what}`);
    }
    await assert.rejects(ask({ ...asked, baseUrl: closed.url }), /PEER_UNREACHABLE|could not be reached/, JSON.stringify(asked));
  }
});
