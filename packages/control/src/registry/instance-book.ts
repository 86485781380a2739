import { byService, standingOf } from "../last-known.ts";
import type { InstanceRow } from "../tables.ts";

/** An instance and when this control last heard of it (wall time, 0 for not since it started). */
export interface KnownInstance {
  readonly row: InstanceRow;
  readonly heardAtMs: number;
}

/** All instances in memory, so that heartbeats need no database. What it holds has been stored. */
export interface InstanceBook {
  readonly size: number;
  get(id: string): KnownInstance | undefined;
  put(row: InstanceRow): void;
  /** Notes a sign of life. */
  hear(id: string, nowMs: number): void;
  remove(id: string): void;
  /** Of one service, or of all; in the order of version and id. */
  list(service?: string): KnownInstance[];
  /** Gone instances that nobody needs any more: gone before `beforeMs`, or more than `keptMax`, and not standing in for anybody. */
  forgettable(options: { readonly beforeMs: number; readonly keptMax: number }): string[];
}

/** A book of the instances that are stored. */
export function createInstanceBook(rows: readonly InstanceRow[]): InstanceBook {
  const known = new Map<string, KnownInstance>(rows.map((row) => [row.id, { row, heardAtMs: 0 }]));
  return {
    get size() {
      return known.size;
    },
    get: (id) => known.get(id),
    put: (row) => void known.set(row.id, { row, heardAtMs: known.get(row.id)?.heardAtMs ?? 0 }),
    hear(id, nowMs) {
      const one = known.get(id);
      if (one) known.set(id, { ...one, heardAtMs: nowMs });
    },
    remove: (id) => void known.delete(id),
    list(service) {
      const all = [...known.values()].filter(({ row }) => service === undefined || row.service === service);
      const key = ({ row }: KnownInstance): string => `${row.service}\n${row.version}\n${row.id}`;
      return all.sort((left, right) => (key(left) < key(right) ? -1 : 1));
    },
    forgettable({ beforeMs, keptMax }) {
      const all = [...known.values()].map(({ row }) => row);
      const standing = new Set([...byService(all).values()].flatMap((one) => standingOf(one).instances.map(({ id }) => id)));
      const gone = all.filter((row) => row.state === "GONE" && !standing.has(row.id));
      gone.sort((left, right) => right.gone_at_ms - left.gone_at_ms);
      return gone.filter((row, index) => row.gone_at_ms < beforeMs || index >= keptMax).map(({ id }) => id);
    },
  };
}
