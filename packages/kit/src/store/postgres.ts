import type { PostgresPoolClient } from "kysely";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { coreReasons, fault, isFault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { DriverOptions } from "./database.ts";

const idleMsMax = 30_000;
const idleInTransactionMsMax = 30_000;
/** Above the server's own limit: it ends waiting when the server has gone without a word. */
const answerSlackMs = 2000;

// Object identifiers of pg_type: https://www.postgresql.org/docs/15/datatype-oid.html
const int8 = 20;
const numeric = 1700;

/**
 * Kysely over a pool of PostgreSQL connections. A connection that broke is dropped and the next query opens another:
 * a server that returns is used again without help. Errors: see `Database`; DEADLINE_EXCEEDED for a slow statement.
 * After DATABASE_UNAVAILABLE from a commit nobody knows whether it happened.
 */
export async function openPostgres<T>(url: string, options: DriverOptions): Promise<Kysely<T>> {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: "weir",
    max: options.connectionsMax,
    connectionTimeoutMillis: options.waitMsMax,
    idleTimeoutMillis: idleMsMax,
    keepAlive: true,
    statement_timeout: options.statementMsMax,
    query_timeout: options.statementMsMax + answerSlackMs,
    lock_timeout: options.waitMsMax,
    idle_in_transaction_session_timeout: idleInTransactionMsMax,
    types: { getTypeParser: parserOf as typeof pg.types.getTypeParser },
  });
  // Without listeners a connection that dies while nobody asks would end the process; its next user hears of it.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  return new Kysely<T>({
    dialect: new PostgresDialect({
      pool: { connect: () => connected(pool), end: () => pool.end(), options: pool.options },
    }),
  });
}

async function connected(pool: pg.Pool): Promise<PostgresPoolClient> {
  let client: pg.PoolClient;
  try {
    client = await pool.connect();
  } catch (error) {
    const found = error instanceof Error && error.message !== "" ? error.message : String(error);
    throw fault(kitReasons.DATABASE_UNAVAILABLE, `Expected a PostgreSQL server, found: ${found}.`, { cause: error });
  }
  let broken = false;
  async function query(text: string, parameters: readonly unknown[]): Promise<pg.QueryResult> {
    try {
      return await client.query(text, [...parameters]);
    } catch (error) {
      const translated = postgresFault(error);
      broken ||= isFault(translated) && translated.code === "UNAVAILABLE";
      throw translated;
    }
  }
  // Kysely's type also names cursors, which it uses only when given a cursor class.
  return { query: query as unknown as PostgresPoolClient["query"], release: (destroy) => client.release(destroy === true || broken) };
}

/** Integers and sums as numbers, as SQLite gives them. */
function parserOf(oid: number, format?: "text" | "binary"): (text: string) => unknown {
  if (oid === int8) return safeInteger;
  if (oid === numeric) return Number;
  return pg.types.getTypeParser(oid, format as "text");
}

function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`Expected an integer within 2^53, found ${text}.`);
  return value;
}

/** By SQLSTATE: https://www.postgresql.org/docs/15/errcodes-appendix.html, and by what `pg` and sockets say. */
function postgresFault(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (code === "23505") {
    return fault(kitReasons.DATABASE_CONFLICT, `Expected a new key, found it taken: ${error.message}.`, { cause: error });
  }
  if (code === "40001" || code === "40P01" || code === "55P03") {
    return fault(kitReasons.DATABASE_BUSY, "Another transaction was in the way.", { cause: error });
  }
  if (code === "57014") return fault(coreReasons.DEADLINE_EXCEEDED, "A statement ran for too long.", { cause: error });
  const gone = /^(08|53|57P|58)/.test(code) || /^E[A-Z]{3,}$/.test(code);
  if (gone || /^(Connection terminated|Query read timeout|Client (has|was))/.test(error.message)) {
    return fault(kitReasons.DATABASE_UNAVAILABLE, `The database went away: ${error.message}.`, { cause: error });
  }
  return error;
}
