import type { Insertable, Transaction } from "kysely";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import type { Database } from "../store/database.ts";
import type { CarriedEvent } from "./carrier.ts";
import type { ConsumerTables } from "./consumer-tables.ts";
import { deadLettersChannel } from "./consumer-tables.ts";
import { recordColumns, recordFromRow, recordRow } from "./record-row.ts";

/** An event that could not be handled, or that waits behind one of its key. */
export interface DeadLetter extends CarriedEvent {
  readonly group: string;
  /** Names it to `replay` and `drop`. */
  readonly sequence: number;
  /** Of the Fault it ended with; "" when it only waits behind another of its key. */
  readonly reason: string;
  readonly problem: string;
  readonly attempts: number;
  readonly parkedMs: number;
  /** Whether it will be tried again. */
  readonly isReplayed: boolean;
}

/** Where a reader of a partition keeps what it could not handle. */
export interface ParkingPlace {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
}

/** Why an event is parked. */
export interface ParkReason {
  readonly reason: string;
  readonly problem: string;
  readonly attempts: number;
}

const listedMax = 1000;

/** The events that a service could not handle, in its own database. For its consumers, and for people who look after it. */
export class DeadLetters {
  readonly #database: Database<ConsumerTables>;
  readonly #clock: Clock;

  constructor(database: Database<ConsumerTables>, clock: Clock = systemClock) {
    this.#database = database;
    this.#clock = clock;
  }

  /** The first thousand, the oldest first. */
  async list(group: string): Promise<readonly DeadLetter[]> {
    const rows = await this.#database.query
      .selectFrom("weir_dead_letters")
      .selectAll()
      .where("group_name", "=", group)
      .orderBy("sequence")
      .limit(listedMax)
      .execute();
    return rows.map(({ group_name, sequence, reason, problem, attempts, parked_ms, position, replay, ...row }) => {
      const about = { group: group_name, sequence, reason, problem, attempts, position };
      return { ...recordFromRow(row), ...about, parkedMs: parked_ms, isReplayed: replay === 1 };
    });
  }

  /** The consumers of the group try the event, and all of its key, again. False when it is not there any more. */
  async replay(group: string, sequence: number): Promise<boolean> {
    return await this.#database.transaction(async (transaction) => {
      const wanted = transaction.selectFrom("weir_dead_letters").select(["topic", "event_key"]);
      const row = await wanted.where("group_name", "=", group).where("sequence", "=", sequence).executeTakeFirst();
      if (row) await this.#tryAgain(transaction, { group, topic: row.topic, key: row.event_key });
      return row !== undefined;
    });
  }

  /** Takes an event out for ever, and lets those behind it go on. False when it is not there any more. */
  async drop(group: string, sequence: number): Promise<boolean> {
    return await this.#database.transaction(async (transaction) => {
      const gone = transaction.deleteFrom("weir_dead_letters").where("group_name", "=", group).where("sequence", "=", sequence);
      const row = await gone.returning(["topic", "event_key"]).executeTakeFirst();
      if (row) await this.#tryAgain(transaction, { group, topic: row.topic, key: row.event_key });
      return row !== undefined;
    });
  }

  /** Keys of a partition that have parked events, and whether somebody wants them to be tried again. */
  async keys({ group, topic, partition }: ParkingPlace): Promise<ReadonlyMap<string, boolean>> {
    const rows = await this.#database.query
      .selectFrom("weir_dead_letters")
      .select((field) => ["event_key", field.fn.max<number>("replay").as("replay")])
      .where("group_name", "=", group)
      .where("topic", "=", topic)
      .where("partition", "=", partition)
      .groupBy("event_key")
      .execute();
    return new Map(rows.map((row) => [row.event_key, row.replay === 1]));
  }

  /** Parks an event for a reason. One that is there already stays as it is. */
  async park(place: ParkingPlace, event: CarriedEvent, why: ParkReason): Promise<void> {
    await this.#database.query
      .insertInto("weir_dead_letters")
      .values(this.#row(place, event, why))
      .onConflict((conflict) => conflict.columns(["group_name", "topic", "id"]).doNothing())
      .execute();
  }

  /** Parks an event behind another of its key. False when none is parked any more: it may be handled. */
  async parkBehind(place: ParkingPlace, event: CarriedEvent): Promise<boolean> {
    return await this.#database.transaction(async (transaction) => {
      const before = await transaction
        .selectFrom("weir_dead_letters")
        .select("replay")
        .where("group_name", "=", place.group)
        .where("topic", "=", place.topic)
        .where("partition", "=", place.partition)
        .where("event_key", "=", event.key)
        .executeTakeFirst();
      if (!before) return false;
      const row = { ...this.#row(place, event, { reason: "", problem: "", attempts: 0 }), replay: before.replay };
      await transaction
        .insertInto("weir_dead_letters")
        .values(row)
        .onConflict((conflict) => conflict.columns(["group_name", "topic", "id"]).doNothing())
        .execute();
      return true;
    });
  }

  /** The first parked event of a key that is to be tried again. */
  async nextReplay({ group, topic, partition }: ParkingPlace, key: string): Promise<(CarriedEvent & { sequence: number }) | undefined> {
    const row = await this.#database.query
      .selectFrom("weir_dead_letters")
      .select(["sequence", "position", "replay", ...recordColumns])
      .where("group_name", "=", group)
      .where("topic", "=", topic)
      .where("partition", "=", partition)
      .where("event_key", "=", key)
      .orderBy("sequence")
      .limit(1)
      .executeTakeFirst();
    if (row?.replay !== 1) return undefined;
    return { ...recordFromRow(row), position: row.position, sequence: row.sequence };
  }

  /** A parked event has been handled. */
  async handled(sequence: number): Promise<void> {
    await this.#database.query.deleteFrom("weir_dead_letters").where("sequence", "=", sequence).execute();
  }

  /** A parked event failed again: its key waits for a person once more. */
  async failedAgain(place: ParkingPlace, event: CarriedEvent & { readonly sequence: number }, why: ParkReason): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      const { reason, problem, attempts } = why;
      await transaction
        .updateTable("weir_dead_letters")
        .set((field) => ({ reason, problem, attempts: field("attempts", "+", attempts) }))
        .where("sequence", "=", event.sequence)
        .execute();
      await transaction
        .updateTable("weir_dead_letters")
        .set({ replay: 0 })
        .where("group_name", "=", place.group)
        .where("topic", "=", place.topic)
        .where("event_key", "=", event.key)
        .execute();
    });
  }

  async #tryAgain(
    transaction: Transaction<ConsumerTables>,
    { group, topic, key }: { readonly group: string; readonly topic: string; readonly key: string },
  ): Promise<void> {
    await transaction
      .updateTable("weir_dead_letters")
      .set({ replay: 1 })
      .where("group_name", "=", group)
      .where("topic", "=", topic)
      .where("event_key", "=", key)
      .execute();
    await this.#database.announce(transaction, deadLettersChannel);
  }

  #row(
    place: ParkingPlace,
    event: CarriedEvent,
    { reason, problem, attempts }: ParkReason,
  ): Insertable<ConsumerTables["weir_dead_letters"]> {
    const { group, partition } = place;
    const about = { reason, problem, attempts, parked_ms: this.#clock.nowMs(), replay: 0 };
    return { ...recordRow(event), group_name: group, partition, position: event.position, ...about };
  }
}
