import { fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";

/** Where contracts and packages lie, so that generated files find each other. Paths are relative to one root, with "/". */
export interface Layout {
  /** Path of each contract, by the name under which it is imported: "app/registry.proto" → "packages/kit/src/app/registry.proto". */
  readonly files: Readonly<Record<string, string>>;
  readonly packages: readonly LayoutPackage[];
}

/** One npm package: its folder, its name and its doors. */
export interface LayoutPackage {
  readonly folder: string;
  readonly name: string;
  /** As in package.json: "./contract" → "./src/contract/contract.ts". */
  readonly exports: Readonly<Record<string, string>>;
}

/** Contracts that the kit ships with their code, by the name under which they are imported, and the doors to it. */
const shippedDoors: Readonly<Record<string, string>> = { "google/api/httpbody.proto": "contract/http-body" };

/** What one generated file writes to import another: relative inside a package, through a door of it otherwise. */
export function specifierOfContract(layout: Layout, { from, to }: { readonly from: string; readonly to: string }): string {
  const source = layout.files[from] ?? from;
  const shipped = layout.files[to] === undefined ? shippedDoors[to] : undefined;
  if (shipped !== undefined) return `@weir/kit/${shipped}`;
  const target = generatedPath(layout.files[to] ?? to);
  const home = packageOf(layout, target);
  if (home === undefined || home === packageOf(layout, source)) return relativePath(source, target);
  for (const [door, path] of Object.entries(home.exports)) {
    if (`${home.folder}/${path.slice(2)}` === target) return home.name + door.slice(1);
  }
  throw fault(kitReasons.CONTRACT_INVALID, `${from} imports ${to}: expected ${target} among the exports of ${home.name}, found none`);
}

/** What a generated file writes to import a door of the kit: relative inside the kit itself. */
export function specifierOfKit(layout: Layout, { from, door }: { readonly from: string; readonly door: string }): string {
  const source = layout.files[from] ?? from;
  const home = packageOf(layout, source);
  const path = home?.name === "@weir/kit" ? home.exports[`./${door}`] : undefined;
  return home === undefined || path === undefined ? `@weir/kit/${door}` : relativePath(source, `${home.folder}/${path.slice(2)}`);
}

/** "feed.proto" → "feed.weir.ts". */
export function generatedPath(path: string): string {
  return path.replace(/\.proto$/, ".weir.ts");
}

/** "feed.proto" → "feed.descriptor.weir.ts". */
export function descriptorPath(path: string): string {
  return path.replace(/\.proto$/, ".descriptor.weir.ts");
}

function packageOf(layout: Layout, path: string): LayoutPackage | undefined {
  let best: LayoutPackage | undefined;
  for (const candidate of layout.packages) {
    if (path.startsWith(`${candidate.folder}/`) && candidate.folder.length > (best?.folder.length ?? -1)) best = candidate;
  }
  return best;
}

function relativePath(from: string, to: string): string {
  const source = from.split("/").slice(0, -1);
  const target = to.split("/");
  let shared = 0;
  while (shared < source.length && source[shared] === target[shared]) shared++;
  const up = "../".repeat(source.length - shared);
  return `${up === "" ? "./" : up}${target.slice(shared).join("/")}`;
}
