import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from "kysely";
import { CompiledQuery as Query, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from "kysely";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { SQLInputValue, StatementSync } from "node:sqlite";
import { DatabaseSync } from "node:sqlite";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { DriverOptions } from "./database.ts";

/** SQLite blocks this thread while another process holds the lock; so it blocks briefly and waits in pauses. */
const blockMsMax = 5;
const pauseMs = 10;
const statementsMax = 256;
const waitersMax = 10_000;

// https://sqlite.org/rescode.html; the low byte is the primary code.
const codes = { busy: 5, locked: 6, full: 13, cantOpen: 14, ioError: 10, notADatabase: 26, conflict: new Set([1555, 2067, 2579]) };

/** Kysely over the platform's own SQLite. `path` is a file, or ":memory:". Rejects with DATABASE_UNAVAILABLE. */
export async function openSqlite<T>(path: string, options: DriverOptions): Promise<Kysely<T>> {
  const database = await openFile(path, options);
  const driver = new SqliteDriver(database, options);
  return new Kysely<T>({
    dialect: {
      createDriver: () => driver,
      createAdapter: () => new QueuedAdapter(),
      createQueryCompiler: () => new SqliteQueryCompiler(),
      createIntrospector: (db) => new SqliteIntrospector(db),
    },
  });
}

async function openFile(path: string, { clock, waitMsMax }: DriverOptions): Promise<DatabaseSync> {
  const endMs = clock.monotonicMs() + waitMsMax;
  for (;;) {
    try {
      return openOnce(path);
    } catch (error) {
      // Programs that start together are in each other's way while the first of them makes the log.
      if (primaryCode(error) !== codes.busy || clock.monotonicMs() >= endMs) {
        const found = error instanceof Error ? error.message : String(error);
        throw fault(kitReasons.DATABASE_UNAVAILABLE, `Expected an SQLite database at ${path}, found: ${found}.`, { cause: error });
      }
    }
    await clock.sleep(pauseMs * (0.5 + clock.random()));
  }
}

function openOnce(path: string): DatabaseSync {
  if (path !== ":memory:") {
    mkdirSync(dirname(path), { recursive: true });
    // SQLite gives its log and index files the mode of the database.
    closeSync(openSync(path, "a", 0o600));
  }
  const database = new DatabaseSync(path, { timeout: blockMsMax, enableForeignKeyConstraints: true });
  try {
    // FULL syncs the log at every commit: what was answered survives a power cut. fullfsync is for macOS only.
    database.exec("pragma journal_mode = wal; pragma synchronous = full; pragma fullfsync = on");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Kysely's own adapter would queue without an end; the driver below queues with one. */
class QueuedAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

interface Waiter {
  readonly resolve: (connection: DatabaseConnection) => void;
  readonly turn: AbortController;
}

/** One connection for everybody, handed on in the order of asking: so transactions are serial. */
class SqliteDriver implements Driver {
  readonly #database: DatabaseSync;
  readonly #connection: DatabaseConnection;
  readonly #options: DriverOptions;
  readonly #waiters: Waiter[] = [];
  #taken = false;

  constructor(database: DatabaseSync, options: DriverOptions) {
    this.#database = database;
    this.#connection = sqliteConnection(database, options);
    this.#options = options;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    if (!this.#taken) {
      this.#taken = true;
      return this.#connection;
    }
    if (this.#waiters.length >= waitersMax) throw fault(kitReasons.DATABASE_BUSY, `Expected at most ${waitersMax} waiting queries.`);
    const { clock, waitMsMax } = this.#options;
    return await new Promise((resolve, reject) => {
      const turn = new AbortController();
      const waiter: Waiter = { resolve, turn };
      this.#waiters.push(waiter);
      const giveUp = (): void => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        const hint = "a query inside a transaction must use the transaction it was given";
        reject(fault(kitReasons.DATABASE_UNAVAILABLE, `Others have held the database for ${waitMsMax} ms (${hint}).`));
      };
      clock.sleep(waitMsMax, turn.signal).then(giveUp, () => undefined);
    });
  }

  async releaseConnection(): Promise<void> {
    const next = this.#waiters.shift();
    if (!next) {
      this.#taken = false;
      return;
    }
    next.turn.abort();
    next.resolve(this.#connection);
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    // A deferred transaction that begins to write later fails at once when another process writes; this one waits.
    await connection.executeQuery(Query.raw("begin immediate"));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(Query.raw("commit"));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    // Some errors (disk full, input and output) have rolled back already.
    if (this.#database.isTransaction) await connection.executeQuery(Query.raw("rollback"));
  }

  async destroy(): Promise<void> {
    // Its turn comes after everybody who asked before; when that takes too long it closes all the same.
    await this.acquireConnection().catch(() => undefined);
    this.#database.close();
  }
}

function sqliteConnection(database: DatabaseSync, options: DriverOptions): DatabaseConnection {
  const { clock, waitMsMax } = options;
  const statements = new Map<string, StatementSync>();
  function prepared(sql: string): StatementSync {
    const known = statements.get(sql);
    if (known) return known;
    const statement = database.prepare(sql);
    if (statements.size >= statementsMax) statements.delete(statements.keys().next().value ?? "");
    statements.set(sql, statement);
    return statement;
  }
  return {
    async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
      const endMs = clock.monotonicMs() + waitMsMax;
      for (;;) {
        try {
          return run<R>(prepared(query.sql), query.parameters as SQLInputValue[]);
        } catch (error) {
          // Inside a transaction another process is never in the way: it has the lock since "begin immediate".
          const wait = primaryCode(error) === codes.busy && !database.isTransaction && clock.monotonicMs() < endMs;
          if (!wait) throw sqliteFault(error);
        }
        await clock.sleep(pauseMs * (0.5 + clock.random()));
      }
    },
    async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
      // A statement of its own, because another query may run between two rows.
      const rows = database.prepare(query.sql).iterate(...(query.parameters as SQLInputValue[]));
      for (const row of rows) yield { rows: [{ ...row } as R] };
    },
  };
}

function run<R>(statement: StatementSync, parameters: readonly SQLInputValue[]): QueryResult<R> {
  if (statement.columns().length > 0) {
    // The platform's rows have no prototype; PostgreSQL's have one. They should compare alike.
    return { rows: statement.all(...parameters).map((row) => ({ ...row }) as R) };
  }
  const { changes, lastInsertRowid } = statement.run(...parameters);
  return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
}

function errorCode(error: unknown): number {
  return typeof error === "object" && error !== null && "errcode" in error ? Number(error.errcode) : 0;
}

function primaryCode(error: unknown): number {
  return errorCode(error) & 0xff;
}

function sqliteFault(error: unknown): unknown {
  const message = error instanceof Error ? error.message : "";
  if (codes.conflict.has(errorCode(error))) {
    return fault(kitReasons.DATABASE_CONFLICT, `Expected a new key, found it taken: ${message}.`, { cause: error });
  }
  const primary = primaryCode(error);
  if (primary === codes.busy || primary === codes.locked) {
    return fault(kitReasons.DATABASE_BUSY, "Another process held the database.", { cause: error });
  }
  if (primary === codes.full || primary === codes.cantOpen || primary === codes.ioError || primary === codes.notADatabase) {
    return fault(kitReasons.DATABASE_UNAVAILABLE, `The database file cannot be used: ${message}.`, { cause: error });
  }
  return error;
}
