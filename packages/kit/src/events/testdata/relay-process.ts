import process from "node:process";
import { openDatabase } from "../../store/database.ts";
import { createLogger } from "../../telemetry/logger.ts";
import type { OutboxTables } from "../outbox.ts";
import { createRelay } from "../relay.ts";
import { createSqlLog } from "../sql-log.ts";
import type { SqlLogTables } from "../sql-log-tables.ts";

/** A relay for a process of its own, from an outbox to a log in the same database, until it is killed. Says "running" first. */
export async function relayFor(url: string): Promise<void> {
  const database = await openDatabase<OutboxTables & SqlLogTables>({ url });
  const carrier = createSqlLog({ database });
  const log = createLogger({ write: (line) => void process.stderr.write(line), level: "error" });
  const relay = createRelay({ database, carrier, batchMax: 7, leaseMs: 400, lookMs: 10, log });
  process.stdout.write("running\n");
  await relay.run(new AbortController().signal);
}
