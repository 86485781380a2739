import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { systemClock } from "@weir/kit/clock";
import { isFault } from "@weir/kit/fault";
import { openDatabase } from "@weir/kit/store";
import { sql } from "kysely";
import { Watches } from "./watches.ts";

const postgresUrl = process.env["WEIR_DATABASE_URL"] ?? "";
const skip = postgresUrl === "" ? "needs a PostgreSQL 15+ server: set WEIR_DATABASE_URL=postgres://user:password@host/name" : false;

describe("in a file", () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "weir-feed-"));
  });
  after(() => rm(folder, { recursive: true }));
  describeWatches(() => `sqlite:${join(folder, "feed.db")}`);
});

describe("with a PostgreSQL server", { skip }, () => {
  const schema = `weir_${randomBytes(6).toString("hex")}`;
  const administer = async (query: ReturnType<typeof sql>): Promise<void> => {
    const administrator = await openDatabase<object>({ url: postgresUrl });
    await query.execute(administrator.query);
    await administrator.close();
  };
  before(() => administer(sql`create schema ${sql.ref(schema)}`));
  after(() => administer(sql`drop schema ${sql.ref(schema)} cascade`));
  describeWatches(() => {
    const url = new URL(postgresUrl);
    url.searchParams.set("options", `-c search_path=${schema}`);
    return url.href;
  });
});

/** One suite for both databases. Each test has a user of its own. */
function describeWatches(url: () => string): void {
  const open = (): Promise<Watches> => Watches.open({ url: url(), clock: systemClock });

  test("watches are there after the database was closed and opened again", async () => {
    const first = await open();
    await first.record({ userId: "u1", filmId: "alien-1979", watchId: "w1" });
    await first.record({ userId: "u1", filmId: "leon-1994", watchId: "w2" });
    await first.close();
    const second = await open();
    assert.deepEqual(await second.of("u1"), [
      { filmId: "alien-1979", number: 1 },
      { filmId: "leon-1994", number: 2 },
    ]);
    assert.deepEqual(await second.of("nobody"), []);
    await second.close();
  });

  test("a watch that is recorded again answers the same, and under another film it is refused", async () => {
    const watches = await open();
    const watch = { userId: "u2", filmId: "alien-1979", watchId: "w1" };
    assert.deepEqual(await watches.record(watch), { number: 1, repeated: false });
    assert.deepEqual(await watches.record({ ...watch, watchId: "w2", filmId: "leon-1994" }), { number: 2, repeated: false });
    assert.deepEqual(await watches.record(watch), { number: 1, repeated: true });
    assert.deepEqual(await watches.record({ ...watch, userId: "u3" }), { number: 1, repeated: false });
    const refused = watches.record({ ...watch, filmId: "leon-1994" });
    await assert.rejects(refused, (error: unknown) => isFault(error) && error.reason === "WATCH_ID_TAKEN");
    await watches.close();
  });

  test("a film that is watched twice counts from its first time", async () => {
    const watches = await open();
    for (const [index, filmId] of ["a", "b", "a"].entries()) await watches.record({ userId: "u4", filmId, watchId: `w${index}` });
    assert.deepEqual(await watches.of("u4"), [
      { filmId: "a", number: 1 },
      { filmId: "b", number: 2 },
    ]);
    await watches.close();
  });

  test("watches that two programs record at once each have a number of their own", async () => {
    const both = await Promise.all([open(), open()]);
    const record = (index: number): ReturnType<Watches["record"]> =>
      both[index % 2]!.record({ userId: "u5", filmId: `f${index % 9}`, watchId: `w${index % 9}` });
    const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => record(index)));
    assert.equal(new Set(answers.map(({ number }) => number)).size, 9);
    assert.equal(answers.filter(({ repeated }) => repeated).length, 3);
    assert.equal((await both[0].of("u5")).at(-1)?.number, 9);
    for (const watches of both) await watches.close();
  });
}
