import type { Generated } from "kysely";
import { sql } from "kysely";
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { isFault } from "../fault.ts";
import type { Database } from "./database.ts";
import { columnTypes, openDatabase } from "./database.ts";
import type { Migration } from "./migrate.ts";
import { migrate } from "./migrate.ts";

/** The tables of the suite. */
export interface SuiteTables {
  accounts: { id: string; cents: number; share: number | null; payload: Uint8Array | null };
  entries: { position: Generated<number>; account_id: string };
}

/** What every database of the suite is brought to. */
export const suiteMigrations: readonly Migration[] = [
  {
    name: "001_accounts",
    up: (query, kind) => [
      query.schema
        .createTable("accounts")
        .addColumn("id", "text", (column) => column.primaryKey())
        .addColumn("cents", "bigint", (column) => column.notNull())
        .addColumn("share", "double precision")
        .addColumn("payload", sql.raw(columnTypes[kind].bytes)),
    ],
  },
  {
    name: "002_entries",
    up: (query) => [
      query.schema
        .createTable("entries")
        .addColumn("position", "bigint", (column) => column.notNull())
        .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id")),
      sql`insert into accounts (id, cents) values ('bank', ${1_000_000_000_000})`,
    ],
  },
];

/** Whether something rejected with a Fault of this reason; for `assert.rejects`. */
export function hasReason(reason: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isFault(error), `expected a Fault, found ${String(error)}`);
    assert.equal(error.reason, reason, error.message);
    return true;
  };
}

/** What every database must do, told through one that `open` gives, fresh and empty. */
export function describeDatabase(name: string, open: () => Promise<Database<SuiteTables>>): void {
  describe(name, () => {
    let database: Database<SuiteTables>;
    before(async () => {
      database = await open();
      await migrate(database, suiteMigrations);
    });
    after(() => database.close());
    describeValues(() => database);
    describeTransactions(() => database);
    describeChanges(() => database);
    describeMigrations(() => database);
  });
}

function describeValues(of: () => Database<SuiteTables>): void {
  test("a row comes back as it went in", async () => {
    const row = { id: "round-trip", cents: Number.MAX_SAFE_INTEGER, share: 0.1, payload: Uint8Array.of(0, 1, 255) };
    await of().query.insertInto("accounts").values(row).execute();
    const found = await of().query.selectFrom("accounts").selectAll().where("id", "=", row.id).executeTakeFirstOrThrow();
    assert.deepEqual({ ...found, payload: new Uint8Array(found.payload ?? []) }, row);
    assert.equal(Object.getPrototypeOf(found), Object.prototype);
  });

  test("counts, sums and averages are numbers", async () => {
    const found = await of()
      .query.selectFrom("accounts")
      .select((fields) => [
        fields.fn.countAll<number>().as("count"),
        fields.fn.sum<number>("cents").as("sum"),
        fields.fn.avg<number>("cents").as("average"),
      ])
      .where("id", "=", "bank")
      .executeTakeFirstOrThrow();
    assert.deepEqual(found, { count: 1, sum: 1_000_000_000_000, average: 1_000_000_000_000 });
  });

  test("an integer beyond 2^53 rejects instead of losing digits", async () => {
    await assert.rejects(sql`select cast(9007199254740993 as bigint) as big`.execute(of().query), RangeError);
  });

  test("a key that is there already is a conflict, and an update tells how many rows it touched", async () => {
    const row = { id: "twice", cents: 1, share: null, payload: null };
    await of().query.insertInto("accounts").values(row).execute();
    await assert.rejects(of().query.insertInto("accounts").values(row).execute(), hasReason("DATABASE_CONFLICT"));
    const result = await of().query.updateTable("accounts").set({ cents: 2 }).where("id", "=", "twice").executeTakeFirst();
    assert.equal(result.numUpdatedRows, 1n);
  });

  test("a row that refers to nothing is refused", async () => {
    await assert.rejects(of().query.insertInto("entries").values({ position: 1, account_id: "nobody" }).execute(), /foreign key/i);
  });
}

function describeTransactions(of: () => Database<SuiteTables>): void {
  test("a transaction that throws leaves nothing behind", async () => {
    const failing = of().transaction(async (transaction) => {
      await transaction.insertInto("accounts").values({ id: "ghost", cents: 1, share: null, payload: null }).execute();
      throw new Error("changed my mind");
    });
    await assert.rejects(failing, /changed my mind/);
    assert.deepEqual(await of().query.selectFrom("accounts").selectAll().where("id", "=", "ghost").execute(), []);
  });

  test("transactions that read and then write are as if one ran after the other", async () => {
    const append = (): Promise<number> =>
      of().transaction(async (transaction) => {
        const last = await transaction
          .selectFrom("entries")
          .select((fields) => fields.fn.max("position").as("position"))
          .executeTakeFirst();
        const position = (last?.position ?? 0) + 1;
        await transaction.insertInto("entries").values({ position, account_id: "bank" }).execute();
        return position;
      });
    const positions = await Promise.all(Array.from({ length: 12 }, append));
    assert.deepEqual(
      positions.toSorted((left, right) => left - right),
      Array.from({ length: 12 }, (_, index) => index + 1),
    );
  });
}

