import type { Selectable } from "kysely";
import { sql } from "kysely";
import type { Logger } from "../call.ts";
import { Call } from "../call.ts";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { faultFrom } from "../fault.ts";
import type { Daemon } from "../service.ts";
import type { Database } from "../store/database.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Carrier } from "./carrier.ts";
import { createEventId } from "./event-record.ts";
import { Leases } from "./leases.ts";
import { backoffMs, Hints } from "./pause.ts";
import type { OutboxTables } from "./outbox.ts";
import { outboxChannel, outboxShards } from "./outbox.ts";
import { recordColumns, recordFromRow } from "./record-row.ts";

/** How a relay works. */
export interface RelayOptions<T extends OutboxTables> {
  readonly database: Database<T>;
  readonly carrier: Carrier;
  /** Events that are published at a time. Default 500. */
  readonly batchMax?: number;
  /** Without news the outbox is looked at so often. Default 500. */
  readonly lookMs?: number;
  /** A relay that has said nothing for so long is taken for dead. Default 5000. */
  readonly leaseMs?: number;
  readonly metrics?: Metrics;
  readonly log?: Logger;
  readonly clock?: Clock;
}

/** What waits in an outbox. */
export interface OutboxLag {
  readonly events: number;
  /** Age of the oldest; 0 when there is none. */
  readonly oldestMs: number;
  /** Events that the carrier refuses for good: a person must look. Those of the same keys wait behind them. */
  readonly refused: number;
}

/** Takes events from an outbox to a carrier. */
export interface Relay {
  readonly run: Daemon;
  /** Rejects with what the database says. */
  lag(): Promise<OutboxLag>;
  /** Tries the refused ones again; answers how many there were. */
  retryRefused(): Promise<number>;
}

type Row = Pick<Selectable<OutboxTables["weir_outbox"]>, (typeof recordColumns)[number] | "position">;

/**
 * A relay, of which any number may run: each key is one relay's at a time. What is there is taken, the lowest number first, and taken out
 * when the carrier has it for good. Nothing asks for "the next number": numbers are given before commits, and one that commits late would
 * be passed over. A transaction that could see another's effects has higher numbers than it, so that a key's events keep their order.
 * Who dies in between, or stands still for longer than its lease, lets an event be published twice, with the same id.
 */
export function createRelay<T extends OutboxTables>(options: RelayOptions<T>): Relay {
  // The service's own tables are none of a relay's business.
  const relay = new OutboxRelay({ ...options, database: options.database as unknown as Database<OutboxTables> });
  return { run: (signal) => relay.run(signal), lag: () => relay.lag(), retryRefused: () => relay.retryRefused() };
}

interface Published {
  readonly done: readonly number[];
  readonly refused?: { readonly position: number; readonly problem: string };
}

class OutboxRelay {
  readonly #options: RelayOptions<OutboxTables>;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #leases: Leases;
  readonly #batchMax: number;
  readonly #hints = new Hints();
  readonly #metrics: RelayMetrics | undefined;
  #countedMs = -Infinity;

