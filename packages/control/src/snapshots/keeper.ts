import type { Logger } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import type { Daemon } from "@weir/kit/service";
import type { Database } from "@weir/kit/store";
import type { ControlTables } from "../tables.ts";
import type { Ledger } from "./ledger.ts";

/** Keeps what data planes acknowledged, so that a restarted control knows it. */
export interface LedgerKeeper {
  /** Stores this data plane with the next batch. */
  later(name: string): void;
  /** Stores this data plane now: for refusals, which are answered for. */
  now(name: string): Promise<void>;
  /** Stores a batch each second, and what is left when it is told to stop. */
  readonly keep: Daemon;
}

const batchEveryMs = 1000;
const awayMs = 24 * 3_600_000;
const awayMax = 1000;

/** Ordinary acknowledgements are stored once a second: a lost one is said again when the data plane connects. */
export function createLedgerKeeper(options: {
  ledger: Ledger;
  database: Database<ControlTables>;
  clock: Clock;
  log: Logger;
}): LedgerKeeper {
  const { ledger, database, clock, log } = options;
  const dirty = new Set<string>();

  async function store(names: readonly string[]): Promise<void> {
    const rows = names.map((name) => ledger.row(name)).filter((row) => row !== undefined);
    if (rows.length === 0) return;
    await database.transaction(async (transaction) => {
      for (const row of rows) {
        await transaction
          .insertInto("control_data_planes")
          .values(row)
          .onConflict((conflict) => conflict.column("name").doUpdateSet(row))
          .execute();
      }
    });
  }

  async function storeBatch(): Promise<void> {
    const names = [...dirty];
    dirty.clear();
    const forgotten = ledger.forget({ beforeMs: clock.nowMs() - awayMs, keptMax: awayMax });
    try {
      await store(names);
      for (const name of forgotten) await database.query.deleteFrom("control_data_planes").where("name", "=", name).execute();
    } catch (error) {
      for (const name of names) dirty.add(name);
      log.warn("acknowledgements could not be stored; tried again in a second", { error });
    }
  }

  return {
    later: (name) => void dirty.add(name),
    async now(name) {
      await store([name]);
    },
    async keep(signal) {
      while (!signal.aborted) {
        await clock.sleep(batchEveryMs, signal).catch(() => undefined);
        await storeBatch();
      }
    },
  };
}
