import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Snapshot } from "@weir/api/snapshots";
import { createSnapshotFile } from "./snapshot-file.ts";

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "weir-gateway-"));
});
after(() => rm(directory, { recursive: true }));

const snapshot = Snapshot.create({
  revision: 18_446_744_073_709_551_615n,
  epoch: "e1",
  madeAtMs: 5n,
  clusters: [{ service: "feed", version: "v1", endpoints: [{ id: "a", address: "127.0.0.1:1", http2: true, grpcOnly: false }] }],
  routes: [
    {
      name: "feed",
      host: "",
      pathPrefix: "/",
      service: "feed",
      shares: [{ version: "v1", weight: 10000 }],
      salt: "é\n",
      userIdSources: [{ source: { case: "query", value: "userId" } }],
      timeoutMs: 0,
      idempotent: true,
    },
  ],
});

test("snapshot file gives back what was written, in a directory it makes", async () => {
  const file = createSnapshotFile(join(directory, "a", "b"));
  assert.equal(await file.read(), undefined);
  await file.write(snapshot);
  assert.deepEqual(await file.read(), snapshot);
  await file.write({ ...snapshot, revision: 3n });
  assert.equal((await file.read())?.revision, 3n);
});

test("snapshot file that is cut off or damaged anywhere is refused with a reason", async () => {
  const file = createSnapshotFile(directory);
  await file.write(snapshot);
  const path = join(directory, "snapshot.json");
  const whole = await readFile(path);
  for (let length = 0; length < whole.length - 1; length += 7) {
    await writeFile(path, whole.subarray(0, length));
    await assert.rejects(file.read(), { reason: "SNAPSHOT_FILE_INVALID" }, `cut at ${length}`);
  }
  for (let at = 0; at < whole.length - 1; at += 5) {
    const bytes = Buffer.from(whole);
    bytes[at] = (bytes[at] as number) ^ 1;
    await writeFile(path, bytes);
    await assert.rejects(file.read(), { reason: "SNAPSHOT_FILE_INVALID" }, `changed at ${at}`);
  }
});

test("snapshot file that cannot be written says so and keeps the old one", async () => {
  const blocked = join(directory, "blocked");
  await writeFile(blocked, "a file where a directory should be");
  await assert.rejects(createSnapshotFile(blocked).write(snapshot), { reason: "SNAPSHOT_NOT_STORED" });
});