  constructor(options: RelayOptions<OutboxTables>) {
    const { database, batchMax = 500, leaseMs = 5000, clock = systemClock, log = new Call().log, metrics } = options;
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
    this.#batchMax = batchMax;
    this.#leases = new Leases({ database, owner: createEventId(clock), leaseMs, clock });
    this.#metrics = metrics && createRelayMetrics(metrics);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { database, lookMs = 500 } = this.#options;
    const stopWatching = database.watch(outboxChannel, this.#hints.hint);
    let failures = 0;
    try {
      while (!signal.aborted) {
        try {
          await this.#round(signal);
          failures = 0;
        } catch (error) {
          failures++;
          this.#log.warn("the outbox could not be relayed", { error: faultFrom(error), failures });
        }
        if (failures === 0) await this.#hints.pause(this.#clock, lookMs, signal);
        else await new Hints().pause(this.#clock, backoffMs(this.#clock, failures), signal);
      }
    } finally {
      stopWatching();
      for (let shard = 0; shard < outboxShards; shard++) await this.#leases.release(leaseName(shard)).catch(() => undefined);
    }
  }

  async lag(): Promise<OutboxLag> {
    const found = await this.#options.database.query
      .selectFrom("weir_outbox")
      .select((field) => [
        field.fn.countAll<number>().as("events"),
        field.fn.min<number | null>("time_ms").as("oldest"),
        field.fn.sum<number | null>(sql<number>`case when problem = '' then 0 else 1 end`).as("refused"),
      ])
      .executeTakeFirstOrThrow();
    const oldestMs = found.oldest === null ? 0 : Math.max(0, this.#clock.nowMs() - found.oldest);
    return { events: found.events, oldestMs, refused: found.refused ?? 0 };
  }

  async retryRefused(): Promise<number> {
    const { database } = this.#options;
    const refused = database.query.updateTable("weir_outbox").set({ problem: "" }).where("problem", "<>", "");
    const { numUpdatedRows } = await refused.executeTakeFirst();
    this.#hints.hint();
    return Number(numUpdatedRows);
  }

  async #round(signal: AbortSignal): Promise<void> {
    for (const shard of await this.#take()) {
      const isMine = (): boolean => !signal.aborted && this.#leases.holds(leaseName(shard));
      while (isMine() && (await this.#relay(shard))) await this.#leases.renew();
    }
    const nowMs = this.#clock.monotonicMs();
    if (!this.#metrics || nowMs - this.#countedMs < countMsMin) return;
    this.#countedMs = nowMs;
    this.#metrics.show(await this.lag());
  }

  /** The shards that are this relay's now. */
  async #take(): Promise<readonly number[]> {
    await this.#leases.renew();
    const shown = await this.#leases.look(leasePrefix);
    const mine: number[] = [];
    for (let shard = 0; shard < outboxShards; shard++) {
      const name = leaseName(shard);
      const lease = shown.find((one) => one.name === name);
      if (this.#leases.holds(name) || (await this.#leases.take(name, lease))) mine.push(shard);
    }
    return mine;
  }

  /** One batch of a shard. Answers whether there may be more. */
  async #relay(shard: number): Promise<boolean> {
    const rows = await this.#next(shard);
    if (rows.length === 0) return false;
    const { done, refused } = await this.#publish(rows);
    const { database } = this.#options;
    await database.transaction(
      async (transaction) => {
        if (done.length > 0) await transaction.deleteFrom("weir_outbox").where("position", "in", done).execute();
        if (!refused) return;
        const { position, problem } = refused;
        await transaction.updateTable("weir_outbox").set({ problem }).where("position", "=", position).execute();
      },
      { isolation: "read committed" },
    );
    this.#metrics?.published(done.length);
    if (refused) this.#log.error("an event was refused for good", { ...refused });
    return rows.length === this.#batchMax || refused !== undefined;
  }

  /** The next events of a shard, none of a key that waits for a person. */
  #next(shard: number): Promise<Row[]> {
    const { database } = this.#options;
    const isBlocked = sql<boolean>`exists (select 1 from weir_outbox as refused where refused.shard = weir_outbox.shard
      and refused.topic = weir_outbox.topic and refused.event_key = weir_outbox.event_key and refused.problem <> '')`;
    return database.query
      .selectFrom("weir_outbox")
      .select(["position", ...recordColumns])
      .where("shard", "=", shard)
      .where(sql<boolean>`not ${isBlocked}`)
      .orderBy("position")
      .limit(this.#batchMax)
      .execute();
  }

  /** Publishes all up to one that the carrier refuses for good. */
  async #publish(rows: readonly Row[]): Promise<Published> {
    try {
      await this.#options.carrier.publish(rows.map(recordFromRow));
      return { done: rows.map((row) => row.position) };
    } catch (error) {
      const found = faultFrom(error);
      if (found.code !== "INVALID_ARGUMENT") throw error;
      const [first, ...others] = rows;
      if (first && others.length === 0)
        return { done: [], refused: { position: first.position, problem: `${found.reason}: ${found.message}` } };
      // One of them is the culprit: halves are tried until it stands alone.
      const half = Math.ceil(rows.length / 2);
      const before = await this.#publish(rows.slice(0, half));
      if (before.refused) return before;
      const after = await this.#publish(rows.slice(half));
      return { ...after, done: [...before.done, ...after.done] };
    }
  }
}

interface RelayMetrics {
  published(count: number): void;
  show(lag: OutboxLag): void;
}

function createRelayMetrics(metrics: Metrics): RelayMetrics {
  const published = metrics.counter({
    name: "weir_outbox_published_total",
    help: "Events that were taken from the outbox to the carrier.",
  });
  const events = metrics.gauge({ name: "weir_outbox_events", help: "Events that wait in the outbox." });
  const oldest = metrics.gauge({ name: "weir_outbox_oldest_seconds", help: "Age of the oldest event that waits in the outbox." });
  const refused = metrics.gauge({ name: "weir_outbox_refused", help: "Events that the carrier refuses for good: a person must look." });
  return {
    published: (count) => published.add(count),
    show(lag) {
      events.set(lag.events);
      oldest.set(lag.oldestMs / 1000);
      refused.set(lag.refused);
    },
  };
}

/** Counting a long outbox costs the database something. */
const countMsMin = 1000;
const leasePrefix = "outbox/";

function leaseName(shard: number): string {
  return `${leasePrefix}${shard}`;
}
