import type { Tree } from "./tree.ts";
import { treeFrom } from "./tree.ts";
import type { Rule } from "./violation.ts";

const manifests: Readonly<Record<string, unknown>> = {
  "package.json": { name: "weir", devDependencies: { "fast-check": "1" }, imports: { "#suites/*": "./.weir/suites/*" } },
  "packages/wire/package.json": { name: "@weir/wire", exports: { ".": "./src/index.ts" } },
  "packages/kit/package.json": {
    name: "@weir/kit",
    exports: { ".": "./src/index.ts", "./call": "./src/call.ts" },
    dependencies: { "@weir/wire": "1" },
    peerDependencies: { pg: "1" },
  },
  "packages/api/package.json": { name: "@weir/api", exports: { ".": "./src/index.ts" }, dependencies: { "@weir/kit": "1" } },
  "packages/gateway/package.json": {
    name: "@weir/gateway",
    exports: { ".": "./src/index.ts" },
    dependencies: { "@weir/kit": "1", "@weir/wire": "1" },
  },
  "packages/control/package.json": {
    name: "@weir/control",
    exports: { ".": "./src/index.ts" },
    dependencies: { "@weir/kit": "1", kysely: "1" },
  },
  "packages/console/package.json": { name: "@weir/console", dependencies: { "@weir/api": "1", "@weir/kit": "1", preact: "1" } },
};

const doors = ["wire", "kit", "api", "gateway", "control"].map((name) => `packages/${name}/src/index.ts`);

/** A small house held in memory, with faults planted in it: path to text. The doors of its packages are empty files. */
export function plantedTree(files: Readonly<Record<string, string>>): Tree {
  const all = new Map<string, string>([["packages/kit/src/call.ts", ""]]);
  for (const [path, json] of Object.entries(manifests)) all.set(path, JSON.stringify(json));
  for (const path of doors) all.set(path, "");
  for (const [path, text] of Object.entries(files)) all.set(path, text);
  return treeFrom(all);
}

/** What a rule says about planted files, as "path:line message". */
export function found(rule: Rule, files: Readonly<Record<string, string>>): string[] {
  return rule(plantedTree(files)).map((one) => `${one.path}:${one.line} ${one.message}`);
}
