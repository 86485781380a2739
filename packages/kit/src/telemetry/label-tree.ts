/** Values by a list of texts, all of one length: one map for each place, so that a look-up builds no string. */
export interface LabelTree<V> {
  get(path: readonly string[]): V | undefined;
  set(path: readonly string[], value: V): void;
  /** Takes a value out and answers it. */
  take(path: readonly string[]): V | undefined;
}

type Branch<V> = Map<string, Branch<V> | V>;

/** An empty tree. */
export function createLabelTree<V>(): LabelTree<V> {
  const root: Branch<V> = new Map();
  function get(path: readonly string[]): V | undefined {
    let branch: Branch<V> | undefined = root;
    for (let index = 0; index < path.length - 1; index++) branch = branch?.get(path[index] ?? "") as Branch<V> | undefined;
    return branch?.get(path.at(-1) ?? "") as V | undefined;
  }
  function set(path: readonly string[], value: V): void {
    let branch = root;
    for (const text of path.slice(0, -1)) {
      const next = (branch.get(text) as Branch<V> | undefined) ?? new Map();
      branch.set(text, next);
      branch = next;
    }
    branch.set(path.at(-1) ?? "", value);
  }
  function take(path: readonly string[]): V | undefined {
    const value = get(path);
    if (value === undefined) return undefined;
    const branches = [root];
    for (const text of path.slice(0, -1)) branches.push(branches.at(-1)?.get(text) as Branch<V>);
    // Maps that became empty go too: labels that come and go would leave one behind each time.
    for (let depth = branches.length - 1; depth >= 0; depth--) {
      branches[depth]?.delete(path[depth] ?? "");
      if ((branches[depth]?.size ?? 0) > 0) break;
    }
    return value;
  }
  return { get, set, take };
}
