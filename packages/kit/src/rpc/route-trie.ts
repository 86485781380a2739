import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { PathTemplate } from "./path-template.ts";
import { decodeSegment } from "./path-template.ts";

/** What a rule leads to. */
export interface RouteLeaf<T> {
  readonly template: PathTemplate;
  readonly value: T;
}

/** A match: the leaf, and the raw segments for `variableValue` (empty when the path has no variables). */
export interface RouteMatch<T> {
  readonly kind: "found";
  readonly leaf: RouteLeaf<T>;
  readonly rawSegments: readonly string[];
}

/** The path exists, but only for these HTTP methods, sorted. */
export interface RouteOtherMethods {
  readonly kind: "other_methods";
  readonly allow: readonly string[];
}

/** Rules by path, built once. */
export interface RouteTrie<T> {
  /** Paths without variables, found without cutting the path. */
  readonly literals: Map<string, LeavesByMethod<T>>;
  readonly root: TrieNode<T>;
}

type LeavesByMethod<T> = Map<string, RouteLeaf<T>>;

interface TrieNode<T> {
  readonly literals: Map<string, TrieNode<T>>;
  single: TrieNode<T> | undefined;
  rest: TrieNode<T> | undefined;
  /** By verb ("" for none), then by HTTP method. */
  readonly leaves: Map<string, LeavesByMethod<T>>;
}

interface Search<T> {
  readonly method: string;
  readonly rawSegments: readonly string[];
  readonly verb: string;
  readonly allow: Set<string>;
  found: RouteLeaf<T> | undefined;
}

/** A trie without rules. */
export function createRouteTrie<T>(): RouteTrie<T> {
  return { literals: new Map(), root: createNode() };
}

/** Adds a rule. Throws ROUTE_CONFLICT when a rule with the same method and shape is there already. */
export function addRoute<T>(trie: RouteTrie<T>, method: string, leaf: RouteLeaf<T>): void {
  let node = trie.root;
  for (const segment of leaf.template.segments) {
    if (segment.kind === "single") node = node.single ??= createNode();
    else if (segment.kind === "rest") node = node.rest ??= createNode();
    else node = mapEntry(node.literals, segment.text, createNode<T>);
  }
  const leaves = mapEntry(node.leaves, leaf.template.verb, () => new Map<string, RouteLeaf<T>>());
  const other = leaves.get(method);
  if (other)
    throw fault(kitReasons.ROUTE_CONFLICT, `${method} ${leaf.template.text} matches the same paths as ${method} ${other.template.text}.`);
  leaves.set(method, leaf);
  if (leaf.template.segments.every((segment) => segment.kind === "literal")) trie.literals.set(leaf.template.text, leaves);
}

/**
 * Finds the rule for a path without its query. A literal beats `*`, `*` beats `**`, a verb beats none; when the better
 * branch leads nowhere the next is tried, each node of the trie at most once. Throws PATH_INVALID.
 */
export function findRoute<T>(trie: RouteTrie<T>, method: string, path: string): RouteMatch<T> | RouteOtherMethods | undefined {
  const literal = trie.literals.get(path);
  const direct = literal?.get(method);
  if (direct) return { kind: "found", leaf: direct, rawSegments: [] };
  const rawSegments = path === "/" ? [] : path.slice(1).split("/");
  const allow = new Set<string>(literal?.keys());
  const last = rawSegments.at(-1) ?? "";
  const colon = last.lastIndexOf(":");
  if (colon > 0) {
    const bare = [...rawSegments.slice(0, -1), last.slice(0, colon)];
    const found = search(trie, { method, rawSegments: bare, verb: last.slice(colon + 1), allow, found: undefined });
    if (found) return found;
  }
  const found = search(trie, { method, rawSegments, verb: "", allow, found: undefined });
  if (found) return found;
  return allow.size > 0 ? { kind: "other_methods", allow: [...allow].toSorted() } : undefined;
}

function search<T>(trie: RouteTrie<T>, state: Search<T>): RouteMatch<T> | undefined {
  walk(trie.root, 0, state);
  return state.found && { kind: "found", leaf: state.found, rawSegments: state.rawSegments };
}

function walk<T>(node: TrieNode<T>, depth: number, state: Search<T>): boolean {
  if (depth === state.rawSegments.length && takeLeaf(node, state)) return true;
  if (depth < state.rawSegments.length) {
    const raw = state.rawSegments[depth] as string;
    const literal = node.literals.get(decodeSegment(raw));
    if (literal && walk(literal, depth + 1, state)) return true;
    if (raw !== "" && node.single && walk(node.single, depth + 1, state)) return true;
  }
  return node.rest !== undefined && takeLeaf(node.rest, state);
}

function takeLeaf<T>(node: TrieNode<T>, state: Search<T>): boolean {
  const leaves = node.leaves.get(state.verb);
  if (!leaves) return false;
  state.found = leaves.get(state.method);
  if (state.found) return true;
  for (const method of leaves.keys()) state.allow.add(method);
  return false;
}

function createNode<T>(): TrieNode<T> {
  return { literals: new Map(), single: undefined, rest: undefined, leaves: new Map() };
}

function mapEntry<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = create();
  map.set(key, made);
  return made;
}
