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
  transaction<R>(body: (transaction: Transaction<T>) => Promise<R>, options?: TransactionOptions): Promise<R>;
  /** Tells those who watch the channel, in whatever process, once the transaction has been committed. A channel is [a-z_]{1,60}. */
  announce(transaction: Transaction<T>, channel: string): Promise<void>;
  /**
   * Calls `changed` once it listens, after each `announce` that was committed, and when it listens again after a loss: a hint to look,
   * which may be doubled, or come though nothing changed; look now and then without one, too. On SQLite every transaction is such a
   * hint, those of other processes within 50 ms. The answer ends it; `close` ends all.
   */
  watch(channel: string, changed: () => void): () => void;
  /** Lets go of every connection. Queries after it reject. */
  close(): Promise<void>;
}

/** How a transaction runs. */
export interface TransactionOptions {
  /** "read committed" for bodies that claim rows by locks (PostgreSQL; SQLite's are serial always). Default "serializable". */
  readonly isolation?: "serializable" | "read committed";
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
  const changes =
    kind === "sqlite"
      ? (await import("./sqlite-changes.ts")).sqliteChanges(query, clock)
      : new (await import("./postgres-changes.ts")).PostgresChanges(url, driver);
  return {
    kind,
    query,
    async transaction(body, { isolation = "serializable" } = {}) {
      const answer = await retried(() => query.transaction().setIsolationLevel(isolation).execute(body), { attemptsMax, clock });
      changes.committed();
      return answer;
    },
    announce: (transaction, channel) => changes.announce(transaction, expectChannel(channel)),
    watch: (channel, changed) => changes.watch(expectChannel(channel), changed),
    async close() {
      changes.close();
      await query.destroy();
    },
  };
}

/** How the news of a commit goes round; each kind has its own way. */
export interface DatabaseChanges {
  announce<T>(transaction: Transaction<T>, channel: string): Promise<void>;
  watch(channel: string, changed: () => void): () => void;
  /** A transaction of this process has been committed. */
  committed(): void;
  close(): void;
}

function expectChannel(channel: string): string {
  if (/^[a-z_]{1,60}$/.test(channel)) return channel;
  throw fault(kitReasons.DATABASE_CHANNEL_INVALID, `Expected a channel of 1 to 60 letters a-z and _, found ${JSON.stringify(channel)}.`);
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
