import { posix } from "node:path";
import type { Tree } from "./tree.ts";
import type { Violation } from "./violation.ts";

// Put together from parts, so that this file does not accuse itself.
const machinePath = new RegExp(`(?<![\\w.])/(${["work", "root", "home/[a-z]+"].join("|")})/`);
const registryHost = new RegExp(["registry", "[a-z0-9-]+", "(org|com|io|dev)"].join("\\."));

/** No path of one machine and no package host stands in the project. */
export function placesRule(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const [path, text] of tree.texts) {
    const judge = (pattern: RegExp, message: string): void => {
      const at = pattern.exec(text);
      if (at) found.push({ rule: "places", path, line: text.slice(0, at.index).split("\n").length, message: `${message}, found ${at[0]}` });
    };
    judge(machinePath, "no path of one machine");
    judge(registryHost, "no package host");
  }
  return found;
}

/** The changelog has an Unreleased section, and links between pages lead somewhere. */
export function pagesRule(tree: Tree): Violation[] {
  const found: Violation[] = [];
  const changelog = tree.texts.get("CHANGELOG.md");
  if (changelog !== undefined && !/^## Unreleased$/m.test(changelog)) {
    found.push({ rule: "pages", path: "CHANGELOG.md", line: 0, message: 'has no section "## Unreleased"' });
  }
  for (const [path, text] of tree.texts) {
    if (!path.endsWith(".md")) continue;
    for (const link of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      const fault = linkFault(tree, path, link[1] ?? "");
      if (fault !== undefined) found.push({ rule: "pages", path, line: text.slice(0, link.index).split("\n").length, message: fault });
    }
  }
  return found;
}

function linkFault(tree: Tree, page: string, link: string): string | undefined {
  if (/^[a-z]+:/.test(link)) return undefined;
  const [file = "", anchor] = link.split("#");
  const path = file === "" ? page : posix.join(posix.dirname(page), file).replace(/\/$/, "");
  const isFolder = [...tree.texts.keys()].some((other) => other.startsWith(`${path}/`));
  // Pictures are not text, so they are looked for by whoever reads the tree from disk.
  if (!tree.texts.has(path) && !isFolder && !/\.(png|jpg|gif|webp)$/.test(path)) return `the link ${link} leads nowhere`;
  const target = tree.texts.get(path);
  if (anchor === undefined || target === undefined || headings(target).has(anchor)) return undefined;
  return `the link ${link} names a heading that ${path} does not have`;
}

/** Anchors of a page's headings, as GitHub makes them. */
function headings(text: string): Set<string> {
  const slug = (heading: string): string =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(/\s/g, "-");
  return new Set([...text.matchAll(/^#+\s+(.+)$/gm)].map((one) => slug(one[1] ?? "")));
}

/** Every package of package.json files outside wire and kit has a line in ARCHITECTURE.md's table, and every line a package. */
export function dependenciesRule(tree: Tree): Violation[] {
  const page = tree.texts.get("ARCHITECTURE.md");
  if (page === undefined) return [{ rule: "dependencies", path: "ARCHITECTURE.md", line: 0, message: "does not exist" }];
  const section = /^## Dependencies$([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(page)?.[1] ?? "";
  const written = new Set(
    [...section.matchAll(/^\|([^|]+)\|/gm)].flatMap((row) => [...(row[1] ?? "").matchAll(/`([^`]+)`/g)].map((name) => name[1] ?? "")),
  );
  const used = new Map<string, string>();
  for (const manifest of tree.manifests) {
    for (const name of [...manifest.dependencies, ...manifest.development, ...manifest.peers]) {
      if (!name.startsWith("@weir/")) used.set(name, `${manifest.folder ? `${manifest.folder}/` : ""}package.json`);
    }
  }
  const found: Violation[] = [];
  for (const [name, path] of used) {
    if (!written.has(name))
      found.push({ rule: "dependencies", path, line: 0, message: `${name} has no line with its reason in ARCHITECTURE.md` });
  }
  for (const name of written) {
    if (!used.has(name))
      found.push({
        rule: "dependencies",
        path: "ARCHITECTURE.md",
        line: 0,
        message: `the table names ${name}, which no package.json does`,
      });
  }
  return found;
}
