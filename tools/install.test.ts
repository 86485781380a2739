import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

/** A checkout whose one dependency is a workspace of its own, so that npm ci needs no network. */
function checkout(t: TestContext): string {
  const root = mkdtempSync(`${tmpdir()}/weir-install-`);
  t.after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(`${root}/tools`);
  mkdirSync(`${root}/packages/a`, { recursive: true });
  copyFileSync(fileURLToPath(new URL("install.mjs", import.meta.url)), `${root}/tools/install.mjs`);
  const manifest = { name: "checkout", version: "1.0.0", private: true, workspaces: ["packages/*"] };
  writeFileSync(`${root}/package.json`, JSON.stringify(manifest));
  writeFileSync(`${root}/packages/a/package.json`, JSON.stringify({ name: "a", version: "1.0.0" }));
  const packages = {
    "": { name: "checkout", version: "1.0.0", workspaces: ["packages/*"] },
    "node_modules/a": { resolved: "packages/a", link: true },
    "packages/a": { version: "1.0.0" },
  };
  writeFileSync(
    `${root}/package-lock.json`,
    JSON.stringify({ name: "checkout", version: "1.0.0", lockfileVersion: 3, requires: true, packages }),
  );
  return root;
}

function install(root: string, ...args: string[]): { status: number | null; out: string } {
  const ran = spawnSync(process.execPath, [`${root}/tools/install.mjs`, ...args], { cwd: root, encoding: "utf8" });
  return { status: ran.status, out: `${ran.stdout}${ran.stderr}` };
}

test("a fresh checkout is installed once and then left alone", (t) => {
  const root = checkout(t);
  const first = install(root);
  assert.match(first.out, /nothing is installed yet, running npm ci/);
  assert.equal(first.status, 0, first.out);
  assert.ok(existsSync(`${root}/node_modules/a/package.json`));
  assert.deepEqual(install(root), { status: 0, out: "" });
});

test("a changed lock file that is already installed costs nothing, one that is not is installed", (t) => {
  const root = checkout(t);
  install(root);
  const lockPath = `${root}/package-lock.json`;
  writeFileSync(lockPath, `${readFileSync(lockPath, "utf8")}\n`);
  assert.deepEqual(install(root), { status: 0, out: "" });
  rmSync(`${root}/node_modules/.cache`, { recursive: true });
  writeFileSync(`${root}/node_modules/.package-lock.json`, '{"packages":{"node_modules/gone":{"version":"1.0.0"}}}');
  const second = install(root);
  assert.match(second.out, /package-lock.json changed, running npm ci/);
  assert.equal(second.status, 0, second.out);
});

test("an install that fails says so and how to go on", (t) => {
  const root = checkout(t);
  writeFileSync(`${root}/package.json`, JSON.stringify({ name: "checkout", version: "1.0.0", dependencies: { b: "file:gone" } }));
  const { status, out } = install(root);
  assert.equal(status, 1);
  assert.match(out, /npm ci failed \(exit code \d+\)/);
  assert.ok(!existsSync(`${root}/node_modules/.cache/weir-install`));
});