function describeChanges(of: () => Database<SuiteTables>): void {
  test("who watches hears of what was announced and committed, until it lets go", async () => {
    const heard = hearing(of(), "accounts");
    await heard.next;
    const ghost = of().transaction(async (transaction) => {
      await of().announce(transaction, "accounts");
      throw new Error("changed my mind");
    });
    await assert.rejects(ghost, /changed my mind/);
    const before = heard.times;
    await of().transaction((transaction) => of().announce(transaction, "accounts"));
    await heard.next;
    assert.equal(heard.times, before + 1);
    heard.stop();
    await of().transaction((transaction) => of().announce(transaction, "accounts"));
    assert.equal(heard.times, before + 1);
  });

  test("a channel is named by letters", async () => {
    assert.throws(() => of().watch("Accounts;", () => undefined), hasReason("DATABASE_CHANNEL_INVALID"));
  });
}

/** Who watches a channel: `next` resolves with the next hint that nobody has waited for yet. */
export interface Hearing {
  readonly times: number;
  readonly next: Promise<void>;
  stop(): void;
}

/** Watches a channel; the first hint says that it listens now. */
export function hearing(database: Database<SuiteTables>, channel: string): Hearing {
  let times = 0;
  let waited = 0;
  let wake = (): void => undefined;
  const stop = database.watch(channel, () => {
    times++;
    wake();
  });
  return {
    get times() {
      return times;
    },
    get next() {
      waited++;
      return new Promise<void>((resolve) => {
        wake = () => times >= waited && resolve();
        wake();
      });
    },
    stop,
  };
}

function describeMigrations(of: () => Database<SuiteTables>): void {
  test("migrations that have run do not run again", async () => {
    assert.deepEqual(await migrate(of(), suiteMigrations), []);
  });

  test("migrations started at once by many run once", async () => {
    const race: Migration = { name: "001_race", up: (query) => [query.schema.createTable("race").addColumn("id", "text")] };
    const ran = await Promise.all(Array.from({ length: 6 }, () => migrate(of(), [race], { set: "race" })));
    assert.deepEqual(ran.flat(), ["001_race"]);
  });

  test("a migration that fails is undone, and the next start goes on there", async () => {
    const first: Migration = { name: "001_kept", up: (query) => [query.schema.createTable("kept").addColumn("id", "text")] };
    const broken: Migration = {
      name: "002_half",
      up: (query) => [query.schema.createTable("half").addColumn("id", "text"), sql`insert into no_such_table values (1)`],
    };
    const mended: Migration = { name: "002_half", up: (query) => [query.schema.createTable("half").addColumn("id", "text")] };
    await assert.rejects(migrate(of(), [first, broken], { set: "resumed" }), hasReason("MIGRATION_FAILED"));
    assert.deepEqual(await migrate(of(), [first, mended], { set: "resumed" }), ["002_half"]);
  });

  test("a changed, renamed or missing past is refused before anything runs", async () => {
    const [accounts, entries] = suiteMigrations as [Migration, Migration];
    const changed: Migration = { name: accounts.name, up: (query) => [query.schema.createTable("other").addColumn("id", "text")] };
    const renamed: Migration = { name: "001_users", up: accounts.up };
    const next: Migration = { name: "003_next", up: (query) => [query.schema.createTable("next").addColumn("id", "text")] };
    await assert.rejects(migrate(of(), [changed, entries, next]), hasReason("MIGRATION_CHANGED"));
    await assert.rejects(migrate(of(), [renamed, entries, next]), hasReason("MIGRATION_CHANGED"));
    await assert.rejects(migrate(of(), [accounts]), hasReason("MIGRATION_UNKNOWN"));
    await assert.rejects(sql`select * from next`.execute(of().query));
  });

  test("two sets live in one database without knowing each other", async () => {
    const other: Migration = { name: "001_accounts", up: (query) => [query.schema.createTable("other_set").addColumn("id", "text")] };
    assert.deepEqual(await migrate(of(), [other], { set: "other" }), ["001_accounts"]);
  });
}

/** Opens `url`, for a suite that owns what is behind it. */
export function openSuite(url: string): Promise<Database<SuiteTables>> {
  return openDatabase<SuiteTables>({ url, attemptsMax: 40 });
}
