import type { Release } from "@weir/api/releases";
import type { DataPlane, Refusal, Snapshot } from "@weir/api/snapshots";
import type { Holders } from "../fleet.ts";
import type { DataPlaneRow } from "../tables.ts";
import type { Plane } from "./plane.ts";
import { dataPlaneFrom, emptyPlane, holdsRelease, planeFrom, rowFrom, sharesHeld, weightHeld } from "./plane.ts";

/** What a data plane says that it holds. */
export interface Holding {
  readonly name: string;
  readonly epoch: string;
  readonly revision: number;
  /** What it refused of that revision; undefined when it did not say. */
  readonly refusals: readonly Refusal[] | undefined;
  readonly nowMs: number;
}

/** Which data plane holds what, in memory. A class because it holds their connections. */
export class Ledger {
  readonly #planes: Map<string, Plane>;
  readonly #epochNow: () => string;
  /** Routes by revision, to know later what a data plane that stayed behind goes by. */
  readonly #remembered = new Map<number, Snapshot["routes"]>();
  #routesNow: Snapshot["routes"] = [];

  /** `rows` are what was known before; `epochNow` tells which revisions count. */
  constructor(rows: readonly DataPlaneRow[], epochNow: () => string) {
    this.#planes = new Map(rows.map((row) => [row.name, planeFrom(row)]));
    this.#epochNow = epochNow;
  }

  get size(): number {
    return this.#planes.size;
  }

  /** Subscriptions that are open. */
  get connections(): number {
    return this.#planes.values().reduce((sum, plane) => sum + plane.connections, 0);
  }

  /** Data planes whose subscription is open. */
  get connected(): number {
    return this.#connected().length;
  }

  has(name: string): boolean {
    return this.#planes.has(name);
  }

  connect(name: string, nowMs: number): void {
    this.#heard(name, nowMs).connections += 1;
  }

  disconnect(name: string, nowMs: number): void {
    this.#heard(name, nowMs).connections -= 1;
  }

  /** Notes a sign of life. */
  hear(name: string, nowMs: number): void {
    this.#heard(name, nowMs);
  }

  /** Notes what a data plane holds. Answers whether it differs from what was known, and in what it refuses. */
  hold(holding: Holding): { readonly changed: boolean; readonly refusalsChanged: boolean } {
    const plane = this.#heard(holding.name, holding.nowMs);
    // Acknowledgements may overtake each other; only a new subscription says that a data plane went back.
    const isLate = holding.refusals !== undefined && plane.epoch === holding.epoch && holding.revision < plane.revision;
    if (isLate) return { changed: false, refusalsChanged: false };
    const sameRevision = plane.epoch === holding.epoch && plane.revision === holding.revision;
    const refusals = holding.refusals ?? (sameRevision ? plane.refusals : []);
    const refusalsChanged = JSON.stringify(refusals) !== JSON.stringify(plane.refusals);
    const routes = this.#remembered.get(holding.revision);
    if (routes) plane.shares = sharesHeld(routes, refusals, { before: plane.shares });
    if (!sameRevision || holding.refusals) plane.acknowledgedAtMs = holding.nowMs;
    plane.epoch = holding.epoch;
    plane.revision = holding.revision;
    plane.refusals = refusals;
    return { changed: !sameRevision || refusalsChanged, refusalsChanged };
  }

  /** Remembers what the newest Snapshot says; of the 256 last ones. */
  remember(snapshot: Snapshot): void {
    this.#routesNow = snapshot.routes;
    this.#remembered.set(Number(snapshot.revision), snapshot.routes);
    if (this.#remembered.size > rememberedMax) this.#remembered.delete(this.#remembered.keys().next().value ?? 0);
  }

  /** By name. */
  list(): DataPlane[] {
    const planes = [...this.#planes.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
    return planes.map((plane) => dataPlaneFrom(plane, this.#epochNow()));
  }

  /** Who holds the present weight of a release, and the lowest weight that any connected one goes by. */
  holders(release: Release): Holders {
    const now = { epoch: this.#epochNow(), routes: this.#routesNow };
    const connected = this.#connected();
    const holding = new Set(connected.filter((plane) => holdsRelease(plane, release, now)));
    const weights = connected.map((plane) => (holding.has(plane) ? release.newWeight : weightHeld(plane, release)));
    const weight = weights.length === 0 ? 0 : Math.min(...weights);
    return { weight, count: holding.size, connected: connected.length, dataPlanes: this.list() };
  }

  /** How a data plane is stored. */
  row(name: string): DataPlaneRow | undefined {
    const plane = this.#planes.get(name);
    return plane && rowFrom(plane);
  }

  /** Drops data planes that are away and silent since, the longest silent first; answers their names. */
  forget({ beforeMs, keptMax }: { readonly beforeMs: number; readonly keptMax: number }): string[] {
    const away = [...this.#planes.values()].filter((plane) => plane.connections === 0);
    away.sort((left, right) => right.lastHeardAtMs - left.lastHeardAtMs);
    const gone = away.filter((plane, index) => plane.lastHeardAtMs < beforeMs || index >= keptMax);
    for (const { name } of gone) this.#planes.delete(name);
    return gone.map(({ name }) => name);
  }

  #heard(name: string, nowMs: number): Plane {
    const plane = this.#planes.get(name) ?? emptyPlane(name);
    this.#planes.set(name, plane);
    plane.lastHeardAtMs = nowMs;
    return plane;
  }

  #connected(): Plane[] {
    return [...this.#planes.values()].filter((plane) => plane.connections > 0);
  }
}

const rememberedMax = 256;
