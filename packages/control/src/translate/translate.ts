import { bucketCount } from "@weir/api/bucket";
import type { Cluster, Endpoint, Route, Share, Snapshot, UserIdSource } from "@weir/api/snapshots";
import { byService, standingOf } from "../last-known.ts";
import type { ControlState, InstanceRow, ReleaseRow, RouteRow } from "../tables.ts";

/**
 * The Snapshot that a state means. Pure: the same state gives the same Snapshot, in the same order. It holds a cluster
 * for every version that has endpoints or that a release names (an empty one says that nobody is there), and the routes
 * with the shares of their service's release: new version first, stable last.
 */
export function snapshotFrom(state: ControlState): Snapshot {
  const releases = new Map(state.releases.map((release) => [release.service, release]));
  return {
    revision: BigInt(state.revision),
    epoch: state.epoch,
    madeAtMs: BigInt(state.madeAtMs),
    clusters: clustersFrom(state),
    routes: state.routes.toSorted(inOrder((row) => row.name)).map((row) => routeFrom(row, releases.get(row.service))),
  };
}

/** The versions that a release names with their weights, new version first, stable last. */
export function sharesFrom(release: ReleaseRow): Share[] {
  if (release.new_version === "") return [{ version: release.stable_version, weight: bucketCount }];
  return [
    { version: release.new_version, weight: release.new_weight },
    { version: release.stable_version, weight: bucketCount - release.new_weight },
  ];
}

function routeFrom(row: RouteRow, release: ReleaseRow | undefined): Route {
  return {
    name: row.name,
    host: row.host,
    pathPrefix: row.path_prefix,
    service: row.service,
    shares: release ? sharesFrom(release) : [],
    salt: release?.salt ?? "",
    userIdSources: (JSON.parse(row.user_id_sources) as UserIdSource["source"][]).map((source) => ({ source })),
    timeoutMs: row.timeout_ms,
    idempotent: row.idempotent === 1,
  };
}

function clustersFrom(state: ControlState): Cluster[] {
  const owners = addressOwners(state.instances);
  const clusters = new Map<string, Cluster>();
  const clusterOf = (service: string, version: string): Cluster => {
    const key = `${service}\n${version}`;
    const cluster = clusters.get(key) ?? { service, version, endpoints: [] };
    clusters.set(key, cluster);
    return cluster;
  };
  for (const release of state.releases) for (const { version } of sharesFrom(release)) clusterOf(release.service, version);
  for (const [service, rows] of byService(state.instances)) {
    for (const row of standingOf(rows).instances) {
      if ((owners.get(row.address) ?? row.id) === row.id) clusterOf(service, row.version).endpoints.push(endpointFrom(row));
    }
  }
  for (const cluster of clusters.values()) cluster.endpoints.sort(inOrder((endpoint) => endpoint.id));
  return [...clusters].toSorted(inOrder(([key]) => key)).map(([, cluster]) => cluster);
}

/**
 * Whom an address belongs to: of the instances that are there, the one that registered last. The other one's process
 * has ended, or its port would not be free.
 */
function addressOwners(rows: readonly InstanceRow[]): Map<string, string> {
  const there = rows.filter((row) => row.state !== "GONE");
  there.sort((left, right) => left.registered_at_ms - right.registered_at_ms || (left.id < right.id ? -1 : 1));
  return new Map(there.map((row) => [row.address, row.id]));
}

function endpointFrom(row: InstanceRow): Endpoint {
  return { id: row.id, address: row.address, http2: row.http2 === 1, grpcOnly: row.grpc_only === 1 };
}

function inOrder<T>(textOf: (value: T) => string): (left: T, right: T) => number {
  return (left, right) => (textOf(left) < textOf(right) ? -1 : textOf(left) > textOf(right) ? 1 : 0);
}
