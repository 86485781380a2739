import type { Release } from "@weir/api/releases";
import type { DataPlane, Refusal, Share, Snapshot } from "@weir/api/snapshots";
import type { Holders } from "../fleet.ts";
import type { DataPlaneRow } from "../tables.ts";

/** What a data plane says that it holds. */
export interface Holding {
  readonly name: string;
  readonly epoch: string;
  readonly revision: number;
  /** What it refused of that revision; undefined when it did not say. */
  readonly refusals: readonly Refusal[] | undefined;
  readonly nowMs: number;
}

/** Which data plane holds what. In memory; rows are for whoever keeps them. */
export interface Ledger {
  readonly size: number;
  /** Subscriptions that are open. */
  readonly connections: number;
  /** Data planes whose subscription is open. */
  readonly connected: number;
  has(name: string): boolean;
  connect(name: string, nowMs: number): void;
  disconnect(name: string, nowMs: number): void;
  /** Notes a sign of life. */
  hear(name: string, nowMs: number): void;
  /** Notes what a data plane holds. Answers whether it differs from what was known, and in what it refuses. */
  hold(holding: Holding): { readonly changed: boolean; readonly refusalsChanged: boolean };
  /** Remembers which shares a Snapshot gave, to know later what a data plane that stayed behind holds. */
  remember(snapshot: Snapshot): void;
  list(): DataPlane[];
  /** Who holds the present weight of a release, and the lowest weight that any connected one holds. */
  holders(release: Release): Holders;
  row(name: string): DataPlaneRow | undefined;
  /** Drops data planes that are not connected and were not heard of since, the longest silent first; answers their names. */
  forget(options: { readonly beforeMs: number; readonly keptMax: number }): string[];
}

interface Plane {
  readonly name: string;
  connections: number;
  epoch: string;
  revision: number;
  acknowledgedAtMs: number;
  lastHeardAtMs: number;
  refusals: readonly Refusal[];
  /** By service, as of the last revision of it that was not refused. */
  shares: ReadonlyMap<string, readonly Share[]>;
}

const rememberedMax = 256;

/** The ledger of one epoch. `rows` are what was known before; `epoch` tells which revisions count. */
export function createLedger(rows: readonly DataPlaneRow[], epochNow: () => string): Ledger {
  const planes = new Map<string, Plane>(rows.map((row) => [row.name, planeFrom(row)]));
  /** Routes with their service and shares, by revision. */
  const remembered = new Map<number, Snapshot["routes"]>();
  let routesNow: Snapshot["routes"] = [];

  const planeOf = (name: string): Plane => {
    const plane = planes.get(name) ?? emptyPlane(name);
    planes.set(name, plane);
    return plane;
  };
  const hear = (name: string, nowMs: number): Plane => {
    const plane = planeOf(name);
    plane.lastHeardAtMs = nowMs;
    return plane;
  };

  const list = (): DataPlane[] =>
    [...planes.values()].sort((left, right) => (left.name < right.name ? -1 : 1)).map((plane) => dataPlaneFrom(plane, epochNow()));

  return {
    get size() {
      return planes.size;
    },
    get connections() {
      return [...planes.values()].reduce((sum, plane) => sum + plane.connections, 0);
    },
    get connected() {
      return [...planes.values()].filter((plane) => plane.connections > 0).length;
    },
    has: (name) => planes.has(name),
    connect(name, nowMs) {
      hear(name, nowMs).connections += 1;
    },
    disconnect(name, nowMs) {
      const plane = hear(name, nowMs);
      plane.connections = Math.max(0, plane.connections - 1);
    },
    hear: (name, nowMs) => void hear(name, nowMs),
    hold(holding) {
      const plane = hear(holding.name, holding.nowMs);
      const sameRevision = plane.epoch === holding.epoch && plane.revision === holding.revision;
      const refusals = holding.refusals ?? (sameRevision ? plane.refusals : []);
      const refusalsChanged = JSON.stringify(refusals) !== JSON.stringify(plane.refusals);
      plane.shares = sharesHeld(remembered.get(holding.revision), refusals, plane.shares);
      if (!sameRevision || holding.refusals) plane.acknowledgedAtMs = holding.nowMs;
      plane.epoch = holding.epoch;
      plane.revision = holding.revision;
      plane.refusals = refusals;
      return { changed: !sameRevision || refusalsChanged, refusalsChanged };
    },
    remember(snapshot) {
      routesNow = snapshot.routes;
      remembered.set(Number(snapshot.revision), snapshot.routes);
      if (remembered.size > rememberedMax) remembered.delete(remembered.keys().next().value ?? 0);
    },
    list,
    holders(release) {
      const connected = [...planes.values()].filter((plane) => plane.connections > 0);
      const routes = new Set(routesNow.filter((route) => route.service === release.service).map((route) => `route/${route.name}`));
      const holds = (plane: Plane): boolean =>
        plane.epoch === epochNow() &&
        BigInt(plane.revision) >= release.revision &&
        !plane.refusals.some(({ resource }) => routes.has(resource));
      const weights = connected.map((plane) => (holds(plane) ? release.newWeight : weightHeld(plane, release)));
      return {
        weight: weights.length === 0 ? 0 : Math.min(...weights),
        count: connected.filter(holds).length,
        connected: connected.length,
        dataPlanes: list(),
      };
    },
    row(name) {
      const plane = planes.get(name);
      return plane && rowFrom(plane);
    },
    forget({ beforeMs, keptMax }) {
      const away = [...planes.values()].filter((plane) => plane.connections === 0);
      away.sort((left, right) => right.lastHeardAtMs - left.lastHeardAtMs);
      const gone = away.filter((plane, index) => plane.lastHeardAtMs < beforeMs || index >= keptMax);
      for (const { name } of gone) planes.delete(name);
      return gone.map(({ name }) => name);
    },
  };
}

