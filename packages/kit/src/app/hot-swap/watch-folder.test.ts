import assert from "node:assert/strict";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "../../rpc/testdata/greeter.ts";
import { watchFolder } from "./watch-folder.ts";

test("folder is told of once a change has settled, and what failed is tried again", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "weir-watch-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const told: string[] = [];
  const failures: unknown[] = [];
  let fails = false;
  const stop = new AbortController();
  const watching = watchFolder({
    folder,
    settleMs: 20,
    lookMs: 100,
    async onChange(files) {
      if (fails) throw new Error("not now");
      told.push(files.join(" "));
    },
    onFailure: (error) => failures.push(error),
  })(stop.signal);
  const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);
  await eventually(() => told.length === 1, "the start");
  await Promise.all([write("a.ts", "1"), write("b.ts", "1"), write(".a.ts.swp", "x"), write("a.ts~", "x")]);
  await eventually(() => told.at(-1) === "a.ts b.ts", "two files");
  await write("new", "3");
  await rename(join(folder, "new"), join(folder, "a.ts"));
  const before = told.length;
  await eventually(() => told.length > before || told.at(-1) === "a.ts b.ts", "a file renamed over another");
  fails = true;
  await rm(join(folder, "b.ts"));
  await eventually(() => failures.length > 1, "two failures");
  fails = false;
  await eventually(() => told.at(-1) === "a.ts", "the change that failed");
  await rm(folder, { recursive: true });
  const known = failures.length;
  await eventually(() => failures.length > known, "a folder that has gone");
  stop.abort();
  await watching;
  assert.ok(
    told.every((each) => !each.includes("swp") && !each.includes("~")),
    told.join(", "),
  );
});
