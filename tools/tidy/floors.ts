import type { Import, Source } from "./source.ts";
import type { Tree } from "./tree.ts";
import { manifestOf, resolveImport } from "./tree.ts";
import type { Violation } from "./violation.ts";

/** The floors of the house: a package may import only packages of a lower floor. */
export const floors: Readonly<Record<string, number>> = {
  wire: 0,
  kit: 1,
  api: 2,
  gateway: 3,
  control: 3,
  functions: 3,
  connectors: 3,
  assure: 3,
  console: 4,
  cli: 4,
};

/** Packages that need nothing installed: no dependencies but their own kind. Drivers are optional peers. */
const bare = new Set(["wire", "kit"]);

const core = new Set(["service", "call", "fault", "clock"].map((name) => `packages/kit/src/${name}.ts`));

/** Files of contract/ that run in Node because they write code: the generator and the protoc plugin. */
const generator = /^packages\/kit\/src\/contract\/(compiler|generator|plugin|protoc)[^/]*(\/|\.ts$)/;

/** Rooms of control that meet only in the files above them. */
const blindRooms = new Set([
  "registry",
  "routes",
  "releases",
  "identity",
  "audit",
  "store",
  "snapshots",
  "traffic",
  "translate",
  "xds",
  "kubernetes",
]);

const consoleExternals = new Set(["preact", "uplot"]);

/** Whether a file of the kit must run in a browser, whatever imports it. */
export function isNeutral(path: string): boolean {
  if (core.has(path)) return true;
  if (path.startsWith("packages/kit/src/contract/")) return !generator.test(path);
  return path.startsWith("packages/kit/src/rpc/") && !path.startsWith("packages/kit/src/rpc/node/");
}

/** Imports run downward only, never sideways, through doors, and only to what package.json names. */
export function floorsRule(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const source of tree.sources.values()) {
    for (const one of source.imports) {
      if (one.kind === "reference") continue;
      const message = importFault(tree, source, one);
      if (message !== undefined) found.push({ rule: "floors", path: source.path, line: one.line, message });
    }
  }
  return found;
}

function importFault(tree: Tree, source: Source, one: Import): string | undefined {
  const { specifier } = one;
  const target = resolveImport(tree, one);
  if (target.kind === "missing") {
    const generatedElsewhere = /[?]|\.(css|json|wasm)$/.test(specifier);
    return generatedElsewhere ? undefined : `"${specifier}" leads nowhere: no such file, or no such door in "exports"`;
  }
  if (target.kind === "inner") return undefined;
  if (target.kind === "node") return nodeFault(source, target.name);
  if (target.kind === "external") return externalFault(tree, source, target.name);
  const fault = arrowFault(source.path, target.path);
  if (fault !== undefined) return fault;
  if (target.kind === "door") return doorFault(tree, source, specifier);
  return kitFault(tree, source, target.path) ?? roomFault(source, target.path);
}

function packageOf(path: string): string | undefined {
  return /^packages\/([^/]+)\//.exec(path)?.[1];
}

/** Top folder that counts as one room: "packages/kit", "examples/feed", "tools". */
function houseOf(path: string): string {
  const parts = path.split("/");
  return parts[0] === "packages" || parts[0] === "examples" ? parts.slice(0, 2).join("/") : (parts[0] ?? "");
}

