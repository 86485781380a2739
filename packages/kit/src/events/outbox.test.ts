import { sql } from "kysely";
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Call } from "../call.ts";
import { fault } from "../fault.ts";
import type { Database } from "../store/database.ts";
import { openDatabase } from "../store/database.ts";
import { migrate } from "../store/migrate.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { Carrier } from "./carrier.ts";
import { orderEvent, until } from "./carrier.suite.ts";
import type { EventRecord } from "./event-record.ts";
import { messageOf } from "./event-record.ts";
import type { Outbox, OutboxTables } from "./outbox.ts";
import { createOutbox, outboxMigrations } from "./outbox.ts";
import { createRelay } from "./relay.ts";
import { eventReasons } from "./reasons.ts";
import { createSqlLog } from "./sql-log.ts";
import type { SqlLogTables } from "./sql-log-tables.ts";
import { sqlLogMigrations } from "./sql-log-tables.ts";
import { OrderPlaced } from "./testdata/orders.weir.ts";
import { freshSchema, skipPostgres } from "./testdata/fresh-schema.ts";

type Tables = OutboxTables & SqlLogTables & { orders: { id: string; step: number } };

const event = orderEvent("orders.outbox");

/** A carrier that keeps in memory what it was given. */
function keeping(refuses: (record: EventRecord) => Error | undefined = () => undefined): Carrier & { readonly kept: string[] } {
  const kept: string[] = [];
  return {
    kept,
    async publish(records) {
      const refused = records.map(refuses).find((error) => error !== undefined);
      if (refused) throw refused;
      for (const record of records) kept.push(`${record.key}:${messageOf(event, record).step}`);
    },
    read: () => Promise.resolve(),
    lag: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  };
}

function emit(outbox: Outbox<Tables>, database: Database<Tables>, orderId: string, step: number): Promise<string> {
  return database.transaction((transaction) => outbox.emit(transaction, event, OrderPlaced.create({ orderId, step })));
}

/** Runs a relay while `body` runs. */
async function relaying(options: Parameters<typeof createRelay<Tables>>[0], body: () => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const running = createRelay({ lookMs: 20, leaseMs: 1000, ...options }).run(controller.signal);
  try {
    await body();
  } finally {
    controller.abort();
    await running;
  }
}

