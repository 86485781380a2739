import type { InstanceRow } from "./tables.ts";

/** Instances that left within this time before the last one of their service left are kept with it. */
export const keptTogetherMs = 5000;

/** The instances that stand for a service, and whether they are only the last ones known. */
export interface Standing {
  readonly instances: readonly InstanceRow[];
  /** True while nobody serves and the last known stand in. */
  readonly lastKnown: boolean;
}

/**
 * Who stands for a service: those that serve. When nobody does, the last who did: an empty set is never published for a
 * service that had one. Those whose lease ran out count before those who said goodbye, and they count together when they
 * left within five seconds: when control lost sight of all, it lost sight of them one after the other.
 * `rows` are the instances of this one service.
 */
export function standingOf(rows: readonly InstanceRow[]): Standing {
  const serving = rows.filter((row) => row.state === "SERVING");
  if (serving.length > 0) return { instances: serving, lastKnown: false };
  const left = rows.filter((row) => row.left_at_ms > 0);
  const lastMs = Math.max(0, ...left.map((row) => row.left_at_ms));
  const together = left.filter((row) => row.left_at_ms >= lastMs - keptTogetherMs);
  const vanished = together.filter((row) => row.left_by === "lease");
  return { instances: vanished.length > 0 ? vanished : together, lastKnown: together.length > 0 };
}

/** Rows by their service. */
export function byService(rows: readonly InstanceRow[]): Map<string, InstanceRow[]> {
  return Map.groupBy(rows, (row) => row.service);
}
