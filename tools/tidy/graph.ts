import type { Import } from "./source.ts";
import type { Manifest, Tree } from "./tree.ts";
import { resolveImport } from "./tree.ts";
import type { Violation } from "./violation.ts";

/** No file may reach itself through imports that exist at run time. */
export function cyclesRule(tree: Tree): Violation[] {
  const found: Violation[] = [];
  const edges = new Map<string, string[]>();
  for (const source of tree.sources.values()) {
    const targets = source.imports.filter((one) => one.kind === "value" || one.kind === "dynamic").map((one) => targetPath(tree, one));
    edges.set(
      source.path,
      targets.filter((path) => path !== undefined),
    );
  }
  for (const group of knots(edges)) {
    const members = group.toSorted();
    found.push({ rule: "cycles", path: members[0] ?? "", line: 0, message: `imports run in a circle: ${members.join(" → ")}` });
  }
  return found;
}

function targetPath(tree: Tree, one: Pick<Import, "from" | "specifier">): string | undefined {
  const target = resolveImport(tree, one);
  return target.kind === "file" || target.kind === "door" ? target.path : undefined;
}

/** Groups of files that reach each other (Tarjan's strongly connected components), without single files. */
function knots(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const groups: string[][] = [];
  const visit = (path: string): void => {
    order.set(path, order.size);
    low.set(path, order.get(path) ?? 0);
    stack.push(path);
    for (const next of edges.get(path) ?? []) {
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) low.set(path, Math.min(low.get(path) ?? 0, low.get(next) ?? 0));
    }
    if (low.get(path) !== order.get(path)) return;
    const group = stack.splice(stack.indexOf(path));
    if (group.length > 1 || edges.get(path)?.includes(path)) groups.push(group);
  };
  for (const path of edges.keys()) if (!order.has(path)) visit(path);
  return groups;
}

/** Files that something starts by itself: tests, doors, commands, pages, configuration. */
function isRoot(tree: Tree, path: string, manifests: readonly Manifest[]): boolean {
  if (tree.sources.get(path)?.test && /\.test\.tsx?$/.test(path)) return true;
  if (path.endsWith(".config.ts") || path.endsWith(".weir.ts") || path.endsWith(".d.ts")) return true;
  if (manifests.some((one) => [...one.doors.values()].includes(path))) return true;
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (/^examples\/[^/]+\/(src\/)?main\.ts$/.test(path)) return true;
  // A command that package.json, .ci/run or a page names by its path, or an HTML page by its file name.
  for (const [other, text] of tree.texts) {
    if (tree.sources.has(other)) continue;
    if (text.includes(path) || (other.endsWith(".html") && text.includes(`/${name}`))) return true;
  }
  return false;
}

/** Every file can be reached from a door, a command or a test; what cannot is dead. */
export function reachRule(tree: Tree): Violation[] {
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    const source = tree.sources.get(path);
    for (const one of source?.imports ?? []) {
      const specifier = one.kind === "reference" && !one.specifier.startsWith(".") ? `./${one.specifier}` : one.specifier;
      const target = targetPath(tree, { from: path, specifier });
      if (target !== undefined) visit(target);
      if (one.kind === "reference" && tree.sources.has(one.specifier)) visit(one.specifier);
    }
  };
  for (const path of tree.sources.keys()) if (isRoot(tree, path, tree.manifests)) visit(path);
  return [...tree.sources.keys()]
    .filter((path) => !reached.has(path))
    .map((path) => ({ rule: "reach", path, line: 0, message: "no door, command or test reaches this file" }));
}

/** A door in "exports" leads to a file that exists. */
export function doorsRule(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const manifest of tree.manifests) {
    for (const [door, path] of manifest.doors) {
      if (tree.texts.has(path) || path.includes("/dist/")) continue;
      found.push({
        rule: "doors",
        path: `${manifest.folder}/package.json`,
        line: 0,
        message: `the door ${door} leads to ${path}, which does not exist`,
      });
    }
  }
  return found;
}
