/** What a table finds routes by. `host` is lower case, "" for every host; `pathPrefix` begins with a slash. */
export interface Place {
  readonly host: string;
  readonly pathPrefix: string;
}

/** Routes compiled for look-up: the longest path prefix wins, then the one that names a host. */
export interface RouteTable<T extends Place> {
  /** The route for an authority ("host:port" as the client named it) and a target ("/path?query"), or undefined. */
  match(authority: string, target: string): T | undefined;
}

/** One path segment on the way from the root. */
interface Segment<T> {
  readonly name: string;
  any: T | undefined;
  byHost: Map<string, T> | undefined;
  /** A few are compared one by one, without cutting the path; many are looked up. */
  readonly few: Segment<T>[];
  many: Map<string, Segment<T>> | undefined;
}

const fewMax = 6;

/**
 * Compiles routes into a tree of path segments. A look-up costs one step per segment that any route has at that place,
 * however many routes there are and however long the path is. Paths are compared as sent, without decoding.
 */
export function createRouteTable<T extends Place>(routes: Iterable<T>): RouteTable<T> {
  const root = createSegment<T>("");
  let hostsNamed = false;
  for (const route of routes) {
    let at = root;
    for (const name of segmentsOf(route.pathPrefix)) at = childOf(at, name);
    if (route.host === "") at.any = route;
    else {
      (at.byHost ??= new Map()).set(route.host, route);
      hostsNamed = true;
    }
  }
  return {
    match: (authority, target) => find(root, hostsNamed ? hostOf(authority) : "", target),
  };
}

/** The host of an authority: without port, lower case, without the root's dot. "[::1]:80" gives "[::1]". */
export function hostOf(authority: string): string {
  const colon = authority.lastIndexOf(":");
  const host = colon > authority.lastIndexOf("]") && colon !== -1 ? authority.slice(0, colon) : authority;
  return (host.endsWith(".") ? host.slice(0, -1) : host).toLowerCase();
}

/** The path of a target: all before the query. */
export function pathOf(target: string): string {
  const query = target.indexOf("?");
  return query === -1 ? target : target.slice(0, query);
}

/** A prefix with a slash at its end means the same as one without. */
function segmentsOf(prefix: string): string[] {
  return prefix.split("/").filter((name, index, all) => index > 0 && (name !== "" || index < all.length - 1));
}

function createSegment<T>(name: string): Segment<T> {
  return { name, any: undefined, byHost: undefined, few: [], many: undefined };
}

function childOf<T>(parent: Segment<T>, name: string): Segment<T> {
  const known = parent.many?.get(name) ?? parent.few.find((child) => child.name === name);
  if (known !== undefined) return known;
  const child = createSegment<T>(name);
  if (parent.many === undefined && parent.few.length === fewMax) parent.many = new Map(parent.few.map((each) => [each.name, each]));
  if (parent.many === undefined) parent.few.push(child);
  else parent.many.set(name, child);
  return child;
}

function find<T>(root: Segment<T>, host: string, target: string): T | undefined {
  if (target.charCodeAt(0) !== 47) return undefined;
  const query = target.indexOf("?");
  const end = query === -1 ? target.length : query;
  let best = routeAt(root, host);
  let at: Segment<T> | undefined = root;
  let from = 1;
  while (at.few.length > 0 && from <= end) {
    at = nextSegment(at, target, { from, end });
    if (at === undefined) break;
    best = routeAt(at, host) ?? best;
    from += at.name.length + 1;
  }
  return best;
}

function nextSegment<T>(at: Segment<T>, target: string, { from, end }: { from: number; end: number }): Segment<T> | undefined {
  if (at.many !== undefined) {
    const slash = target.indexOf("/", from);
    return at.many.get(target.slice(from, slash === -1 || slash > end ? end : slash));
  }
  for (const child of at.few) {
    const to = from + child.name.length;
    if ((to === end || (to < end && target.charCodeAt(to) === 47)) && target.startsWith(child.name, from)) return child;
  }
  return undefined;
}

function routeAt<T>(segment: Segment<T>, host: string): T | undefined {
  return segment.byHost === undefined ? segment.any : (segment.byHost.get(host) ?? segment.any);
}
