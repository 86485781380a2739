import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { systemClock } from "@weir/kit/clock";
import { isFault } from "@weir/kit/fault";
import { openTestWatches } from "./testdata/test-feed.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-feed-"));
});
after(() => rm(folder, { recursive: true }));

test("watches are there after the file was closed and opened again", async () => {
  const file = join(folder, "restart.db");
  const first = await openTestWatches(systemClock, file);
  await first.record({ userId: "u1", filmId: "alien-1979", watchId: "w1" });
  await first.record({ userId: "u1", filmId: "leon-1994", watchId: "w2" });
  await first.close();
  const second = await openTestWatches(systemClock, file);
  assert.deepEqual(await second.of("u1"), [
    { filmId: "alien-1979", number: 1 },
    { filmId: "leon-1994", number: 2 },
  ]);
  assert.deepEqual(await second.of("u2"), []);
  await second.close();
});

test("a watch that is recorded again answers the same, and under another film it is refused", async () => {
  const watches = await openTestWatches(systemClock);
  const watch = { userId: "u1", filmId: "alien-1979", watchId: "w1" };
  assert.deepEqual(await watches.record(watch), { number: 1, repeated: false });
  assert.deepEqual(await watches.record({ ...watch, watchId: "w2", filmId: "leon-1994" }), { number: 2, repeated: false });
  assert.deepEqual(await watches.record(watch), { number: 1, repeated: true });
  assert.deepEqual(await watches.record({ ...watch, userId: "u2" }), { number: 1, repeated: false });
  await assert.rejects(
    watches.record({ ...watch, filmId: "leon-1994" }),
    (error: unknown) => isFault(error) && error.reason === "WATCH_ID_TAKEN",
  );
  await watches.close();
});

test("a film that is watched twice counts from its first time", async () => {
  const watches = await openTestWatches(systemClock);
  for (const [watchId, filmId] of [
    ["w1", "a"],
    ["w2", "b"],
    ["w3", "a"],
  ] as const)
    await watches.record({ userId: "u1", filmId, watchId });
  assert.deepEqual(await watches.of("u1"), [
    { filmId: "a", number: 1 },
    { filmId: "b", number: 2 },
  ]);
  await watches.close();
});

test("watches that two programs record at once each have a number of their own", async () => {
  const file = join(folder, "together.db");
  const both = await Promise.all([openTestWatches(systemClock, file), openTestWatches(systemClock, file)]);
  const record = (index: number): Promise<{ number: number; repeated: boolean }> =>
    both[index % 2]!.record({ userId: "u1", filmId: `f${index % 29}`, watchId: `w${index % 29}` });
  const answers = await Promise.all(Array.from({ length: 40 }, (_, index) => record(index)));
  assert.equal(new Set(answers.map(({ number }) => number)).size, 29);
  assert.equal(answers.filter(({ repeated }) => repeated).length, 11);
  assert.deepEqual((await both[0].of("u1")).at(-1)?.number, 29);
  for (const watches of both) await watches.close();
});
