import type { Release } from "@weir/api/releases";
import type { DataPlane, Refusal, Share, Snapshot } from "@weir/api/snapshots";
import type { DataPlaneRow } from "../tables.ts";

/** Services with the shares that a data plane goes by. */
export type HeldShares = ReadonlyMap<string, readonly Share[]>;

/** A data plane as the ledger knows it. */
export interface Plane {
  readonly name: string;
  /** Subscriptions that are open under its name. */
  connections: number;
  epoch: string;
  revision: number;
  acknowledgedAtMs: number;
  lastHeardAtMs: number;
  refusals: readonly Refusal[];
  /** As of the last revision of each route that it did not refuse. */
  shares: HeldShares;
}

/** A data plane that has said nothing yet. */
export function emptyPlane(name: string): Plane {
  return { name, connections: 0, epoch: "", revision: 0, acknowledgedAtMs: 0, lastHeardAtMs: 0, refusals: [], shares: new Map() };
}

/** A data plane as it was stored. */
export function planeFrom(row: DataPlaneRow): Plane {
  return {
    ...emptyPlane(row.name),
    epoch: row.epoch,
    revision: row.revision,
    acknowledgedAtMs: row.acknowledged_at_ms,
    lastHeardAtMs: row.acknowledged_at_ms,
    refusals: JSON.parse(row.refusals) as Refusal[],
  };
}

/** A data plane as it is stored. */
export function rowFrom(plane: Plane): DataPlaneRow {
  return {
    name: plane.name,
    epoch: plane.epoch,
    revision: plane.revision,
    acknowledged_at_ms: plane.acknowledgedAtMs,
    refusals: JSON.stringify(plane.refusals),
  };
}

/** A data plane as the contract has it; what it holds of another epoch counts as nothing. */
export function dataPlaneFrom(plane: Plane, epoch: string): DataPlane {
  return {
    name: plane.name,
    connected: plane.connections > 0,
    acknowledgedRevision: plane.epoch === epoch ? BigInt(plane.revision) : 0n,
    acknowledgedAtMs: BigInt(plane.acknowledgedAtMs),
    lastHeardAtMs: BigInt(plane.lastHeardAtMs),
    refusals: [...plane.refusals],
  };
}

/** The shares that a data plane holds after it took these routes: those of refused ones stay as they were. */
export function sharesHeld(routes: Snapshot["routes"], refusals: readonly Refusal[], options: { readonly before: HeldShares }): HeldShares {
  const refused = new Set(refusals.map(({ resource }) => resource));
  const held = new Map<string, readonly Share[]>();
  for (const { name, service, shares } of routes) {
    const own = refused.has(`route/${name}`) ? options.before.get(service) : shares;
    if (own) held.set(service, own);
  }
  return held;
}

/** Whether a data plane holds the present weight of a release. `routes` are those of the newest Snapshot. */
export function holdsRelease(
  plane: Plane,
  release: Release,
  options: { readonly epoch: string; readonly routes: Snapshot["routes"] },
): boolean {
  if (plane.epoch !== options.epoch || BigInt(plane.revision) < release.revision) return false;
  const own = new Set(options.routes.filter(({ service }) => service === release.service).map(({ name }) => `route/${name}`));
  return !plane.refusals.some(({ resource }) => own.has(resource));
}

/** The weight of the new version that a data plane goes by while it does not hold the present one; 0 when it is not known. */
export function weightHeld(plane: Plane, release: Release): number {
  return plane.shares.get(release.service)?.find(({ version }) => version === release.newVersion)?.weight ?? 0;
}