/** The shares a data plane holds after it took a Snapshot: those of refused routes stay as they were. */
function sharesHeld(
  routes: Snapshot["routes"] | undefined,
  refusals: readonly Refusal[],
  before: ReadonlyMap<string, readonly Share[]>,
): ReadonlyMap<string, readonly Share[]> {
  if (!routes) return before;
  const refused = new Set(refusals.map(({ resource }) => resource));
  const held = new Map<string, readonly Share[]>();
  for (const { name, service, shares } of routes) {
    const own = refused.has(`route/${name}`) ? before.get(service) : shares;
    if (own) held.set(service, own);
  }
  return held;
}

function weightHeld(plane: Plane, release: Release): number {
  return plane.shares.get(release.service)?.find(({ version }) => version === release.newVersion)?.weight ?? 0;
}

function emptyPlane(name: string): Plane {
  return { name, connections: 0, epoch: "", revision: 0, acknowledgedAtMs: 0, lastHeardAtMs: 0, refusals: [], shares: new Map() };
}

function planeFrom(row: DataPlaneRow): Plane {
  return {
    ...emptyPlane(row.name),
    epoch: row.epoch,
    revision: row.revision,
    acknowledgedAtMs: row.acknowledged_at_ms,
    lastHeardAtMs: row.acknowledged_at_ms,
    refusals: JSON.parse(row.refusals) as Refusal[],
  };
}

function rowFrom(plane: Plane): DataPlaneRow {
  return {
    name: plane.name,
    epoch: plane.epoch,
    revision: plane.revision,
    acknowledged_at_ms: plane.acknowledgedAtMs,
    refusals: JSON.stringify(plane.refusals),
  };
}

function dataPlaneFrom(plane: Plane, epoch: string): DataPlane {
  return {
    name: plane.name,
    connected: plane.connections > 0,
    acknowledgedRevision: plane.epoch === epoch ? BigInt(plane.revision) : 0n,
    acknowledgedAtMs: BigInt(plane.acknowledgedAtMs),
    lastHeardAtMs: BigInt(plane.lastHeardAtMs),
    refusals: [...plane.refusals],
  };
}
