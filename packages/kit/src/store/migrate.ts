import type { Compilable, CompiledQuery, Kysely, RawBuilder, Transaction } from "kysely";
import { CompiledQuery as Query, sql } from "kysely";
import { createHash } from "node:crypto";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { fault, isFault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { Database, DatabaseKind } from "./database.ts";

/** A table of any shape: migrations run against tables of the past, which no type describes. */
export type AnyTables = Record<string, Record<string, unknown>>;

/**
 * One step in the life of a set of tables. It is data: the statements it consists of, made without asking the database,
 * so that what was run can be compared with what the program holds now.
 * @example { name: "001_tokens", up: (db) => [db.schema.createTable("tokens").addColumn("id", "text", (c) => c.primaryKey())] }
 */
export interface Migration {
  /** Never changed once released; a number in front keeps the list readable. */
  readonly name: string;
  readonly up: (query: Kysely<AnyTables>, kind: DatabaseKind) => readonly (Compilable | RawBuilder<unknown>)[];
}

/** What `migrate` may be told. */
export interface MigrateOptions {
  /** Rooms that share a database without knowing each other each keep a set of their own. Default "main". */
  readonly set?: string;
  readonly clock?: Clock;
}

interface AppliedMigration {
  readonly name: string;
  readonly checksum: string;
}

interface MigrationTables {
  weir_migrations: { set_name: string; position: number; name: string; checksum: string; applied_at_ms: number };
}

/** Any number will do, as long as every program that migrates takes the same. */
const lockKey = 7_719_256;

/**
 * Brings a set of tables up to date and answers the names of the migrations it ran. Each runs once, in the order of the
 * list, in a transaction of its own under a lock: two programs may start at once, and one that died half-way goes on
 * where it stopped. Errors: MIGRATION_CHANGED, MIGRATION_UNKNOWN (nothing is run then), MIGRATION_FAILED (undone).
 */
export async function migrate<T>(database: Database<T>, migrations: readonly Migration[], options: MigrateOptions = {}): Promise<string[]> {
  const { set = "main", clock = systemClock } = options;
  const steps = migrations.map((migration) => {
    const statements = compiled(migration, database);
    return { name: migration.name, statements, checksum: checksumOf(statements) };
  });
  await locked(database, async (transaction) => {
    await createMigrationTable(transaction);
    refuseChangedPast(await appliedMigrations(transaction, set), steps);
  });
  const ran: string[] = [];
  for (const [position, step] of steps.entries()) {
    const done = await locked(database, async (transaction) => {
      const applied = await appliedMigrations(transaction, set);
      refuseChangedPast(applied, steps);
      if (applied.length > position) return false;
      await runStatements(transaction, step);
      const row = { set_name: set, position, name: step.name, checksum: step.checksum, applied_at_ms: clock.nowMs() };
      await transaction.insertInto("weir_migrations").values(row).execute();
      return true;
    });
    if (done) ran.push(step.name);
  }
  return ran;
}

async function locked<T, R>(database: Database<T>, body: (transaction: Transaction<MigrationTables>) => Promise<R>): Promise<R> {
  // Not serialisable: that would show the tables as they were before the wait for the lock.
  const builder = database.query.transaction().setIsolationLevel("read committed");
  return await builder.execute(async (transaction) => {
    // SQLite's transactions are alone from their first statement.
    if (database.kind === "postgres") await sql`select pg_advisory_xact_lock(${lockKey})`.execute(transaction);
    return await body(transaction as unknown as Transaction<MigrationTables>);
  });
}

async function createMigrationTable(transaction: Transaction<MigrationTables>): Promise<void> {
  await transaction.schema
    .createTable("weir_migrations")
    .ifNotExists()
    .addColumn("set_name", "text", (column) => column.notNull())
    .addColumn("position", "integer", (column) => column.notNull())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("checksum", "text", (column) => column.notNull())
    .addColumn("applied_at_ms", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("weir_migrations_key", ["set_name", "position"])
    .execute();
}

async function appliedMigrations(transaction: Transaction<MigrationTables>, set: string): Promise<AppliedMigration[]> {
  return await transaction
    .selectFrom("weir_migrations")
    .select(["name", "checksum"])
    .where("set_name", "=", set)
    .orderBy("position")
    .execute();
}

function refuseChangedPast(applied: readonly AppliedMigration[], steps: readonly AppliedMigration[]): void {
  for (const [position, past] of applied.entries()) {
    const now = steps[position];
    if (!now) throw fault(kitReasons.MIGRATION_UNKNOWN, `Expected ${steps.length} migrations at most, found "${past.name}" after them.`);
    if (now.name !== past.name) {
      throw fault(kitReasons.MIGRATION_CHANGED, `Expected "${past.name}" as migration ${position + 1}, found "${now.name}".`);
    }
    if (now.checksum !== past.checksum) {
      throw fault(kitReasons.MIGRATION_CHANGED, `Expected "${past.name}" as it was run, found other statements under that name.`);
    }
  }
}

async function runStatements(
  transaction: Transaction<MigrationTables>,
  step: { readonly name: string; readonly statements: readonly CompiledQuery[] },
): Promise<void> {
  for (const [index, statement] of step.statements.entries()) {
    try {
      await transaction.executeQuery(Query.raw(statement.sql, [...statement.parameters]));
    } catch (error) {
      if (isFault(error) && error.code !== "ALREADY_EXISTS") throw error;
      const found = error instanceof Error ? error.message : String(error);
      const where = `Statement ${index + 1} of "${step.name}"`;
      throw fault(kitReasons.MIGRATION_FAILED, `${where} failed: ${found}.`, { cause: error });
    }
  }
}

function compiled<T>(migration: Migration, database: Database<T>): CompiledQuery[] {
  const query = database.query as unknown as Kysely<AnyTables>;
  return migration.up(query, database.kind).map((statement) => statement.compile(query));
}

function checksumOf(statements: readonly CompiledQuery[]): string {
  const hash = createHash("sha256");
  for (const { sql: text, parameters } of statements) {
    hash.update(JSON.stringify([text, parameters.map((value) => (value instanceof Uint8Array ? [...value] : value))]));
  }
  return hash.digest("hex");
}
