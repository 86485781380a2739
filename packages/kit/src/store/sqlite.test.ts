import { sql } from "kysely";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import { systemClock } from "../clock.ts";
import { describeDatabase, hasReason, hearing, openSuite, suiteMigrations } from "./database.suite.ts";
import type { SuiteTables } from "./database.suite.ts";
import type { Database } from "./database.ts";
import { openDatabase } from "./database.ts";
import { migrate } from "./migrate.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-store-"));
});
after(() => rm(folder, { recursive: true }));

describeDatabase("sqlite in memory", () => openSuite("sqlite::memory:"));
describeDatabase("sqlite in a file", () => openSuite(`sqlite:${join(folder, "below", "suite.db")}`));

/** A process that writes to the file: what it did not say "written" for may be missing, what it did must be there. */
const writerSource = `
  import { openDatabase } from ${JSON.stringify(new URL("./database.ts", import.meta.url).href)};
  const database = await openDatabase({ url: process.argv[1] });
  for (let position = 1; ; position++) {
    await database.query.insertInto("entries").values({ position, account_id: "bank" }).execute();
    process.stdout.write(position + "\\n");
  }`;

describe("sqlite file", () => {
  test("who watches hears of what another process commits", async () => {
    const url = `sqlite:${join(folder, "watched.db")}`;
    const [watching, writing] = [await openSuite(url), await openSuite(url)];
    await migrate(writing, suiteMigrations);
    const heard = hearing(watching, "entries");
    await heard.next;
    for (const position of [1, 2]) {
      await writing.query.insertInto("entries").values({ position, account_id: "bank" }).execute();
      await heard.next;
    }
    heard.stop();
    await Promise.all([watching.close(), writing.close()]);
  });

  test("database file is for its owner only, synced at every commit", async () => {
    const path = join(folder, "private.db");
    const database = await openDatabase({ url: `sqlite:${path}` });
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.deepEqual((await sql`pragma journal_mode`.execute(database.query)).rows, [{ journal_mode: "wal" }]);
    assert.deepEqual((await sql`pragma synchronous`.execute(database.query)).rows, [{ synchronous: 2 }]);
    await database.close();
  });

  test("database opens once whoever holds the new file lets go of it", async () => {
    const path = join(folder, "together.db");
    const other = new DatabaseSync(path);
    other.exec("begin exclusive");
    const opening = openDatabase({ url: `sqlite:${path}` });
    const first = await Promise.race([opening.then(() => "open"), systemClock.sleep(50).then(() => "held")]);
    assert.equal(first, "held");
    other.exec("rollback");
    other.close();
    await (await opening).close();
  });

  test("database keeps every row it has answered for when its process is killed", async () => {
    const url = `sqlite:${join(folder, "killed.db")}`;
    const database = await openSuite(url);
    await migrate(database, suiteMigrations);
    const writer = spawn(process.execPath, ["--input-type=module", "-e", writerSource, url], { stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    for await (const chunk of writer.stdout) {
      said += String(chunk);
      if (said.split("\n").length > 50) writer.kill("SIGKILL");
    }
    const last = Number(said.split("\n").at(-2));
    const found = await database.query.selectFrom("entries").select("position").orderBy("position").execute();
    assert.ok(last >= 50);
    assert.ok(found.length >= last, `answered for ${last} rows, found ${found.length}`);
    assert.deepEqual((await sql`pragma integrity_check`.execute(database.query)).rows, [{ integrity_check: "ok" }]);
    await database.close();
  });

  test("database waits while another process writes, without blocking this one", async () => {
    const url = `sqlite:${join(folder, "shared.db")}`;
    const database = await openSuite(url);
    await migrate(database, suiteMigrations);
    const other = await openSuite(url);
    const held = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    const holding = other.transaction(async () => {
      entered.resolve();
      await held.promise;
    });
    await entered.promise;
    const waiting = database.query.insertInto("entries").values({ position: 1, account_id: "bank" }).execute();
    const longest = await longestPauseMs(300);
    held.resolve();
    await Promise.all([holding, waiting]);
    assert.ok(longest < 200, `the thread stood still for ${longest} ms`);
    await Promise.all([database.close(), other.close()]);
  });

  test("transactions of two openers of one file wait for each other instead of failing", async () => {
    const url = `sqlite:${join(folder, "two.db")}`;
    const openers = [await openDatabase<SuiteTables>({ url, attemptsMax: 1 }), await openDatabase<SuiteTables>({ url, attemptsMax: 1 })];
    await migrate(openers[0] as Database<SuiteTables>, suiteMigrations);
    const append = (database: Database<SuiteTables>): Promise<void> =>
      database.transaction(async (transaction) => {
        const { position } = await transaction
          .selectFrom("entries")
          .select((fields) => fields.fn.countAll<number>().as("position"))
          .executeTakeFirstOrThrow();
        await new Promise((resolve) => setImmediate(resolve));
        await transaction.insertInto("entries").values({ position, account_id: "bank" }).execute();
      });
    await Promise.all(openers.flatMap((database) => Array.from({ length: 10 }, () => append(database))));
    const found = await openers[0]?.query.selectFrom("entries").select("position").orderBy("position").execute();
    assert.deepEqual(
      found?.map((row) => row.position),
      Array.from({ length: 20 }, (_, index) => index),
    );
    await Promise.all(openers.map((database) => database.close()));
  });

  test("database names what it found when the file is none of its own", async () => {
    const path = join(folder, "garbage.db");
    await writeFile(path, "not a database at all ".repeat(100));
    await assert.rejects(openDatabase({ url: `sqlite:${path}` }), hasReason("DATABASE_UNAVAILABLE"));
    await assert.rejects(openDatabase({ url: "sqlite:/dev/null/x.db" }), hasReason("DATABASE_UNAVAILABLE"));
  });
});

describe("openDatabase", () => {
  test("openDatabase refuses an address it does not know, without repeating a password", async () => {
    const secret = openDatabase({ url: "mysql://root:hunter2@localhost/x" });
    await assert.rejects(secret, (error: Error) => hasReason("DATABASE_URL_INVALID")(error) && !error.message.includes("hunter2"));
    await assert.rejects(openDatabase({ url: "" }), hasReason("DATABASE_URL_INVALID"));
    await assert.rejects(openDatabase({ url: "sqlite:" }), hasReason("DATABASE_URL_INVALID"));
  });

  test("a query outside a transaction's own, from within it, ends with a reason instead of standing still", async () => {
    const database = await openDatabase<{ t: { a: number } }>({ url: "sqlite::memory:", waitMsMax: 50 });
    const tangled = database.transaction(() => sql`select 1`.execute(database.query));
    await assert.rejects(tangled, hasReason("DATABASE_UNAVAILABLE"));
    assert.deepEqual((await sql`select 1 as one`.execute(database.query)).rows, [{ one: 1 }]);
    await database.close();
  });

  test("close lets a running transaction finish", async () => {
    const database = await openDatabase<{ t: { a: number } }>({ url: "sqlite::memory:" });
    const entered = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const running = database.transaction(async (transaction) => {
      entered.resolve();
      await held.promise;
      return (await sql`select 1 as one`.execute(transaction)).rows;
    });
    await entered.promise;
    const closing = database.close();
    held.resolve();
    assert.deepEqual(await running, [{ one: 1 }]);
    await closing;
    await assert.rejects(sql`select 1`.execute(database.query));
  });
});

/** Watches the event loop for a while and answers its longest pause. */
async function longestPauseMs(durationMs: number): Promise<number> {
  const endMs = performance.now() + durationMs;
  let longest = 0;
  for (let lastMs = performance.now(); lastMs < endMs;) {
    await new Promise((resolve) => setImmediate(resolve));
    longest = Math.max(longest, performance.now() - lastMs);
    lastMs = performance.now();
  }
  return longest;
}
