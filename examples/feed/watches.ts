import type { Fault } from "@weir/kit/fault";
import { fault } from "@weir/kit/fault";
import type { Clock } from "@weir/kit/clock";
import type { Database } from "@weir/kit/store";
import { openDatabase } from "@weir/kit/store";
import type { Migration } from "@weir/kit/store/migrate";
import { migrate } from "@weir/kit/store/migrate";
import type { CompiledQuery, Transaction } from "kysely";
import { FeedReason } from "./feed.weir.ts";

/** That a user has watched a film, under an id that the client chose. */
export interface Watch {
  readonly userId: string;
  readonly filmId: string;
  readonly watchId: string;
}

/** A film that a user has watched, and which of its watches was the first of it, counted from 1. */
export interface WatchedFilm {
  readonly filmId: string;
  readonly number: number;
}

/** Which watch of its user it is, counted from 1, and whether it had been recorded before. */
export interface RecordedWatch {
  readonly number: number;
  readonly repeated: boolean;
}

/** What users have watched, shared by all instances of all versions. A class because it holds a database. */
export class Watches {
  readonly #database: Database<WatchTables>;
  readonly #clock: Clock;
  readonly #history: CompiledQuery<WatchedFilm>;

  private constructor(database: Database<WatchTables>, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    // Compiled once: it runs for every page that is not in the cache.
    this.#history = database.query
      .selectFrom("feed_watches")
      .select((row) => ["film_id as filmId", row.fn.min<number>("number").as("number")])
      .where("user_id", "=", "")
      .groupBy("film_id")
      .orderBy("number")
      .compile();
  }

  /** Opens the database, "sqlite:<file>" or "postgres://…", and brings its tables up to date. */
  static async open({ url, clock }: { url: string; clock: Clock }): Promise<Watches> {
    const database = await openDatabase<WatchTables>({ url, clock });
    try {
      await migrate(database, migrations, { set: "feed", clock });
    } catch (error) {
      await database.close();
      throw error;
    }
    return new Watches(database, clock);
  }

  /** The films that a user has watched, each once, in the order of first watching. At most all films there are. */
  async of(userId: string): Promise<readonly WatchedFilm[]> {
    return (await this.#database.query.executeQuery<WatchedFilm>({ ...this.#history, parameters: [userId] })).rows;
  }

  /**
   * Records watches in one transaction, in their order; all are on disk when this resolves. Each is answered its number, or with the
   * Fault WATCH_ID_TAKEN, which keeps none of the others from being recorded.
   */
  async recordAll(watches: readonly Watch[]): Promise<(RecordedWatch | Fault)[]> {
    return await this.#database.transaction(async (transaction) => {
      const results: (RecordedWatch | Fault)[] = [];
      for (const watch of watches) results.push(await this.#recordIn(transaction, watch));
      return results;
    });
  }

  /** Records one. Rejects with WATCH_ID_TAKEN. */
  async record(watch: Watch): Promise<RecordedWatch> {
    const [result] = await this.recordAll([watch]);
    if (result instanceof Error) throw result;
    return result!;
  }

  async #recordIn(transaction: Transaction<WatchTables>, { userId, filmId, watchId }: Watch): Promise<RecordedWatch | Fault> {
    const mine = transaction.selectFrom("feed_watches").where("user_id", "=", userId);
    const known = await mine.where("watch_id", "=", watchId).select(["film_id", "number"]).executeTakeFirst();
    if (known?.film_id === filmId) return { number: known.number, repeated: true };
    if (known) return fault(FeedReason.WATCH_ID_TAKEN, `expected a watch of ${known.film_id} under ${watchId}, found one of ${filmId}`);
    const last = await mine.select((row) => row.fn.max("number").as("number")).executeTakeFirst();
    const number = (last?.number ?? 0) + 1;
    const row = { user_id: userId, watch_id: watchId, film_id: filmId, number, at_ms: this.#clock.nowMs() };
    await transaction.insertInto("feed_watches").values(row).execute();
    return { number, repeated: false };
  }

  /** Lets go of the database. */
  close(): Promise<void> {
    return this.#database.close();
  }
}

interface WatchTables {
  feed_watches: { user_id: string; watch_id: string; film_id: string; number: number; at_ms: number };
}

const migrations: readonly Migration[] = [
  {
    name: "001_watches",
    up: (db) => [
      db.schema
        .createTable("feed_watches")
        .addColumn("user_id", "text", (column) => column.notNull())
        .addColumn("watch_id", "text", (column) => column.notNull())
        .addColumn("film_id", "text", (column) => column.notNull())
        .addColumn("number", "bigint", (column) => column.notNull())
        .addColumn("at_ms", "bigint", (column) => column.notNull())
        .addPrimaryKeyConstraint("feed_watches_key", ["user_id", "watch_id"]),
      db.schema.createIndex("feed_watches_by_film").on("feed_watches").columns(["user_id", "film_id", "number"]),
      db.schema.createIndex("feed_watches_by_number").unique().on("feed_watches").columns(["user_id", "number"]),
    ],
  },
];
