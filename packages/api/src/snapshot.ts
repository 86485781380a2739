import type { Reason } from "@weir/kit/fault";
import { bucketCount } from "./bucket.ts";
import { isAddress, isHost, isName, isVersion } from "./names.ts";
import { snapshotReasons } from "./reasons.ts";
import type { Cluster, Refusal, Route, Snapshot } from "./snapshot.weir.ts";

/** A Snapshot of which every resource holds, and what had to be left out or kept as it was. */
export interface ValidSnapshot {
  readonly snapshot: Snapshot;
  readonly refusals: Refusal[];
}

/** One difference between two Snapshots. `from` or `to` is undefined when the resource is new or gone. */
export type SnapshotChange =
  | { readonly kind: "route"; readonly name: string; readonly from: Route | undefined; readonly to: Route | undefined }
  | { readonly kind: "cluster"; readonly name: string; readonly from: Cluster | undefined; readonly to: Cluster | undefined };

const timeoutMsMax = 3_600_000;
const pathPattern = /^\/[A-Za-z0-9\-._~!$&'()*+,;=:@/%]*$/;
const tokenPattern = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;

type Problem = readonly [reason: Reason, message: string];

/**
 * Looks at each resource by itself: one bad route or cluster never blocks the others. In place of a refused resource
 * the held one of the same name stays, as long as it still fits. Pure; nothing is changed in place.
 */
export function validateSnapshot(incoming: Snapshot, held: Snapshot | undefined): ValidSnapshot {
  const refusals: Refusal[] = [];
  const refuse = (resource: string, problem: Problem): void => {
    refusals.push({ resource, reason: problem[0].reason, message: problem[1] });
  };
  const clusters = validClusters(incoming.clusters, held?.clusters ?? [], refuse);
  const known = new Set(clusters.map(clusterName));
  const routes = validRoutes(incoming.routes, { held: held?.routes ?? [], known, refuse });
  return { snapshot: { ...incoming, clusters, routes }, refusals };
}

/** What differs between two Snapshots, clusters first. Order within a resource counts, order among resources does not. */
export function snapshotChanges(from: Snapshot | undefined, to: Snapshot): SnapshotChange[] {
  const clusters = changes(from?.clusters ?? [], to.clusters, clusterName).map((change) => ({ kind: "cluster" as const, ...change }));
  const routes = changes(from?.routes ?? [], to.routes, (route) => route.name).map((change) => ({ kind: "route" as const, ...change }));
  return [...clusters, ...routes];
}

/** The name of a cluster, "feed@v2". */
export function clusterName(cluster: Pick<Cluster, "service" | "version">): string {
  return `${cluster.service}@${cluster.version}`;
}

/** Whether text is a path prefix that a route may have. */
export function isPathPrefix(text: string): boolean {
  return text.length <= 1024 && pathPattern.test(text) && !text.includes("//") && !/(?:^|\/)\.\.?(?:\/|$)/.test(text);
}

function validClusters(
  incoming: readonly Cluster[],
  held: readonly Cluster[],
  refuse: (resource: string, problem: Problem) => void,
): Cluster[] {
  const kept = new Map<string, Cluster>();
  for (const cluster of incoming) {
    const name = clusterName(cluster);
    const problem = kept.has(name)
      ? ([snapshotReasons.CLUSTER_NAME_INVALID, `expected one cluster ${name}, found it twice`] as const)
      : clusterProblem(cluster);
    if (problem === undefined) {
      kept.set(name, cluster);
      continue;
    }
    refuse(`cluster/${name}`, problem);
    const before = held.find((other) => clusterName(other) === name);
    if (before && !kept.has(name)) kept.set(name, before);
  }
  return [...kept.values()];
}

function clusterProblem(cluster: Cluster): Problem | undefined {
  if (!isName(cluster.service))
    return [snapshotReasons.CLUSTER_NAME_INVALID, `expected a service of a-z, 0-9, dot and dash, found ${quoted(cluster.service)}`];
  if (!isVersion(cluster.version))
    return [snapshotReasons.CLUSTER_NAME_INVALID, `expected a version of letters, digits and ._+-, found ${quoted(cluster.version)}`];
  const ids = new Set<string>();
  for (const endpoint of cluster.endpoints) {
    if (endpoint.id === "" || ids.has(endpoint.id))
      return [snapshotReasons.ENDPOINT_INVALID, `expected an id of its own for every endpoint, found ${quoted(endpoint.id)}`];
    if (!isAddress(endpoint.address))
      return [snapshotReasons.ENDPOINT_INVALID, `expected host:port for ${quoted(endpoint.id)}, found ${quoted(endpoint.address)}`];
    ids.add(endpoint.id);
  }
  return undefined;
}

interface RouteContext {
  readonly held: readonly Route[];
  readonly known: ReadonlySet<string>;
  readonly refuse: (resource: string, problem: Problem) => void;
}

function validRoutes(incoming: readonly Route[], context: RouteContext): Route[] {
  const kept = new Map<string, Route>();
  const places = new Map<string, string>();
  const refused: Route[] = [];
  const keep = (route: Route): void => {
    kept.set(route.name, route);
    places.set(placeOf(route), route.name);
  };
  for (const route of incoming) {
    const problem = kept.has(route.name)
      ? ([snapshotReasons.ROUTE_NAME_INVALID, `expected one route ${quoted(route.name)}, found it twice`] as const)
      : (routeProblem(route, context.known) ?? takenProblem(route, places));
    if (problem === undefined) {
      keep(route);
      continue;
    }
    context.refuse(`route/${route.name}`, problem);
    refused.push(route);
  }
  // Held routes come last: what is new and good must not lose its place to what is old.
  for (const { name } of refused) {
    const before = context.held.find((other) => other.name === name);
    if (before && !kept.has(name) && !routeProblem(before, context.known) && !takenProblem(before, places)) keep(before);
  }
  return [...kept.values()];
}

function takenProblem(route: Route, places: ReadonlyMap<string, string>): Problem | undefined {
  const other = places.get(placeOf(route));
  if (other === undefined) return undefined;
  return [
    snapshotReasons.ROUTE_PATH_TAKEN,
    `expected a host and path of its own, found ${quoted(placeOf(route))} at route ${quoted(other)} too`,
  ];
}

/** What is wrong with a route by itself, or undefined. `known` are the names of the clusters there are. */
export function routeProblem(route: Route, known: ReadonlySet<string>): Problem | undefined {
  return shapeProblem(route) ?? sharesProblem(route) ?? clusterUnknown(route, known);
}

/** What is wrong with the parts of a route that people write: name, host, path, user id sources, time-out. */
export function shapeProblem(route: Pick<Route, "name" | "host" | "pathPrefix" | "userIdSources" | "timeoutMs">): Problem | undefined {
  if (!isName(route.name))
    return [snapshotReasons.ROUTE_NAME_INVALID, `expected 1 to 63 of a-z, 0-9, dot and dash, found ${quoted(route.name)}`];
  if (route.host !== "" && !isHost(route.host))
    return [snapshotReasons.ROUTE_HOST_INVALID, `expected a lower-case host without a port, found ${quoted(route.host)}`];
  if (!isPathPrefix(route.pathPrefix))
    return [snapshotReasons.ROUTE_PATH_INVALID, `expected a path that begins with "/", found ${quoted(route.pathPrefix)}`];
  if (route.timeoutMs > timeoutMsMax)
    return [snapshotReasons.ROUTE_TIMEOUT_INVALID, `expected at most ${timeoutMsMax} ms, found ${route.timeoutMs}`];
  for (const { source } of route.userIdSources) {
    const name = source.case === undefined ? "" : source.value;
    const fits = tokenPattern.test(name) && (source.case !== "header" || name === name.toLowerCase());
    if (!fits)
      return [
        snapshotReasons.ROUTE_USER_ID_INVALID,
        `expected the name of a header (lower case), query parameter or cookie, found ${quoted(name)}`,
      ];
  }
  return undefined;
}

function sharesProblem(route: Route): Problem | undefined {
  const versions = new Set(route.shares.map((share) => share.version));
  if (versions.size !== route.shares.length) return [snapshotReasons.ROUTE_SHARES_INVALID, "expected every version once, found one twice"];
  const sum = route.shares.reduce((total, share) => total + share.weight, 0);
  if (sum !== bucketCount) return [snapshotReasons.ROUTE_SHARES_INVALID, `expected weights that sum to ${bucketCount}, found ${sum}`];
  return undefined;
}

function clusterUnknown(route: Route, known: ReadonlySet<string>): Problem | undefined {
  for (const share of route.shares) {
    const name = clusterName({ service: route.service, version: share.version });
    if (share.weight > 0 && !known.has(name)) return [snapshotReasons.ROUTE_CLUSTER_UNKNOWN, `expected a cluster ${name}, found none`];
  }
  return undefined;
}

function placeOf(route: Route): string {
  const path = route.pathPrefix.length > 1 && route.pathPrefix.endsWith("/") ? route.pathPrefix.slice(0, -1) : route.pathPrefix;
  return `${route.host}${path}`;
}

function changes<T>(
  from: readonly T[],
  to: readonly T[],
  nameOf: (value: T) => string,
): { name: string; from: T | undefined; to: T | undefined }[] {
  const before = new Map(from.map((value) => [nameOf(value), value]));
  const after = new Map(to.map((value) => [nameOf(value), value]));
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names
    .map((name) => ({ name, from: before.get(name), to: after.get(name) }))
    .filter((change) => JSON.stringify(change.from) !== JSON.stringify(change.to));
}

/** A value as it stands in a message: quoted, and cut at 80 characters. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
