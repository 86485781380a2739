import { sql } from "kysely";
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Server, Socket } from "node:net";
import { connect, createServer } from "node:net";
import { describe, test } from "node:test";
import type { SuiteTables } from "./database.suite.ts";
import { describeDatabase, hasReason, hearing, openSuite, suiteMigrations } from "./database.suite.ts";
import type { Database } from "./database.ts";
import { openDatabase } from "./database.ts";
import { migrate } from "./migrate.ts";

const url = process.env["WEIR_DATABASE_URL"] ?? "";
const skip = url === "" ? "needs a PostgreSQL 15+ server: set WEIR_DATABASE_URL=postgres://user:password@host/name" : false;

test("openDatabase says so when no PostgreSQL server is there", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await assert.rejects(openDatabase({ url: `postgres://nobody:hunter2@127.0.0.1:${port}/none` }), hasReason("DATABASE_UNAVAILABLE"));
});

describe("with a PostgreSQL server", { skip }, () => {
  describeDatabase("postgres", async () => {
    const schema = `weir_${randomBytes(6).toString("hex")}`;
    const administrator = await openDatabase<object>({ url });
    await sql`create schema ${sql.ref(schema)}`.execute(administrator.query);
    const database = await openSuite(withSchema(url, schema));
    const close = async (): Promise<void> => {
      await database.close();
      await sql`drop schema ${sql.ref(schema)} cascade`.execute(administrator.query);
      await administrator.close();
    };
    return { ...database, close };
  });

  test("a database that goes away is a clear Fault, and is used again when it returns", async () => {
    const relay = await createRelay(url);
    const database = await openDatabase<object>({ url: relay.url, waitMsMax: 2000 });
    relay.cut();
    await assert.rejects(sql`select 1`.execute(database.query), hasReason("DATABASE_UNAVAILABLE"));
    await assert.rejects(
      database.transaction((transaction) => sql`select 1`.execute(transaction)),
      hasReason("DATABASE_UNAVAILABLE"),
    );
    await relay.mend();
    assert.deepEqual((await sql`select 1 as one`.execute(database.query)).rows, [{ one: 1 }]);
    await database.close();
    relay.cut();
  });

  test("who watches is told when the connection that listens is back, and hears on", async () => {
    const relay = await createRelay(url);
    const watching: Database<SuiteTables> = await openDatabase({ url: relay.url, waitMsMax: 2000 });
    const announcing: Database<SuiteTables> = await openDatabase({ url });
    const heard = hearing(watching, "weir_watched");
    await heard.next;
    relay.cut();
    await announcing.transaction((transaction) => announcing.announce(transaction, "weir_watched"));
    assert.equal(heard.times, 1);
    await relay.mend();
    await heard.next;
    await announcing.transaction((transaction) => announcing.announce(transaction, "weir_watched"));
    await heard.next;
    await Promise.all([watching.close(), announcing.close()]);
    relay.cut();
  });

  test("a connection that dies inside a transaction rejects it and is not used again", async () => {
    const database = await openDatabase<object>({ url, connectionsMax: 2 });
    const dying = database.transaction(async (transaction) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(transaction);
      await sql`select pg_terminate_backend(${rows[0]?.pid})`.execute(database.query);
      await sql`select 1`.execute(transaction);
    });
    await assert.rejects(dying, hasReason("DATABASE_UNAVAILABLE"));
    for (let index = 0; index < 4; index++) await sql`select 1`.execute(database.query);
    await database.close();
  });

  test("a statement that runs too long is ended, and its connection serves on", async () => {
    const database = await openDatabase<object>({ url, statementMsMax: 50, connectionsMax: 1 });
    await assert.rejects(sql`select pg_sleep(5)`.execute(database.query), hasReason("DEADLINE_EXCEEDED"));
    assert.deepEqual((await sql`select 1 as one`.execute(database.query)).rows, [{ one: 1 }]);
    await database.close();
  });

  test("more queries than connections wait for their turn, and only so long", async () => {
    const database = await openDatabase<object>({ url, waitMsMax: 200, connectionsMax: 1 });
    const slow = sql`select pg_sleep(0.6)`.execute(database.query);
    await assert.rejects(sql`select 1`.execute(database.query), hasReason("DATABASE_UNAVAILABLE"));
    await slow;
    await Promise.all(Array.from({ length: 20 }, () => sql`select 1`.execute(database.query)));
    await database.close();
  });

  test("a transaction that never wins says so", async () => {
    const schema = `weir_${randomBytes(6).toString("hex")}`;
    const administrator = await openDatabase<object>({ url });
    await sql`create schema ${sql.ref(schema)}`.execute(administrator.query);
    const database: Database<SuiteTables> = await openDatabase({ url: withSchema(url, schema), attemptsMax: 2 });
    await migrate(database, suiteMigrations);
    let tried = 0;
    const losing = database.transaction(async (transaction) => {
      tried++;
      await transaction.selectFrom("accounts").select("cents").where("id", "=", "bank").execute();
      await database.query
        .updateTable("accounts")
        .set((fields) => ({ cents: fields("cents", "+", 1) }))
        .execute();
      await transaction.updateTable("accounts").set({ cents: 0 }).where("id", "=", "bank").execute();
    });
    await assert.rejects(losing, hasReason("DATABASE_BUSY"));
    assert.equal(tried, 2);
    await database.close();
    await sql`drop schema ${sql.ref(schema)} cascade`.execute(administrator.query);
    await administrator.close();
  });
});

function withSchema(address: string, schema: string): string {
  const parsed = new URL(address);
  parsed.searchParams.set("options", `-c search_path=${schema}`);
  return parsed.href;
}

interface Relay {
  readonly url: string;
  cut(): void;
  mend(): Promise<void>;
}

/** Stands between a client and the server, so that the way can be cut without stopping the server. */
async function createRelay(address: string): Promise<Relay> {
  const target = new URL(address);
  const sockets = new Set<Socket>();
  const open = (): Server =>
    createServer((socket) => {
      const upstream = connect(Number(target.port || 5432), target.hostname);
      sockets.add(socket);
      socket.on("error", () => upstream.destroy()).on("close", () => upstream.destroy());
      upstream.on("error", () => socket.destroy()).on("close", () => socket.destroy());
      socket.pipe(upstream).pipe(socket);
    });
  let server = open().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const own = new URL(address);
  own.host = `127.0.0.1:${port}`;
  return {
    url: own.href,
    cut() {
      server.close();
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    },
    async mend() {
      server = open().listen(port, "127.0.0.1");
      await once(server, "listening");
    },
  };
}
