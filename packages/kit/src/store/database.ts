import type { Kysely, Transaction } from "kysely";
import { CompiledQuery } from "kysely";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { fault, isFault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";

/** Which database stands behind: `sqlite` is built in, `postgres` is for more than one machine. */
export type DatabaseKind = "sqlite" | "postgres";

/**
 * A database whose tables are the fields of `T`. Written once in Kysely for both kinds, which answer alike:
 * integers and sums are numbers (one beyond 2^53 rejects), bytes are `Uint8Array`, rows are plain objects.
 * Declare columns `bigint`, `text`, `double precision` and `columnTypes[kind].bytes`; store truth as 0 and 1, times as
 * milliseconds in `bigint`. Errors: DATABASE_UNAVAILABLE, DATABASE_CONFLICT (key there already), DATABASE_BUSY; any
 * other comes as the driver gave it.
 */
export interface Database<T> {
  readonly kind: DatabaseKind;
  /** Single queries, each its own transaction. Never inside a `transaction` body: use what the body is given. */
  readonly query: Kysely<T>;
  /**
   * Runs `body` in one serialisable transaction: all of it happens or nothing. It runs again when another transaction
   * was in the way, so it does nothing but query. Rejects with DATABASE_BUSY when the attempts are used up.
   */
  transaction<R>(body: (transaction: Transaction<T>) => Promise<R>): Promise<R>;
  /** Lets go of every connection. Queries after it reject. */
  close(): Promise<void>;
}

/** How a database is opened. */
export interface DatabaseOptions {
  /** "sqlite:/path/file.db" (made when missing, for its owner only), "sqlite::memory:" or "postgres://user:password@host/name". */
  readonly url: string;
  /** Longest wait for a connection or for the lock. Default 5000. */
  readonly waitMsMax?: number;
  /** Longest a statement may run (postgres; sqlite works in the calling thread). Default 10000. */
  readonly statementMsMax?: number;
  /** Connections held at once (postgres). Default 8. */
  readonly connectionsMax?: number;
  /** How often a transaction is tried. Default 10. */
  readonly attemptsMax?: number;
  readonly clock?: Clock;
}

/** What a driver is opened with once every default is in. */
export interface DriverOptions {
  readonly waitMsMax: number;
  readonly statementMsMax: number;
  readonly connectionsMax: number;
  readonly clock: Clock;
}

/** Column types that the two databases name differently. */
export const columnTypes: Readonly<Record<DatabaseKind, { readonly bytes: "blob" | "bytea" }>> = {
  sqlite: { bytes: "blob" },
  postgres: { bytes: "bytea" },
};

const retryMsMin = 2;
const retryMsMax = 100;

/** Opens a database and proves that it answers. Rejects with DATABASE_URL_INVALID or DATABASE_UNAVAILABLE. */
export async function openDatabase<T>(options: DatabaseOptions): Promise<Database<T>> {
  const { url, waitMsMax = 5000, statementMsMax = 10_000, connectionsMax = 8, attemptsMax = 10, clock = systemClock } = options;
  const driver: DriverOptions = { waitMsMax, statementMsMax, connectionsMax, clock };
  const kind = databaseKind(url);
  // Loaded only when asked for, so that neither driver has to be installed for the other.
  const query =
    kind === "sqlite"
      ? await (await import("./sqlite.ts")).openSqlite<T>(url.slice("sqlite:".length), driver)
      : await (await import("./postgres.ts")).openPostgres<T>(url, driver);
  await answers(query);
  return {
    kind,
    query,
    transaction: (body) => retried(() => query.transaction().setIsolationLevel("serializable").execute(body), { attemptsMax, clock }),
    close: () => query.destroy(),
  };
}

async function answers<T>(query: Kysely<T>): Promise<void> {
  try {
    await query.executeQuery(CompiledQuery.raw("select 1"));
  } catch (error) {
    await query.destroy();
    throw error;
  }
}

function databaseKind(url: string): DatabaseKind {
  if (url.startsWith("sqlite:") && url.length > "sqlite:".length) return "sqlite";
  if (/^postgres(ql)?:\/\/./.test(url)) return "postgres";
  // Only the scheme is shown: the rest may hold a password.
  const found = url.includes(":") ? `"${url.slice(0, url.indexOf(":"))}:…"` : "no scheme";
  throw fault(kitReasons.DATABASE_URL_INVALID, `Expected sqlite:<file>, sqlite::memory: or postgres://…, found ${found}.`);
}

/** Tries again, with a growing and jittered pause, while the database says that another transaction was in the way. */
async function retried<R>(attempt: () => Promise<R>, options: { attemptsMax: number; clock: Clock }): Promise<R> {
  for (let tried = 1; ; tried++) {
    try {
      return await attempt();
    } catch (error) {
      const busy = isFault(error) && error.reason === kitReasons.DATABASE_BUSY.reason;
      if (!busy || tried >= options.attemptsMax) throw error;
      const pauseMs = Math.min(retryMsMax, retryMsMin * 2 ** tried);
      await options.clock.sleep(pauseMs * (0.5 + options.clock.random()));
    }
  }
}