function describeOutbox(name: string, open: () => Promise<{ readonly url: string; drop(): Promise<void> }>, skip: string | false): void {
  describe(name, { skip }, () => {
    let place: Awaited<ReturnType<typeof open>>;
    let database: Database<Tables>;
    let outbox: Outbox<Tables>;
    before(async () => {
      place = await open();
      database = await openDatabase<Tables>({ url: place.url });
      await migrate(database, outboxMigrations, { set: "outbox" });
      await migrate(database, sqlLogMigrations, { set: "log" });
      outbox = createOutbox({ database, source: "orders" });
    });
    after(async () => {
      await database.close();
      await place.drop();
    });

    test("an event is published if and only if its transaction commits, with the trace of its call", async () => {
      const records: EventRecord[] = [];
      const carrier: Carrier = { ...keeping(), publish: async (given) => void records.push(...given) };
      const call = new Call({ trace: { traceId: "a".repeat(32), spanId: "b".repeat(16), sampled: true } });
      const ghost = database.transaction(async (transaction) => {
        await outbox.emit(transaction, event, OrderPlaced.create({ orderId: "ghost", step: 1 }), call);
        throw new Error("changed my mind");
      });
      await assert.rejects(ghost, /changed my mind/);
      const id = await database.transaction((transaction) =>
        outbox.emit(transaction, event, OrderPlaced.create({ orderId: "a", step: 1 }), call),
      );
      const metrics = createMetrics();
      await relaying({ database, carrier, metrics }, async () => {
        await until(() => records.length > 0);
        await until(async () => (await createRelay({ database, carrier }).lag()).events === 0);
      });
      assert.deepEqual(
        records.map((record) => [record.id, record.type, record.key, record.source, record.traceparent]),
        [[id, "order.placed.v1", "a", "orders", `00-${"a".repeat(32)}-${"b".repeat(16)}-01`]],
      );
      assert.match(metrics.text(), /^weir_outbox_published_total 1$/m);
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    });

    test("events that are emitted by many at once all arrive, those of one key in order, by two relays", async () => {
      const carrier = keeping();
      let sent = 0;
      const service = async (orderId: string): Promise<void> => {
        for (let step = 1; step <= 15; step++, sent++) await emit(outbox, database, orderId, step);
      };
      const work = Promise.all(["a", "b", "c", "d", "e"].map(service));
      await relaying({ database, carrier, batchMax: 7 }, () =>
        relaying({ database, carrier, batchMax: 7 }, async () => {
          await work;
          await until(
            () => new Set(carrier.kept).size === 75,
            () => carrier.kept.length,
          );
        }),
      );
      for (const orderId of ["a", "b", "c", "d", "e"]) {
        const own = [...new Set(carrier.kept.filter((one) => one.startsWith(orderId)))];
        assert.deepEqual(
          own,
          Array.from({ length: 15 }, (_, index) => `${orderId}:${index + 1}`),
        );
      }
    });

    test("an event that the carrier refuses for good holds its key alone, until a person tries again", async () => {
      let refuses = true;
      const carrier = keeping((record) =>
        refuses && record.key === "poison" ? fault(eventReasons.EVENT_INVALID, "Expected less, found more.") : undefined,
      );
      for (let step = 1; step <= 3; step++) for (const orderId of ["poison", "fine"]) await emit(outbox, database, orderId, step);
      const relay = createRelay({ database, carrier });
      await relaying({ database, carrier }, async () => {
        await until(
          () => carrier.kept.length === 3,
          () => carrier.kept,
        );
        await until(async () => (await relay.lag()).refused === 1 && (await relay.lag()).events === 3);
        assert.deepEqual(carrier.kept, ["fine:1", "fine:2", "fine:3"]);
        refuses = false;
        assert.equal(await relay.retryRefused(), 1);
        await until(
          () => carrier.kept.length === 6,
          () => carrier.kept,
        );
      });
      assert.deepEqual(carrier.kept.slice(3), ["poison:1", "poison:2", "poison:3"]);
    });

    test("a carrier that is away for a while loses nothing", async () => {
      let isAway = true;
      const carrier = keeping(() => (isAway ? fault(eventReasons.CARRIER_CLOSED, "Expected a carrier, found none.") : undefined));
      await emit(outbox, database, "patient", 1);
      await relaying({ database, carrier }, async () => {
        await emit(outbox, database, "patient", 2);
        isAway = false;
        await until(
          () => carrier.kept.length === 2,
          () => carrier.kept,
        );
      });
      assert.deepEqual(carrier.kept, ["patient:1", "patient:2"]);
    });

    test("relays that are killed again and again lose nothing, and put nothing into the log twice", async () => {
      const log = createSqlLog({ database });
      const program = new URL("./testdata/relay-process.ts", import.meta.url).href;
      const source = `import { relayFor } from ${JSON.stringify(program)}; await relayFor(${JSON.stringify(place.url)});`;
      const begin = (): ChildProcess =>
        spawn(process.execPath, ["--input-type=module", "-e", source], { stdio: ["ignore", "pipe", "inherit"] });
      let relays = [begin(), begin()];
      try {
        for (let step = 1; step <= 40; step++) {
          for (const orderId of ["k1", "k2", "k3"]) await emit(outbox, database, orderId, step);
          if (step % 10 !== 0) continue;
          await Promise.all(relays.map((one) => once(one.stdout ?? one, "data")));
          for (const one of relays) one.kill("SIGKILL");
          relays = [begin(), begin()];
        }
        const relay = createRelay({ database, carrier: log });
        await until(async () => (await relay.lag()).events === 0);
      } finally {
        for (const one of relays) one.kill("SIGKILL");
      }
      const rows = await database.query
        .selectFrom("weir_log")
        .select(["event_key", "id", "data"])
        .where("topic", "=", event.topic)
        .orderBy("position")
        .execute();
      assert.equal(rows.length, 120);
      assert.equal(new Set(rows.map((row) => row.id)).size, 120);
      for (const key of ["k1", "k2", "k3"]) {
        const steps = rows.filter((row) => row.event_key === key).map((row) => OrderPlaced.fromBinary(row.data).step);
        assert.deepEqual(
          steps,
          Array.from({ length: 40 }, (_, index) => index + 1),
          key,
        );
      }
    });
  });
}

describeOutbox(
  "an outbox in an SQLite file",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "weir-outbox-"));
    return { url: `sqlite:${join(folder, "outbox.db")}`, drop: () => rm(folder, { recursive: true }) };
  },
  false,
);

describeOutbox("an outbox in PostgreSQL", freshSchema, skipPostgres);

test(
  "an event whose number was given before, and whose transaction commits after, is not passed over",
  { skip: skipPostgres },
  async (t) => {
    const place = await freshSchema();
    const database = await openDatabase<Tables>({ url: place.url });
    t.after(async () => {
      await database.close();
      await place.drop();
    });
    await migrate(database, outboxMigrations, { set: "outbox" });
    const outbox = createOutbox({ database, source: "orders" });
    const carrier = keeping();
    const late = Promise.withResolvers<void>();
    const hasNumber = Promise.withResolvers<void>();
    const slow = database.transaction(async (transaction) => {
      await outbox.emit(transaction, event, OrderPlaced.create({ orderId: "slow", step: 1 }));
      hasNumber.resolve();
      await late.promise;
    });
    await hasNumber.promise;
    await emit(outbox, database, "quick", 1);
    const { rows } = await sql<{ keys: string[] }>`select array_agg(event_key order by position) as keys from weir_outbox`.execute(
      database.query,
    );
    assert.deepEqual(rows[0]?.keys, ["quick"], "the number before it is not visible yet");
    await relaying({ database, carrier }, async () => {
      const relayed = createRelay({ database, carrier });
      await until(async () => (await relayed.lag()).events === 1);
      late.resolve();
      await slow;
      await until(
        () => carrier.kept.length === 2,
        () => carrier.kept,
      );
    });
    assert.deepEqual(carrier.kept.toSorted(), ["quick:1", "slow:1"]);
  },
);
