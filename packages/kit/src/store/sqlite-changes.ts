import { sql, type Kysely } from "kysely";
import type { Clock } from "../clock.ts";
import type { DatabaseChanges } from "./database.ts";

const lookMs = 50;

/**
 * News of commits in an SQLite file. Those of this process are told at once; for those of others the file is asked
 * (https://sqlite.org/pragma.html#pragma_data_version) while anybody watches. It does not know of channels: everybody hears of everything.
 */
export function sqliteChanges<T>(query: Kysely<T>, clock: Clock): DatabaseChanges {
  const watchers = new Set<() => void>();
  let version: unknown;
  let stop: (() => void) | undefined;
  const tell = (): void => {
    for (const changed of watchers) changed();
  };
  const look = async (): Promise<void> => {
    try {
      const { rows } = await sql<{ data_version: number }>`pragma data_version`.execute(query);
      const found = rows[0]?.data_version;
      if (found !== version) tell();
      version = found;
    } catch {
      // A file that is held for long will be looked at again.
    }
    if (watchers.size > 0) lookLater();
  };
  const lookLater = (): void => {
    stop = clock.after(lookMs, () => void look());
  };
  return {
    async announce() {},
    watch(_, changed) {
      // A wrapper, so that one function may watch twice.
      const watcher = (): void => changed();
      watchers.add(watcher);
      if (watchers.size === 1) void look();
      return () => {
        watchers.delete(watcher);
        if (watchers.size > 0) return;
        stop?.();
        version = undefined;
      };
    },
    committed: tell,
    close() {
      watchers.clear();
      stop?.();
    },
  };
}
