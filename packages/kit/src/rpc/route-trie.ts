import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { PathTemplate } from "./path-template.ts";
import { decodeSegment } from "./path-template.ts";

/** What a rule leads to. */
export interface RouteLeaf<T> {
  readonly template: PathTemplate;
  readonly value: T;
}

/** A match: the leaf, and the path without its verb, for `variableValue`. */
export interface RouteMatch<T> {
  readonly kind: "found";
  readonly leaf: RouteLeaf<T>;
  readonly path: string;
}

/** The path exists, but only for these HTTP methods, sorted. */
export interface RouteOtherMethods {
  readonly kind: "other_methods";
  readonly allow: readonly string[];
}

/** Rules by path, built once. */
export interface RouteTrie<T> {
  readonly root: TrieNode<T>;
  /** Whether any rule ends in a verb; if none does, nobody looks for one. */
  hasVerbs: boolean;
}

type LeavesByMethod<T> = Map<string, RouteLeaf<T>>;

interface TrieNode<T> {
  readonly literals: Map<string, TrieNode<T>>;
  /** The same, while they are few: comparing in place costs less than cutting out a segment and hashing it. */
  readonly fewLiterals: { readonly text: string; readonly node: TrieNode<T> }[];
  single: TrieNode<T> | undefined;
  rest: TrieNode<T> | undefined;
  /** By verb ("" for none), then by HTTP method. */
  readonly leaves: Map<string, LeavesByMethod<T>>;
}

/** What a walk needs to know, and what it brings home. */
interface Walk<T> {
  readonly method: string;
  /** Without the verb. */
  readonly path: string;
  readonly verb: string;
  readonly isEncoded: boolean;
  found: RouteLeaf<T> | undefined;
  /** HTTP methods of rules that match but for the method. Made when there is one. */
  allow: Set<string> | undefined;
}

const fewMax = 4;

/** A trie without rules. */
export function createRouteTrie<T>(): RouteTrie<T> {
  return { root: createNode(), hasVerbs: false };
}

/** Adds a rule. Throws ROUTE_CONFLICT when a rule with the same method and shape is there already. */
export function addRoute<T>(trie: RouteTrie<T>, method: string, leaf: RouteLeaf<T>): void {
  const { template } = leaf;
  let node = trie.root;
  for (const segment of template.segments) {
    if (segment.kind === "single") node = node.single ??= createNode();
    else if (segment.kind === "rest") node = node.rest ??= createNode();
    else node = literalNode(node, segment.text);
  }
  const leaves = node.leaves.get(template.verb) ?? new Map<string, RouteLeaf<T>>();
  const other = leaves.get(method);
  if (other) {
    throw fault(kitReasons.ROUTE_CONFLICT, `${method} ${template.text} matches the same paths as ${method} ${other.template.text}.`);
  }
  leaves.set(method, leaf);
  node.leaves.set(template.verb, leaves);
  if (template.verb !== "") trie.hasVerbs = true;
}

/**
 * Finds the rule for a path without its query. A literal beats `*`, `*` beats `**`, a verb beats none; when the better
 * branch leads nowhere the next is tried, each node of the trie at most once. Throws PATH_INVALID.
 */
export function findRoute<T>(trie: RouteTrie<T>, method: string, path: string): RouteMatch<T> | RouteOtherMethods | undefined {
  // OPTIONS may ask for "*", which is no path.
  if (!path.startsWith("/")) return undefined;
  const isEncoded = path.includes("%");
  let allow: Set<string> | undefined;
  if (trie.hasVerbs) {
    const colon = path.lastIndexOf(":");
    if (colon > path.lastIndexOf("/") + 1) {
      const walked: Walk<T> = { method, path: path.slice(0, colon), verb: path.slice(colon + 1), isEncoded, found: undefined, allow };
      if (walk(trie.root, 1, walked)) return { kind: "found", leaf: walked.found as RouteLeaf<T>, path: walked.path };
      allow = walked.allow;
    }
  }
  const walked: Walk<T> = { method, path, verb: "", isEncoded, found: undefined, allow };
  // "/" alone has no segments: the walk begins behind its end.
  if (walk(trie.root, path.length === 1 ? 2 : 1, walked)) return { kind: "found", leaf: walked.found as RouteLeaf<T>, path };
  return walked.allow && { kind: "other_methods", allow: [...walked.allow].toSorted() };
}

/** `from` is where the next segment begins; behind the path's end there is none. */
function walk<T>(node: TrieNode<T>, from: number, state: Walk<T>): boolean {
  const { path } = state;
  if (from > path.length) {
    if (takeLeaf(node, state)) return true;
  } else {
    const slash = path.indexOf("/", from);
    const end = slash === -1 ? path.length : slash;
    const literal = literalAt(node, { from, end }, state);
    if (literal !== undefined && walk(literal, end + 1, state)) return true;
    if (end > from && node.single !== undefined && walk(node.single, end + 1, state)) return true;
  }
  return node.rest !== undefined && takeLeaf(node.rest, state);
}

function literalAt<T>(
  node: TrieNode<T>,
  segment: { readonly from: number; readonly end: number },
  state: Walk<T>,
): TrieNode<T> | undefined {
  const { literals, fewLiterals } = node;
  const { from, end } = segment;
  if (literals.size === 0) return undefined;
  if (state.isEncoded || literals.size > fewMax) return literals.get(decodeSegment(state.path.slice(from, end)));
  for (const literal of fewLiterals) {
    if (literal.text.length === end - from && state.path.startsWith(literal.text, from)) return literal.node;
  }
  return undefined;
}

function takeLeaf<T>(node: TrieNode<T>, state: Walk<T>): boolean {
  const leaves = node.leaves.get(state.verb);
  if (leaves === undefined) return false;
  state.found = leaves.get(state.method);
  if (state.found !== undefined) return true;
  state.allow ??= new Set();
  for (const method of leaves.keys()) state.allow.add(method);
  return false;
}

function literalNode<T>(node: TrieNode<T>, text: string): TrieNode<T> {
  const known = node.literals.get(text);
  if (known) return known;
  const made = createNode<T>();
  node.literals.set(text, made);
  if (node.literals.size <= fewMax) node.fewLiterals.push({ text, node: made });
  return made;
}

function createNode<T>(): TrieNode<T> {
  return { literals: new Map(), fewLiterals: [], single: undefined, rest: undefined, leaves: new Map() };
}