function arrowFault(from: string, to: string): string | undefined {
  if (houseOf(from) === houseOf(to)) return undefined;
  if (/^(examples|tools|docs)\//.test(to)) return `imports ${houseOf(to)}; nothing imports examples, tools or docs`;
  const [lower, upper] = [packageOf(to), packageOf(from)];
  if (upper === undefined || lower === undefined) return undefined;
  const [toFloor, fromFloor] = [floors[lower], floors[upper]];
  if (fromFloor === undefined) return `${upper} has no floor; add it to the table`;
  if (toFloor === undefined) return `${lower} has no floor; add it to the table`;
  if (toFloor > fromFloor) return `the arrow runs upward: ${upper} (floor ${fromFloor}) imports ${lower} (floor ${toFloor})`;
  if (toFloor === fromFloor) return `the arrow runs sideways: ${upper} and ${lower} are both on floor ${toFloor}`;
  return undefined;
}

function doorFault(tree: Tree, source: Source, specifier: string): string | undefined {
  const manifest = manifestOf(tree, source.path);
  const name = specifier.split("/", 2).join("/");
  const named = manifest?.dependencies.has(name) || manifest?.peers.has(name) || (source.test && manifest?.development.has(name));
  if (manifest && manifest.name !== name && manifest.folder !== "" && !named) {
    return `imports ${name}, which ${manifest.folder}/package.json does not name`;
  }
  if (isNeutral(source.path) && !source.test && name !== "@weir/kit") return `runs in a browser and may not import ${name}`;
  if (packageOf(source.path) === "console" && !source.test) return consoleDoorFault(tree, specifier);
  return undefined;
}

function consoleDoorFault(tree: Tree, specifier: string): string | undefined {
  const target = resolveImport(tree, { from: "packages/console/src/page.ts", specifier });
  if (target.kind !== "door") return undefined;
  if (!/^packages\/(api|kit)\//.test(target.path)) return `the console imports api and the kit's neutral doors only, found ${specifier}`;
  const culprit = nodeImporter(tree, target.path);
  return culprit && `the console runs in a browser and may not import ${specifier}: ${culprit}`;
}

/** The file among those that a file loads that needs Node, and what it needs; undefined when all run in a browser. */
function nodeImporter(tree: Tree, start: string): string | undefined {
  const seen = new Set<string>([start]);
  for (const path of seen) {
    for (const one of tree.sources.get(path)?.imports ?? []) {
      if (one.kind === "type" || one.kind === "reference") continue;
      const target = resolveImport(tree, one);
      if (target.kind === "node") return `${path} imports ${target.name}`;
      if (target.kind === "door" && target.path.startsWith("packages/wire/")) return `${path} imports ${one.specifier}`;
      if (target.kind === "file" || target.kind === "door") seen.add(target.path);
    }
  }
  return undefined;
}

function kitFault(tree: Tree, source: Source, to: string): string | undefined {
  if (houseOf(source.path) !== houseOf(to)) return `leaves its package by a relative path, to ${to}; use the package's door`;
  if (source.test) return undefined;
  if (core.has(source.path) && !core.has(to)) return `the core four import nothing but each other, found ${to}`;
  if (!isNeutral(source.path) || isNeutral(to)) return undefined;
  const culprit = nodeImporter(tree, to);
  return culprit && `runs in a browser and may not import ${to}: ${culprit}`;
}

function roomFault(source: Source, to: string): string | undefined {
  const roomOf = (path: string): string | undefined => /^packages\/control\/src\/([^/]+)\//.exec(path)?.[1];
  const [from, into] = [roomOf(source.path), roomOf(to)];
  if (from === undefined || into === undefined || from === into || source.test) return undefined;
  return blindRooms.has(from) && blindRooms.has(into) ? `control's rooms are blind to each other: ${from} imports ${into}` : undefined;
}

function nodeFault(source: Source, name: string): string | undefined {
  if (!name.startsWith("node:")) return `write "node:${name}"`;
  if (source.test || source.path.endsWith(".config.ts")) return undefined;
  if (isNeutral(source.path)) return `runs in a browser and may not import ${name}`;
  if (packageOf(source.path) === "console") return `the console runs in a browser and may not import ${name}`;
  return undefined;
}

function externalFault(tree: Tree, source: Source, name: string): string | undefined {
  const own = manifestOf(tree, source.path);
  const root = tree.manifests.find((one) => one.folder === "");
  const development = source.test || source.path.startsWith("tools/") || source.path.endsWith(".config.ts");
  if (development && (root?.development.has(name) || own?.development.has(name))) return undefined;
  const inside = packageOf(source.path);
  if (inside !== undefined && bare.has(inside)) {
    return own?.peers.has(name) ? undefined : `${inside} has no dependencies; ${name} is not among its optional peers`;
  }
  if (inside === "console" && !source.test && !consoleExternals.has(name))
    return `the console imports preact and uplot only, found ${name}`;
  if (own?.dependencies.has(name) || own?.peers.has(name)) return undefined;
  return `imports ${name}, which ${own?.folder || "the root"}/package.json does not name`;
}
