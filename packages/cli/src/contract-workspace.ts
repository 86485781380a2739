import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Layout, LayoutPackage } from "@weir/kit/contract/layout";

/** The contracts below a root and all that belongs to them. Paths are relative to the root, with "/". */
export interface ContractWorkspace {
  readonly root: string;
  readonly contracts: readonly string[];
  /** Every `.weir.ts` file that lies there now. */
  readonly generated: readonly string[];
  readonly packages: readonly LayoutPackage[];
}

const skipped = new Set(["node_modules", "dist"]);
const depthMax = 32;

/** Finds every contract and every generated file below a root, without node_modules, dist and hidden folders. */
export function readContractWorkspace(root: string): ContractWorkspace {
  const contracts: string[] = [];
  const generated: string[] = [];
  const packages: LayoutPackage[] = [];
  walk(root, "", depthMax, (path) => {
    if (path.endsWith(".proto")) contracts.push(path);
    else if (path.endsWith(".weir.ts")) generated.push(path);
    else if (path.endsWith("/package.json")) packages.push(packageFrom(root, path));
  });
  return { root, contracts: contracts.sort(), generated: generated.sort(), packages };
}

/** Where each contract of the modules lies, by the name under which it is imported. Answers also those in no module. */
export function layoutOf(workspace: ContractWorkspace, modules: readonly string[]): { layout: Layout; outside: string[] } {
  const files: Record<string, string> = {};
  const outside: string[] = [];
  for (const path of workspace.contracts) {
    const holding = modules.filter((module) => module === "." || path.startsWith(`${module}/`));
    const module = holding.sort((a, b) => b.length - a.length)[0];
    if (module === undefined) outside.push(path);
    else files[module === "." ? path : path.slice(module.length + 1)] = path;
  }
  return { layout: { files, packages: workspace.packages }, outside };
}

/** The nearest folder upward that has a buf.yaml, else the nearest that has a package.json, else the folder itself. */
export function findContractRoot(folder: string): string {
  for (const sign of ["buf.yaml", "package.json"]) {
    for (let current = folder; ; current = dirname(current)) {
      if (existsSync(join(current, sign))) return current;
      if (dirname(current) === current) break;
    }
  }
  return folder;
}

/**
 * The buf configuration of a root that has no buf.yaml: one module for each package (its `src`) that has contracts, and
 * those of google.api and Weir's options from where npm put them.
 */
export function defaultModules(workspace: ContractWorkspace): string[] {
  const folders = workspace.contracts.map((path) => {
    const home = workspace.packages.map(({ folder }) => folder).filter((folder) => path.startsWith(`${folder}/`));
    const folder = home.sort((a, b) => b.length - a.length)[0] ?? ".";
    const source = folder === "." ? "src" : `${folder}/src`;
    return path.startsWith(`${source}/`) ? source : folder;
  });
  return [...new Set(folders)].sort();
}

function walk(root: string, folder: string, depth: number, visit: (path: string) => void): void {
  if (depth === 0) return;
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory() && !skipped.has(entry.name) && !entry.name.startsWith(".")) walk(root, path, depth - 1, visit);
    else if (entry.isFile()) visit(path);
  }
}

function packageFrom(root: string, path: string): LayoutPackage {
  const { name = "", exports = {} } = JSON.parse(readFileSync(join(root, path), "utf8")) as {
    name?: string;
    exports?: Record<string, unknown>;
  };
  const doors = Object.entries(exports).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return { folder: dirname(path), name, exports: Object.fromEntries(doors) };
}
