import type { Logger } from "../call.ts";
import type { Clock } from "../clock.ts";
import { fault, faultFrom } from "../fault.ts";
import type { Database } from "../store/database.ts";
import type { CarriedEvent, Partition, ReadOptions } from "./carrier.ts";
import { createEventId } from "./event-record.ts";
import type { Lease } from "./leases.ts";
import { Leases } from "./leases.ts";
import { backoffMs, Hints } from "./pause.ts";
import { eventReasons } from "./reasons.ts";
import { recordColumns, recordFromRow } from "./record-row.ts";
import { logChannel, partitionLease, type SqlLogTables } from "./sql-log-tables.ts";

/** What a member is given by its log. */
export interface SqlLogMemberOptions {
  readonly database: Database<SqlLogTables>;
  readonly leaseMs: number;
  readonly lookMs: number;
  readonly log: Logger;
  readonly clock: Clock;
}

interface Reading {
  readonly controller: AbortController;
  /** Never rejects. */
  readonly done: Promise<void>;
  readonly hints: Hints;
}

interface Place {
  readonly topic: string;
  readonly index: number;
}

/** For what is given back: nobody else gets the partition before its reader has settled, or this has passed. */
const leaveMsMax = 10_000;
const fetchMsMax = 1000;

/**
 * One member of a group that reads a log in SQL. All members see all leases and come to the same shares without talking to each other: a
 * member holds at most the partitions divided by the members that are alive, gives back what is more, and takes what is free.
 */
export class SqlLogMember {
  readonly #options: SqlLogMemberOptions;
  readonly #read: ReadOptions;
  readonly #leases: Leases;
  readonly #name: string;
  readonly #readings = new Map<string, Reading>();
  readonly #hints = new Hints();

  constructor(options: SqlLogMemberOptions, read: ReadOptions) {
    const { database, leaseMs, clock } = options;
    this.#options = options;
    this.#read = read;
    const owner = createEventId(clock);
    this.#leases = new Leases({ database, owner, leaseMs, clock });
    this.#name = `${this.#prefix}member/${owner}`;
  }

