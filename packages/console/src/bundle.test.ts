import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const bytesMax = 100_000;

describe("built console", () => {
  const folder = mkdtempSync(join(tmpdir(), "weir-bundle-"));
  const files = new Map<string, Buffer>();
  before(async () => {
    await build({ root: join(import.meta.dirname, ".."), logLevel: "error", build: { outDir: folder, emptyOutDir: true } });
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) files.set(entry.name, readFileSync(join(entry.parentPath, entry.name)));
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const gzipped = (names: Iterable<string>): number => [...names].reduce((sum, name) => sum + gzipSync(files.get(name) ?? "").length, 0);

  test("the first load stays under 100 kB gzipped, and so does all of it", (t) => {
    const page = files.get("index.html")?.toString() ?? "";
    const first = [...files.keys()].filter((name) => name === "index.html" || page.includes(`/${name}`));
    assert.ok(first.some((name) => name.endsWith(".js")) && first.some((name) => name.endsWith(".css")), String(first));
    t.diagnostic(`first load ${gzipped(first)} bytes gzipped, all ${gzipped(files.keys())}`);
    assert.ok(gzipped(first) < bytesMax);
    assert.ok(gzipped(files.keys()) < bytesMax);
    assert.deepEqual(
      [...files.keys()].filter((name) => name.includes("descriptor")),
      [],
    );
  });

  test("nothing is inlined or evaluated that a strict policy would refuse", () => {
    const page = files.get("index.html")?.toString() ?? "";
    assert.equal(/<style|style=|<script(?![^>]*\ssrc=)|\son\w+=/.exec(page), null);
    for (const [name, bytes] of files) {
      const text = bytes.toString();
      if (name.endsWith(".css")) assert.equal(/url\(["']?(data|https?):/.exec(text), null, name);
      if (name.endsWith(".js")) assert.equal(/\beval\(|new Function\(/.exec(text), null, name);
    }
  });
});
