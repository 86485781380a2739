import { createAuthority } from "@weir/wire/testing/certificates";
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createGreeter } from "../rpc/testdata/greeter.ts";
import { createApp } from "./app.ts";
import { environmentFrom } from "./environment.ts";
import { appStates } from "./state.ts";
import { createMemoryRegistry, serveRegistry } from "./testdata/registry-server.ts";

const page = readFile(new URL("../../../../docs/operations.md", import.meta.url), "utf8");

/** First cells of the table rows, the code in them. */
function rows(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(/^\| `([^`]+)` \|/gm)].map(([, cell]) => cell ?? "").filter((cell) => pattern.test(cell));
}

test("docs/operations.md lists every metric that an app has, and no other", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "weir-operations-"));
  t.after(() => rm(folder, { recursive: true }));
  const { certificate, key } = createAuthority().issue({ ip: ["127.0.0.1"] });
  const tls = { certificateFile: join(folder, "tls.crt"), keyFile: join(folder, "tls.key") };
  await Promise.all([writeFile(tls.certificateFile, certificate), writeFile(tls.keyFile, key)]);
  await using registry = await serveRegistry(createMemoryRegistry());
  await using running = await createApp({ name: "sample", services: [createGreeter()], control: { url: registry.url }, tls }).start();
  const text = await (await fetch(`http://127.0.0.1:${running.adminPort}/metrics`, { headers: { connection: "close" } })).text();
  const had = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? "");
  assert.deepEqual(rows(await page, /^(weir|process|nodejs)_[a-z_]+$/).toSorted(inOrder), had.toSorted(inOrder));
});

test("docs/operations.md lists every state and every variable", async () => {
  assert.deepEqual(
    rows(await page, /^[A-Z_]+$/).filter((cell) => !cell.startsWith("WEIR_")),
    [...appStates],
  );
  const asked: string[] = [];
  environmentFrom(new Proxy({}, { get: (_, name) => void asked.push(String(name)) }));
  const listed = rows(await page, /^WEIR_/).filter((name) => name !== "WEIR_DATABASE_URL");
  assert.deepEqual(listed.toSorted(inOrder), [...new Set(asked)].toSorted(inOrder));
});

function inOrder(left: string, right: string): number {
  return left < right ? -1 : 1;
}