  /** Reads until the signal aborts, and leaves its partitions to others then. */
  async run(): Promise<void> {
    const { database, leaseMs, clock, log } = this.#options;
    const { signal, group } = this.#read;
    const stopWatching = database.watch(logChannel, () => {
      for (const reading of this.#readings.values()) reading.hints.hint();
    });
    let failures = 0;
    try {
      while (!signal.aborted) {
        try {
          await this.#share();
          failures = 0;
        } catch (error) {
          failures++;
          log.warn("the log cannot be shared", { group, error: faultFrom(error), failures });
          this.#dropLost();
        }
        await this.#hints.pause(clock, failures === 0 ? leaseMs / 4 : Math.min(leaseMs / 4, backoffMs(clock, failures)), signal);
      }
    } finally {
      stopWatching();
      await Promise.all([...this.#readings.keys()].map((name) => this.#leave(name)));
      const mine = { name: this.#name, owner: this.#name.slice(this.#name.lastIndexOf("/") + 1), beat: 0 };
      await this.#leases.forget(mine).catch(() => undefined);
    }
  }

  get #prefix(): string {
    return `log/${this.#read.group}/`;
  }

  async #share(): Promise<void> {
    await this.#leases.renew();
    this.#dropLost();
    if (!this.#leases.holds(this.#name)) await this.#leases.take(this.#name, undefined);
    const shown = await this.#leases.look(this.#prefix);
    const members = shown.filter(({ name }) => name.startsWith(`${this.#prefix}member/`));
    for (const dead of members) if (!dead.isLive && dead.name !== this.#name) await this.#leases.forget(dead);
    const places = await this.#places();
    const alive = Math.max(1, members.filter((member) => member.isLive).length);
    const share = Math.ceil(places.length / alive);
    const mine = [...this.#readings.keys()];
    await Promise.all(mine.slice(share).map((name) => this.#leave(name)));
    for (const place of places) {
      if (this.#readings.size >= share || this.#read.signal.aborted) return;
      await this.#takeUp(place, shown);
    }
  }

  async #places(): Promise<readonly Place[]> {
    const { query } = this.#options.database;
    const rows = await query
      .selectFrom("weir_log_heads")
      .select(["topic", "partition"])
      .where("topic", "in", [...this.#read.topics])
      .orderBy("topic")
      .orderBy("partition")
      .execute();
    return rows.map(({ topic, partition }) => ({ topic, index: partition }));
  }

  async #takeUp(place: Place, shown: readonly Lease[]): Promise<void> {
    const name = partitionLease(this.#read.group, place);
    if (this.#readings.has(name)) return;
    const lease = shown.find((one) => one.name === name);
    if (!(await this.#leases.take(name, lease))) return;
    const controller = new AbortController();
    const hints = new Hints();
    this.#readings.set(name, { controller, hints, done: this.#reading(place, { name, hints, signal: controller.signal }) });
  }

  async #reading(place: Place, at: { readonly name: string; readonly hints: Hints; readonly signal: AbortSignal }): Promise<void> {
    const { clock, log } = this.#options;
    const { signal, hints } = at;
    for (let failures = 0; !signal.aborted;) {
      try {
        const partition = await openPartition(place, { ...this.#options, ...at, leases: this.#leases, read: this.#read });
        await this.#read.read(partition, signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        failures++;
        log.warn("a partition cannot be read", { group: this.#read.group, ...place, error: faultFrom(error), failures });
      }
      if (!signal.aborted) await hints.pause(clock, backoffMs(clock, failures), signal);
    }
  }

  /** What another has taken over is not read on. */
  #dropLost(): void {
    for (const [name, { controller }] of this.#readings) {
      if (this.#leases.holds(name)) continue;
      this.#readings.delete(name);
      controller.abort(fault(eventReasons.LEASE_LOST, `Expected to hold ${name}, found that another does.`));
    }
  }

  async #leave(name: string): Promise<void> {
    const reading = this.#readings.get(name);
    if (!reading) return;
    reading.controller.abort(fault(eventReasons.LEASE_LOST, `${name} is given back.`));
    await new Promise<void>((resolve) => {
      const stop = this.#options.clock.after(leaveMsMax, resolve);
      void reading.done.then(() => {
        stop();
        resolve();
      });
    });
    this.#readings.delete(name);
    await this.#leases.release(name).catch(() => undefined);
  }
}

interface Opening extends SqlLogMemberOptions {
  readonly name: string;
  readonly hints: Hints;
  readonly signal: AbortSignal;
  readonly leases: Leases;
  readonly read: ReadOptions;
}

async function openPartition({ topic, index }: Place, opening: Opening): Promise<Partition> {
  const { database, leases, name, signal, hints, lookMs, clock, read } = opening;
  const { query } = database;
  let fetched = await begin({ topic, index }, opening);
  const expectHeld = (): void => {
    if (!leases.holds(name)) throw fault(eventReasons.LEASE_LOST, `Expected to hold ${name}, found that another may.`);
  };
  return {
    topic,
    index,
    async fetch(countMax) {
      const untilMs = clock.monotonicMs() + fetchMsMax;
      for (;;) {
        signal.throwIfAborted();
        expectHeld();
        const rows = await query
          .selectFrom("weir_log")
          .select(["position", ...recordColumns])
          .where("topic", "=", topic)
          .where("partition", "=", index)
          .where("position", ">", fetched)
          .orderBy("position")
          .limit(countMax)
          .execute();
        fetched = rows.at(-1)?.position ?? fetched;
        if (rows.length > 0 || clock.monotonicMs() >= untilMs)
          return rows.map((row): CarriedEvent => ({ ...recordFromRow(row), position: row.position }));
        await hints.pause(clock, Math.min(lookMs, fetchMsMax), signal);
      }
    },
    async commit(position) {
      await database.transaction(
        async (transaction) => {
          await leases.fence(transaction, name);
          const key = { group_name: read.group, topic, partition: index };
          await transaction
            .insertInto("weir_log_groups")
            .values({ ...key, committed: position })
            .onConflict((conflict) => conflict.columns(["group_name", "topic", "partition"]).doUpdateSet({ committed: position }))
            .execute();
        },
        { isolation: "read committed" },
      );
    },
  };
}

/** Where the group goes on in a partition; it is written down for a group that is new, so that "latest" is said once. */
async function begin({ topic, index }: Place, { database, read }: Opening): Promise<number> {
  return await database.transaction(async (transaction) => {
    const at = { group_name: read.group, topic, partition: index };
    const found = await transaction
      .selectFrom("weir_log_groups")
      .select("committed")
      .where("group_name", "=", read.group)
      .where("topic", "=", topic)
      .where("partition", "=", index)
      .executeTakeFirst();
    if (found) return found.committed;
    const head = transaction.selectFrom("weir_log_heads").select("head").where("topic", "=", topic).where("partition", "=", index);
    const committed = read.from === "latest" ? ((await head.executeTakeFirst())?.head ?? 0) : 0;
    await transaction
      .insertInto("weir_log_groups")
      .values({ ...at, committed })
      .execute();
    return committed;
  });
}
