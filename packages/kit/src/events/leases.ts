import type { Kysely, Transaction } from "kysely";
import type { Clock } from "../clock.ts";
import { fault } from "../fault.ts";
import type { Database } from "../store/database.ts";
import { eventReasons } from "./reasons.ts";

/** The table of leases. */
export interface LeaseTables {
  weir_leases: { name: string; owner: string; beat: number };
}

/** A lease as it was seen last. */
export interface Lease {
  readonly name: string;
  /** "" when it is nobody's. */
  readonly owner: string;
  readonly beat: number;
  /** Whether its owner may still be at work. */
  readonly isLive: boolean;
}

/** How leases are held. */
export interface LeasesOptions {
  readonly database: Database<LeaseTables>;
  /** Who holds them: unlike anybody else, now and ever. */
  readonly owner: string;
  /** An owner that has not renewed for so long is taken for dead. */
  readonly leaseMs: number;
  readonly clock: Clock;
}

interface Seen {
  readonly owner: string;
  readonly beat: number;
  readonly sinceMs: number;
}

/**
 * Names that one process holds at a time, in SQL. An owner counts its lease's beat up; who sees a beat stand still for `leaseMs` by its
 * own steady clock may take it over, so that clocks that differ or jump matter to nobody. A class because it holds what it has seen.
 */
export class Leases {
  readonly #query: Kysely<LeaseTables>;
  readonly #options: LeasesOptions;
  readonly #seen = new Map<string, Seen>();
  /** What is held, and when it was asked to be renewed last. */
  readonly #held = new Map<string, number>();

  constructor(options: LeasesOptions) {
    this.#query = options.database.query;
    this.#options = options;
  }

  /** Whether this process may still act for the name. */
  holds(name: string): boolean {
    const renewedMs = this.#held.get(name);
    return renewedMs !== undefined && this.#options.clock.monotonicMs() - renewedMs < this.#options.leaseMs;
  }

  /** All leases whose names begin so, as they are now. */
  async look(prefix: string): Promise<readonly Lease[]> {
    const rows = await this.#query
      .selectFrom("weir_leases")
      .selectAll()
      .where("name", ">=", prefix)
      .where("name", "<", `${prefix}\u{10ffff}`)
      .orderBy("name")
      .execute();
    const nowMs = this.#options.clock.monotonicMs();
    for (const name of this.#seen.keys()) if (name.startsWith(prefix) && !rows.some((row) => row.name === name)) this.#seen.delete(name);
    return rows.map((row) => {
      const before = this.#seen.get(row.name);
      const isSame = before !== undefined && before.owner === row.owner && before.beat === row.beat;
      const seen = isSame ? before : { owner: row.owner, beat: row.beat, sinceMs: nowMs };
      this.#seen.set(row.name, seen);
      return { ...row, isLive: row.owner !== "" && nowMs - seen.sinceMs < this.#options.leaseMs };
    });
  }

  /** Takes a lease that nobody is at work with, as `look` showed it; undefined for one that was not there. False when another was first. */
  async take(name: string, shown: Lease | undefined): Promise<boolean> {
    const askedMs = this.#options.clock.monotonicMs();
    if (shown?.isLive) return false;
    const isTaken = shown ? await this.#takeOver(shown) : await this.#takeNew(name);
    if (isTaken) this.#held.set(name, askedMs);
    return isTaken;
  }

  async #takeOver({ name, owner, beat }: Lease): Promise<boolean> {
    const { numUpdatedRows } = await this.#query
      .updateTable("weir_leases")
      .set((field) => ({ owner: this.#options.owner, beat: field("beat", "+", 1) }))
      .where("name", "=", name)
      .where("owner", "=", owner)
      .where("beat", "=", beat)
      .executeTakeFirst();
    return numUpdatedRows === 1n;
  }

  async #takeNew(name: string): Promise<boolean> {
    const { numInsertedOrUpdatedRows } = await this.#query
      .insertInto("weir_leases")
      .values({ name, owner: this.#options.owner, beat: 1 })
      .onConflict((conflict) => conflict.column("name").doNothing())
      .executeTakeFirst();
    return numInsertedOrUpdatedRows === 1n;
  }

  /** Renews all that are held. Answers the names that were lost. */
  async renew(): Promise<readonly string[]> {
    const { owner, clock } = this.#options;
    const askedMs = clock.monotonicMs();
    const names = [...this.#held.keys()];
    if (names.length === 0) return [];
    const kept = await this.#query
      .updateTable("weir_leases")
      .set((field) => ({ beat: field("beat", "+", 1) }))
      .where("name", "in", names)
      .where("owner", "=", owner)
      .returning("name")
      .execute();
    for (const { name } of kept) if (this.#held.has(name)) this.#held.set(name, askedMs);
    const lost = names.filter((name) => !kept.some((row) => row.name === name));
    for (const name of lost) this.#held.delete(name);
    return lost;
  }

  /** Gives a lease back, so that others need not wait. */
  async release(name: string): Promise<void> {
    if (!this.#held.delete(name)) return;
    await this.#query
      .updateTable("weir_leases")
      .set((field) => ({ owner: "", beat: field("beat", "+", 1) }))
      .where("name", "=", name)
      .where("owner", "=", this.#options.owner)
      .execute();
  }

  /** Takes a name that nobody will want again out of the table. */
  async forget({ name, owner, beat }: Omit<Lease, "isLive">): Promise<void> {
    this.#held.delete(name);
    this.#seen.delete(name);
    const gone = this.#query.deleteFrom("weir_leases").where("name", "=", name).where("owner", "=", owner);
    await (owner === this.#options.owner ? gone : gone.where("beat", "=", beat)).execute();
  }

  /** Keeps others from taking the lease until the transaction ends. Rejects with LEASE_LOST when one has. */
  async fence<T extends LeaseTables>(transaction: Transaction<T>, name: string): Promise<void> {
    const query = transaction as unknown as Transaction<LeaseTables>;
    const { numUpdatedRows } = await query
      .updateTable("weir_leases")
      .set((field) => ({ beat: field("beat", "+", 0) }))
      .where("name", "=", name)
      .where("owner", "=", this.#options.owner)
      .executeTakeFirst();
    if (numUpdatedRows === 1n) return;
    this.#held.delete(name);
    throw fault(eventReasons.LEASE_LOST, `Expected to hold ${name}, found that another does.`);
  }
}
