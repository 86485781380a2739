import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../clock.ts";
import type { Database } from "../store/database.ts";
import { openDatabase } from "../store/database.ts";
import { migrate } from "../store/migrate.ts";
import type { CarrierCase } from "./carrier.suite.ts";
import { describeCarrier, orderEvent, orderRecord, until } from "./carrier.suite.ts";
import { createConsumer } from "./consumer.ts";
import type { ConsumerTables } from "./consumer-tables.ts";
import { consumerMigrations } from "./consumer-tables.ts";
import { freshSchema, skipPostgres } from "./testdata/fresh-schema.ts";
import { createSqlLog } from "./sql-log.ts";
import type { SqlLogTables } from "./sql-log-tables.ts";
import { sqlLogMigrations } from "./sql-log-tables.ts";

type Tables = SqlLogTables & ConsumerTables;

async function caseOn(first: Database<Tables>, second: Database<Tables>, close: () => Promise<void>): Promise<CarrierCase> {
  await migrate(first, sqlLogMigrations, { set: "log" });
  await migrate(first, consumerMigrations, { set: "consumer" });
  const log = (database: Database<Tables>) => createSqlLog({ database, leaseMs: 4000, lookMs: 50 });
  return { carrier: log(first), other: log(second), database: first as unknown as Database<ConsumerTables>, close };
}

describeCarrier("a log in SQLite's memory", async () => {
  const database = await openDatabase<Tables>({ url: "sqlite::memory:" });
  return caseOn(database, database, () => database.close());
});

describeCarrier("a log in an SQLite file, from two sides", async () => {
  const folder = await mkdtemp(join(tmpdir(), "weir-log-"));
  const url = `sqlite:${join(folder, "log.db")}`;
  const [first, second] = [await openDatabase<Tables>({ url }), await openDatabase<Tables>({ url })];
  return caseOn(first, second, async () => {
    await Promise.all([first.close(), second.close()]);
    await rm(folder, { recursive: true });
  });
});

describeCarrier(
  "a log in PostgreSQL, from two sides",
  async () => {
    const { url, drop } = await freshSchema();
    const [first, second] = [await openDatabase<Tables>({ url }), await openDatabase<Tables>({ url })];
    return caseOn(first, second, async () => {
      await Promise.all([first.close(), second.close()]);
      await drop();
    });
  },
  skipPostgres,
);

test("a group reads again from a time on, effects stay as they are, and what is old is taken out", async (t) => {
  const database = await openDatabase<Tables>({ url: "sqlite::memory:" });
  const clock = { ...systemClock, nowMs: () => nowMs };
  let nowMs = 1_000_000;
  const log = createSqlLog({ database, leaseMs: 4000, lookMs: 20, retentionMs: 5000, clock });
  await migrate(database, sqlLogMigrations, { set: "log" });
  await migrate(database, consumerMigrations, { set: "consumer" });
  const topic = "orders.again";
  for (let step = 1; step <= 4; step++, nowMs += 1000) await log.publish([{ ...orderRecord(topic, `o${step}`, step), timeMs: nowMs }]);
  const seen: number[] = [];
  const effects: number[] = [];
  const tables = database as unknown as Database<ConsumerTables>;
  const handled = createConsumer({ group: "handled", carrier: log, database: tables }).on(
    orderEvent(topic),
    async ({ step }) => void seen.push(step),
  );
  const applied = createConsumer({ group: "applied", carrier: log, database: tables }).apply(
    orderEvent(topic),
    async (_, { step }) => void effects.push(step),
  );
  const controller = new AbortController();
  const running = Promise.all([handled.run(controller.signal), applied.run(controller.signal)]);
  t.after(async () => {
    controller.abort();
    await running;
    await database.close();
  });
  const caughtUp = async (): Promise<boolean> =>
    (await Promise.all(["handled", "applied"].map((group) => log.lag(group, [topic])))).every(([lag]) => lag?.events === 0);
  await until(async () => seen.length === 4 && effects.length === 4 && (await caughtUp()));
  for (const group of ["handled", "applied"]) assert.equal(await log.rewind({ group, topic, toMs: 1_002_000 }), 2);
  await until(
    async () => seen.length === 6 && (await caughtUp()),
    () => seen,
  );
  assert.deepEqual(new Set(seen.slice(4)), new Set([3, 4]));
  assert.deepEqual([effects.length, new Set(effects)], [4, new Set([1, 2, 3, 4])]);
  nowMs = 1_001_000 + 5001;
  assert.equal(await log.purge(), 2);
  assert.equal(await log.purge(), 0);
});
