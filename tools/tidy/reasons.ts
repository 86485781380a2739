import { pathToFileURL } from "node:url";
import { codes } from "@weir/kit/fault";
import type { Tree } from "./tree.ts";
import type { Violation } from "./violation.ts";

/** One reason as it stands in a catalogue. `key` is the name under which it stands there. */
export interface ListedReason {
  readonly key: string;
  readonly reason: string;
  readonly code: string;
  readonly meaning: string;
  readonly status: number | undefined;
}

/** The reasons that one package gives, from all its catalogues. */
export interface Catalogue {
  readonly package: string;
  readonly reasons: readonly ListedReason[];
}

/** Files that hold a package's reasons: `reasons.ts`, the kit's core, and what is generated from contracts. */
const catalogueFile = /^packages\/([^/]+)\/src\/(reasons\.ts|fault\.ts|.*\.weir\.ts)$/;

/** Loads every catalogue of the packages below `root`. */
export async function loadCatalogues(root: string, tree: Tree): Promise<Catalogue[]> {
  const found = new Map<string, ListedReason[]>();
  for (const path of tree.sources.keys()) {
    const name = catalogueFile.exec(path)?.[1];
    if (name === undefined) continue;
    const module = (await import(pathToFileURL(`${root}/${path}`).href)) as Record<string, unknown>;
    for (const value of Object.values(module)) {
      if (isCatalogue(value)) found.set(name, [...(found.get(name) ?? []), ...listed(value)]);
    }
  }
  return [...found]
    .map(([name, reasons]) => ({ package: name, reasons: reasons.toSorted((left, right) => (left.reason < right.reason ? -1 : 1)) }))
    .toSorted((left, right) => (left.package < right.package ? -1 : 1));
}

/** A reason that stands in a catalogue is given by some source of its package or of one above. */
export function idleReasonsRule(tree: Tree): Violation[] {
  const used = new Set<string>();
  for (const source of tree.sources.values()) {
    if (source.test) continue;
    for (const one of source.text.matchAll(/[rR]easons\.([A-Z][A-Z0-9_]+)\b/g)) used.add(one[1] ?? "");
  }
  const found: Violation[] = [];
  for (const source of tree.sources.values()) {
    if (!/^packages\/[^/]+\/src\/(reasons|fault)\.ts$/.test(source.path)) continue;
    for (const one of source.text.matchAll(/^ {2}([A-Z][A-Z0-9_]+): \{ ?$|^ {2}([A-Z][A-Z0-9_]+): \{ reason:/gm)) {
      const key = one[1] ?? one[2] ?? "";
      if (key in codes || used.has(key)) continue;
      found.push({ rule: "reasons", path: source.path, line: source.lineAt(one.index), message: `nothing gives the reason ${key}` });
    }
  }
  return found;
}

interface Entry {
  readonly reason: string;
  readonly code: string;
  readonly meaning: string;
  readonly status?: number;
}

function isCatalogue(value: unknown): value is Record<string, Entry> {
  if (typeof value !== "object" || value === null) return false;
  const entries = Object.values(value);
  return (
    entries.length > 0 && entries.every((one: unknown) => typeof one === "object" && one !== null && "reason" in one && "meaning" in one)
  );
}

function listed(catalogue: Record<string, Entry>): ListedReason[] {
  return Object.entries(catalogue).map(([key, one]) => ({
    key,
    reason: one.reason,
    code: one.code,
    meaning: one.meaning,
    status: one.status,
  }));
}

/** What is wrong with the catalogues themselves: a key that is not its reason, a reason given twice, no meaning. */
export function catalogueFaults(catalogues: readonly Catalogue[]): string[] {
  const faults: string[] = [];
  for (const catalogue of catalogues) {
    const seen = new Set<string>();
    for (const one of catalogue.reasons) {
      if (one.key !== one.reason) faults.push(`${catalogue.package}: the key ${one.key} holds the reason ${one.reason}`);
      if (!/^[A-Z][A-Z0-9_]+$/.test(one.reason)) faults.push(`${catalogue.package}: ${one.reason} is not in UPPER_CASE`);
      if (seen.has(one.reason)) faults.push(`${catalogue.package}: ${one.reason} stands there twice`);
      if (!/^[A-Z“"].*\.$/.test(one.meaning))
        faults.push(`${catalogue.package}: the meaning of ${one.reason} is a sentence, found "${one.meaning}"`);
      seen.add(one.reason);
    }
  }
  return faults;
}

/** The page docs/reasons.md. `httpOf` gives the HTTP status of a code, for reasons that name none themselves. */
export function reasonsPage(catalogues: readonly Catalogue[], httpOf: (code: string) => number | undefined): string {
  const lines = [
    "# Reasons",
    "",
    "Every error of Weir carries a stable reason that a caller may branch on, beside one of the 16 gRPC codes.",
    "This page lists them all. It is written by `node tools/reasons.ts` from the catalogues, and a test compares.",
    "",
  ];
  for (const catalogue of catalogues) {
    lines.push(`## ${catalogue.package}`, "", "| reason | code | HTTP | meaning |", "|---|---|---|---|");
    for (const one of catalogue.reasons) {
      lines.push(`| \`${one.reason}\` | ${one.code} | ${one.status ?? httpOf(one.code) ?? ""} | ${one.meaning.replaceAll("|", "\\|")} |`);
    }
    lines.push("");
  }
  return lines.join("\n");
}
