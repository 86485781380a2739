import type { Cluster as ClusterMessage, Route, Share, Snapshot } from "@weir/api/snapshots";
import { clusterName } from "@weir/api/snapshot";
import { versionOf } from "@weir/api/bucket";
import type { Clock } from "@weir/kit/clock";
import { jsonText } from "./http/json-text.ts";
import type { Place } from "./http/route-table.ts";
import { userIdFinder, type UserIdFinder } from "./http/user-id.ts";
import type { Cluster } from "./upstream/cluster.ts";
import type { Holding } from "./upstream/endpoints.ts";

/** A Route made ready for requests. */
export interface CompiledRoute extends Place {
  readonly name: string;
  readonly service: string;
  readonly shares: readonly Share[];
  readonly clusters: ReadonlyMap<string, Cluster>;
  /** The version that stands in when the new one fails: the last of the shares. */
  readonly stable: Cluster;
  readonly salt: string;
  readonly findUserId: UserIdFinder;
  readonly timeoutMs: number;
  /** The same for calls that may go on: only what the route says itself, else Infinity. */
  readonly callTimeoutMs: number;
  /** Whether every request may be sent twice. */
  readonly idempotent: boolean;
  /** Whether one of its endpoints speaks gRPC and nothing else: then all are asked in gRPC. */
  readonly grpcOnly: boolean;
  /** What the access log says of it: `,"route":"films","service":"feed"`. */
  readonly logText: string;
}

/** Milliseconds that a route gives a request when it says nothing; calls that may go on have no limit then. */
export const routeTimeoutMsDefault = 15_000;

/** What routes are compiled with. */
export interface CompileParts {
  readonly holding: Holding;
  readonly clock: Clock;
}

/**
 * The routes of a Snapshot, with the clusters they lead to. Endpoints are held by `parts.holding`: those known from the
 * last Snapshot keep their connections and what is known of their health.
 */
export function compileRoutes(snapshot: Snapshot, parts: CompileParts): CompiledRoute[] {
  const clusters = new Map(snapshot.clusters.map((cluster) => [clusterName(cluster), clusterFrom(cluster, parts)]));
  return snapshot.routes.map((route) => routeFrom(route, clusters));
}

/** The cluster that a bucket belongs to. */
export function clusterOf(route: CompiledRoute, bucket: number): Cluster {
  return route.clusters.get(versionOf(bucket, route.shares)) ?? route.stable;
}

function clusterFrom(cluster: ClusterMessage, { holding, clock }: CompileParts): Cluster {
  const { service, version } = cluster;
  const held = cluster.endpoints.map((endpoint) => holding.hold({ service, version, ...endpoint }));
  // From a random place, so that frequent Snapshots do not always favour the first.
  return { service, version, endpoints: held, turn: Math.floor(clock.random() * held.length) };
}

function routeFrom(route: Route, clusters: ReadonlyMap<string, Cluster>): CompiledRoute {
  const { name, host, pathPrefix, service, shares, salt } = route;
  const of = (version: string): Cluster => clusters.get(clusterName({ service, version })) ?? { service, version, endpoints: [], turn: 0 };
  const stable = of(shares.at(-1)?.version ?? "");
  const all = shares.map(({ version }) => [version, version === stable.version ? stable : of(version)] as const);
  return {
    name,
    host,
    pathPrefix,
    service,
    shares,
    clusters: new Map(all),
    stable,
    salt,
    findUserId: userIdFinder(route.userIdSources),
    timeoutMs: route.timeoutMs === 0 ? routeTimeoutMsDefault : route.timeoutMs,
    callTimeoutMs: route.timeoutMs === 0 ? Infinity : route.timeoutMs,
    idempotent: route.idempotent,
    grpcOnly: all.some(([, cluster]) => cluster.endpoints.some((endpoint) => endpoint.grpcOnly)),
    logText: `,"route":${jsonText(name)},"service":${jsonText(service)}`,
  };
}
