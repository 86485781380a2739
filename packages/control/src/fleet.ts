import type { InstanceView, Release } from "@weir/api/releases";
import type { DataPlane } from "@weir/api/snapshots";

/** Who runs and who holds what, as the release page shows it. Answered from memory. */
export interface Fleet {
  /** Newest revision of the Snapshot. */
  revision(): number;
  /** Instances of a service, those gone for less than 15 minutes among them. */
  instances(service: string): InstanceView[];
  /** Whether the last known endpoints stand in for a service that nobody is heard of, and since when all is as it is. */
  registry(service: string): { readonly empty: boolean; readonly changedAtMs: number };
  /** What the connected data planes hold of a release. */
  holders(release: Release): Holders;
}

/** What the connected data planes hold of a release. */
export interface Holders {
  /** Lowest weight of the new version that any of them holds, 0 when there is none. */
  readonly weight: number;
  /** How many hold the revision of the present weight. */
  readonly count: number;
  /** How many are connected. */
  readonly connected: number;
  /** All of them, those not connected too. */
  readonly dataPlanes: DataPlane[];
}
