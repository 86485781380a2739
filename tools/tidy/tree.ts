import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { posix } from "node:path";
import type { Import, Source } from "./source.ts";
import { sourceFrom } from "./source.ts";

/** What a package.json says, as far as the rules ask. */
export interface Manifest {
  readonly name: string;
  /** Folder of the package, "packages/kit"; "" for the root. */
  readonly folder: string;
  /** Subpath to file, relative to the root: `{ "@weir/kit/app": "packages/kit/src/app/app.ts" }`. */
  readonly doors: ReadonlyMap<string, string>;
  readonly dependencies: ReadonlySet<string>;
  readonly peers: ReadonlySet<string>;
  readonly development: ReadonlySet<string>;
  /** Beginnings of its "imports": what is generated only when a test needs it, and never committed. */
  readonly inner: readonly string[];
  readonly text: string;
}

/** Everything that the rules look at. Made from disk by `readTree` or from memory by `treeFrom`. */
export interface Tree {
  readonly sources: ReadonlyMap<string, Source>;
  readonly manifests: readonly Manifest[];
  /** Every text file, sources too. */
  readonly texts: ReadonlyMap<string, string>;
}

/** Where an import leads. "door" is a file reached through a package's exports; "inner" is named by its own "imports"; "missing" leads nowhere. */
export type Target =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "door"; readonly path: string }
  | { readonly kind: "node"; readonly name: string }
  | { readonly kind: "external"; readonly name: string }
  | { readonly kind: "inner"; readonly name: string }
  | { readonly kind: "missing"; readonly name: string };

const sourcePath = /\.tsx?$/;
const textPath = /\.(tsx?|mjs|js|json|md|proto|css|html|sh|ya?ml|svg|conf)$|^\.ci\/|^(LICENSE|\.npmrc|\.gitignore)$/;
const skipped = new Set(["node_modules", "dist", ".git", ".weir", "coverage"]);
const builtins = new Set(builtinModules);

/** Parses files held in memory: path from the root to text. */
export function treeFrom(files: ReadonlyMap<string, string>): Tree {
  const sources = new Map<string, Source>();
  const manifests: Manifest[] = [];
  for (const [path, text] of files) {
    if (sourcePath.test(path)) sources.set(path, sourceFrom(path, text));
    else if (posix.basename(path) === "package.json") manifests.push(manifestFrom(path, text));
  }
  return { sources, manifests, texts: files };
}

/** Reads the working tree below `root`, without what is installed or built. */
export function readTree(root: string): Tree {
  const files = new Map<string, string>();
  const visit = (folder: string): void => {
    for (const entry of readdirSync(posix.join(root, folder), { withFileTypes: true })) {
      const path = posix.join(folder, entry.name);
      if (skipped.has(entry.name)) continue;
      if (entry.isDirectory()) visit(path);
      else if (textPath.test(path)) files.set(path, readFileSync(posix.join(root, path), "utf8"));
    }
  };
  visit("");
  return treeFrom(new Map([...files].toSorted(([left], [right]) => (left < right ? -1 : 1))));
}

interface PackageJson {
  readonly name?: string;
  readonly exports?: Readonly<Record<string, string>>;
  readonly imports?: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

function manifestFrom(path: string, text: string): Manifest {
  const json = JSON.parse(text) as PackageJson;
  const folder = posix.dirname(path) === "." ? "" : posix.dirname(path);
  const name = json.name ?? folder;
  const doors = new Map<string, string>();
  for (const [door, file] of Object.entries(json.exports ?? {})) doors.set(posix.join(name, door), posix.join(folder, file));
  return {
    name,
    folder,
    doors,
    dependencies: new Set([...Object.keys(json.dependencies ?? {}), ...Object.keys(json.optionalDependencies ?? {})]),
    peers: new Set(Object.keys(json.peerDependencies ?? {})),
    development: new Set(Object.keys(json.devDependencies ?? {})),
    inner: Object.keys(json.imports ?? {}).map((pattern) => pattern.replace("*", "")),
    text,
  };
}

/** Where an import of a file leads. */
export function resolveImport(tree: Tree, one: Pick<Import, "from" | "specifier">): Target {
  const { from, specifier } = one;
  if (specifier.startsWith("#")) {
    const named = manifestOf(tree, from)?.inner.some((beginning) => specifier.startsWith(beginning)) ?? false;
    return { kind: named ? "inner" : "missing", name: specifier };
  }
  const plain = specifier.replace(/[?#].*$/, "");
  if (plain.startsWith(".")) {
    const path = posix.join(posix.dirname(from), plain);
    return tree.texts.has(path) ? { kind: "file", path } : { kind: "missing", name: specifier };
  }
  if (plain.startsWith("node:") || builtins.has(plain)) return { kind: "node", name: plain };
  const name = plain.split("/", plain.startsWith("@") ? 2 : 1).join("/");
  const manifest = tree.manifests.find((one) => one.name === name);
  if (!manifest) return { kind: "external", name };
  const path = manifest.doors.get(plain);
  return path === undefined ? { kind: "missing", name: specifier } : { kind: "door", path };
}

/** The package.json that a file lives under: the nearest one above it. */
export function manifestOf(tree: Tree, path: string): Manifest | undefined {
  return tree.manifests
    .filter((one) => one.folder === "" || path.startsWith(`${one.folder}/`))
    .toSorted((left, right) => right.folder.length - left.folder.length)[0];
}
