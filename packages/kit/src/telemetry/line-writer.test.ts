import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync, readFileSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { systemClock } from "../clock.ts";
import { createLineWriter } from "./line-writer.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-lines-"));
});
after(() => rmSync(folder, { recursive: true }));

test("line writer writes every line in order, in few writes", async () => {
  const path = join(folder, "all.log");
  const fd = openSync(path, "w");
  const writer = createLineWriter({ fd });
  const lines = Array.from({ length: 5000 }, (_, index) => `line ${index} ü`);
  for (const line of lines) writer.write(line);
  await writer.close();
  assert.equal(readFileSync(path, "utf8"), `${lines.join("\n")}\n`);
  assert.equal(writer.dropped(), 0);
  closeSync(fd);
});

test("line writer writes a lone line soon, without being asked", async () => {
  const path = join(folder, "soon.log");
  const fd = openSync(path, "w");
  const writer = createLineWriter({ fd, flushMs: 5 });
  writer.write("here");
  const endMs = performance.now() + 2000;
  while (readFileSync(path, "utf8") === "" && performance.now() < endMs) await systemClock.sleep(2);
  assert.equal(readFileSync(path, "utf8"), "here\n");
  await writer.close();
  closeSync(fd);
});

test("line writer drops and counts lines while nobody reads, says so, and this thread never waits", async () => {
  const path = join(folder, "slow.pipe");
  execFileSync("mkfifo", [path]);
  // Opened for both directions, so that opening does not wait for the other side.
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const writer = createLineWriter({ fd, bufferMax: 10_000, flushSize: 1000 });
  const line = "x".repeat(99);
  const startMs = performance.now();
  for (let round = 0; round < 200; round++) {
    for (let index = 0; index < 20; index++) writer.write(line);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(performance.now() - startMs < 2000);
  const dropped = writer.dropped();
  assert.ok(dropped > 1000, `dropped ${dropped} of 4000`);
  const reader = spawn("cat", [path]);
  let read = "";
  reader.stdout.setEncoding("utf8").on("data", (chunk: string) => (read += chunk));
  // Closed too early there would be nothing to open for the reader, which would then wait for ever.
  await once(reader.stdout, "data");
  writer.write("after");
  await writer.close();
  closeSync(fd);
  await new Promise((resolve) => reader.on("close", resolve));
  const kept = read.split("\n").filter((text) => text === line).length;
  const told = read.matchAll(/"count":(\d+)/g).reduce((sum, [, count]) => sum + Number(count), 0);
  assert.equal(kept + told, 4000 + (read.includes("after\n") ? 0 : 1));
});

test("line writer's last lines survive process.exit", () => {
  const source = `
    import { createLineWriter } from ${JSON.stringify(new URL("./line-writer.ts", import.meta.url).href)};
    const writer = createLineWriter();
    for (let index = 0; index < 300; index++) writer.write("line " + index);
    process.exit(3);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source]);
  let read = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (read += chunk));
  return new Promise<void>((resolve, reject) => {
    child.on("close", (code) => {
      try {
        assert.equal(code, 3);
        assert.equal(read.trimEnd().split("\n").at(-1), "line 299");
        assert.equal(read.trimEnd().split("\n").length, 300);
        resolve();
      } catch (error) {
        reject(error as Error);
      }
    });
  });
});

test("line writer gives up on a descriptor that takes nothing, and counts what was lost", async () => {
  const fd = openSync(import.meta.filename, "r");
  const writer = createLineWriter({ fd });
  writer.write("one");
  writer.write("two");
  await writer.close();
  assert.equal(writer.dropped(), 2);
  closeSync(fd);
});
