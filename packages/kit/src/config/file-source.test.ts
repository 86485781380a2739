import assert from "node:assert/strict";
import { appendFile, chmod, mkdir, open, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { systemClock } from "../clock.ts";
import { eventually } from "../rpc/testdata/greeter.ts";
import { createConfig } from "./config.ts";
import { fileSource } from "./file-source.ts";
import { fileOf, folderSchema, openFolder } from "./testdata/config-folder.ts";

// Where nothing else is said the path is looked at once a minute: what these tests see, the platform's events have told.

describe("a configuration in a file", { timeout: 20_000 }, () => {
  test("is taken with comments, a comma too many, CRLF and a byte order mark", async () => {
    const lines = ["\uFEFF{", "  // how long", '  "cache": { "ttlMs": "1.5s", },', '  "cache.entriesMax": 7, /* or eight */', "}", ""];
    await using made = await openFolder(lines.join("\r\n"));
    assert.deepEqual([made.config.get("cache.ttlMs"), made.config.get("cache.entriesMax")], [1500, 7]);
  });

  test("is taken anew when it is written over, renamed over, and deleted and made anew", async () => {
    await using made = await openFolder(fileOf(10));
    await writeFile(made.path, fileOf(11));
    await eventually(() => made.seen.includes(11), "a file written over");
    await writeFile(join(made.folder, "new"), fileOf(12));
    await rename(join(made.folder, "new"), made.path);
    await eventually(() => made.seen.includes(12), "a file renamed over");
    await unlink(made.path);
    await eventually(() => made.state().includes("found none"), "the loss of the file");
    assert.equal(made.config.get("cache.ttlMs"), 12);
    await writeFile(made.path, fileOf(13));
    await eventually(() => made.seen.includes(13), "a file made anew");
    assert.deepEqual([made.seen, made.state()], [[11, 12, 13], "in force"]);
  });

  test("does not mind what editors leave beside it while they save", async () => {
    await using made = await openFolder(fileOf(20));
    // As vim saves: a probe, a swap file, the old file moved to a copy, the new one written in its place, the copy removed.
    await writeFile(join(made.folder, "4913"), "");
    await unlink(join(made.folder, "4913"));
    await writeFile(join(made.folder, ".config.json.swp"), "b0VIM 9.1");
    await rename(made.path, `${made.path}~`);
    await writeFile(made.path, fileOf(21));
    await unlink(`${made.path}~`);
    // As emacs and many others save.
    await writeFile(join(made.folder, "#config.json#"), "{");
    await eventually(() => made.seen.includes(21), "the saved file");
    assert.deepEqual([made.seen, made.refusal()], [[21], ""]);
  });

  test("follows the links of a Kubernetes ConfigMap", async () => {
    await using made = await openFolder(async (folder) => {
      await mkdir(join(folder, "..2026_01"));
      await writeFile(join(folder, "..2026_01", "config.json"), fileOf(30));
      await symlink("..2026_01", join(folder, "..data"));
      await symlink(join("..data", "config.json"), join(folder, "config.json"));
    });
    await mkdir(join(made.folder, "..2026_02"));
    await writeFile(join(made.folder, "..2026_02", "config.json"), fileOf(31));
    await symlink("..2026_02", join(made.folder, "..data_tmp"));
    await rename(join(made.folder, "..data_tmp"), join(made.folder, "..data"));
    await rm(join(made.folder, "..2026_01"), { recursive: true });
    await eventually(() => made.seen.includes(31), "the new link");
    assert.deepEqual([made.seen, made.refusal()], [[31], ""]);
  });

  test("is waited for while it is written in pieces", async () => {
    await using made = await openFolder(fileOf(40), { quietMs: 400 });
    const text = JSON.stringify({ cache: { ttlMs: 41 }, password: "p".repeat(9000) });
    const file = await open(made.path, "w");
    for (let at = 0; at < text.length; at += 1000) {
      await file.write(text.slice(at, at + 1000));
      // A pause, but shorter than the quiet that is asked for.
      await systemClock.sleep(5);
    }
    await file.close();
    await eventually(() => made.seen.includes(41), "the whole file");
    assert.deepEqual([made.seen, made.lines.filter((line) => line.includes("refused"))], [[41], []]);
  });

  test("that stays half written is refused, and the whole one after it is taken", async () => {
    await using made = await openFolder(fileOf(50));
    await writeFile(made.path, '{ "cache": {\n  "ttlMs": 5');
    await eventually(() => made.refusal() !== "", "a refusal");
    assert.equal(made.refusal(), '|"," or "}"|the end of the text in file config.json, line 2, column 13');
    assert.deepEqual([made.config.get("cache.ttlMs"), made.state()], [50, "refused"]);
    for (let looks = 0; looks < 3; looks++) {
      const beforeMs = performance.now();
      await writeFile(join(made.folder, "another"), `${looks}`);
      await eventually(() => (made.config.explain().sources[0]?.heardAgeMs ?? Infinity) < performance.now() - beforeMs - 1, "another look");
    }
    assert.equal(made.lines.filter((line) => line.includes("refused")).length, 1, "refused once, however often it is looked at");
    await appendFile(made.path, "1 } }");
    await eventually(() => made.seen.includes(51), "the rest");
    assert.equal(made.refusal(), "");
  });

  test("is refused with the line of each key, whole, and what was good may come back", async () => {
    await using made = await openFolder(fileOf(60));
    await writeFile(made.path, '{\n  "cache": {\n    "ttlMs": 61,\n    "entriesMax": 0\n  },\n  "pasword": "hunter2"\n}');
    await eventually(() => made.refusal() !== "", "a refusal");
    assert.deepEqual(made.refusal().split("\n"), [
      'pasword|a known name, the nearest is password|"pasword" in file config.json, line 6',
      "cache.entriesMax|a whole number of at least 1|0 in file config.json, line 4",
    ]);
    assert.equal(made.config.get("cache.ttlMs"), 60);
    assert.doesNotMatch(made.lines.join("\n"), /hunter2/);
    await writeFile(made.path, fileOf(60));
    await eventually(() => made.refusal() === "", "the end of the refusal");
    assert.deepEqual([made.seen, made.state()], [[], "in force"]);
  });

  test("is refused with a key that stands twice, in one object or in two ways", async () => {
    await using made = await openFolder(fileOf(70));
    await writeFile(made.path, '{ "cache": { "ttlMs": 1,\n"ttlMs": 2 } }');
    await eventually(() => made.refusal().includes("again"), "a refusal");
    assert.equal(made.refusal(), '|each key once|"ttlMs" again in file config.json, line 2');
    await writeFile(made.path, '{ "cache": { "ttlMs": 1 }, "cache.ttlMs": 2 }');
    await eventually(() => made.refusal().includes("with dots"), "a refusal");
    assert.equal(made.config.get("cache.ttlMs"), 70);
  });

  test("that is 10 MB of rubbish, no UTF-8 or a folder takes nothing away", async () => {
    await using made = await openFolder(fileOf(80));
    const rubbish = Buffer.alloc(10_000_000, '[{\u0000"x');
    await writeFile(made.path, rubbish);
    await eventually(() => made.state().includes("longer than 100000 bytes"), "the length");
    await writeFile(made.path, rubbish.subarray(0, 90_000));
    await eventually(() => made.refusal().includes("a key in quotes"), "a refusal");
    await writeFile(made.path, Buffer.from([0x7b, 0xff, 0xfe, 0x7d]));
    await eventually(() => made.state().includes("no UTF-8"), "the encoding");
    await rm(made.path);
    await mkdir(made.path);
    await eventually(() => made.state().includes("something else"), "the folder");
    assert.equal(made.config.get("cache.ttlMs"), 80);
    await rm(made.path, { recursive: true });
    await writeFile(made.path, fileOf(81));
    await eventually(() => made.seen.includes(81), "a file again");
  });

  test("that may no longer be read stays in force as it was", async () => {
    await using made = await openFolder(fileOf(90));
    await chmod(made.folder, 0o755);
    await writeFile(made.path, fileOf(91));
    await eventually(() => made.seen.includes(91), "a file that may be read");
    const isRoot = process.getuid?.() === 0;
    await chmod(made.path, 0o000);
    // Root may read everything, so it becomes somebody who may not.
    if (isRoot) process.seteuid?.(65_534);
    try {
      await eventually(() => made.state().includes("may not read"), "the loss of the permission");
      assert.equal(made.config.get("cache.ttlMs"), 91);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
    await chmod(made.path, 0o644);
    await writeFile(made.path, fileOf(92));
    await eventually(() => made.seen.includes(92), "the permission");
  });

  test("is found again after its folder has vanished, by looking", async () => {
    await using made = await openFolder(fileOf(100), { pollMs: 50 });
    await rm(made.folder, { recursive: true });
    await eventually(() => made.state().includes("found none"), "the loss of the folder");
    assert.equal(made.config.get("cache.ttlMs"), 100);
    await mkdir(made.folder);
    await writeFile(made.path, fileOf(101));
    await eventually(() => made.seen.includes(101), "the new folder");
    // The folder's new watch stands: this is told by the platform or by looking, whichever is first.
    await writeFile(made.path, fileOf(102));
    await eventually(() => made.seen.includes(102), "a change in the new folder");
  });

  test("behind a link that leads out of its folder is found changed by looking", async () => {
    await using elsewhere = await openFolder(fileOf(110));
    await using made = await openFolder((folder) => symlink(elsewhere.path, join(folder, "config.json")), { pollMs: 50 });
    await writeFile(elsewhere.path, fileOf(111));
    await eventually(() => made.seen.includes(111), "the change elsewhere");
  });

  test("must be there at the start, unless it is optional; then it is taken once it is", async () => {
    const missing = join(tmpdir(), "weir-config-none", "config.json");
    await assert.rejects(createConfig({ schema: folderSchema, sources: [fileSource({ path: missing })] }), {
      reason: "CONFIG_UNREADABLE",
      message: `Expected a readable file at ${missing}, found none.`,
    });
    await using made = await openFolder(fileOf(120));
    const path = join(made.folder, "later.json");
    await using config = await createConfig({ schema: folderSchema, sources: [fileSource({ path, optional: true, quietMs: 10 })] });
    assert.equal(config.get("cache.ttlMs"), 1);
    await writeFile(path, fileOf(121));
    await eventually(() => config.get("cache.ttlMs") === 121, "the file");
  });

  test("that does not fit at the start is refused with its lines", async () => {
    await assert.rejects(openFolder('{\n"cache": { "ttlMs": "soon" } }'), {
      reason: "CONFIG_INVALID",
      message: /cache\.ttlMs: expected a duration, in milliseconds or such as "1\.5s", found "soon" in file config\.json, line 2\.$/,
    });
  });
});
