import type { AuditEntry } from "@weir/api/audit";

/** One field that differs between before and after. `from` or `to` is undefined where the field is not there. */
export interface FieldChange {
  readonly field: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** A change that the traffic card draws as a line. `weight` is undefined when the change was not one of weight. */
export interface AuditMark {
  readonly sequence: bigint;
  readonly atMs: number;
  readonly weight: number | undefined;
  readonly entry: AuditEntry;
}

/** Fields that differ, in the order in which they stand, with paths like "release.newWeight" and "shares.0.weight". */
export function changesOf(entry: Pick<AuditEntry, "from" | "to">): FieldChange[] {
  const [from, to] = [fieldsOf(entry.from), fieldsOf(entry.to)];
  return [...new Set([...from.keys(), ...to.keys()])]
    .map((field) => ({ field, from: from.get(field), to: to.get(field) }))
    .filter((change) => change.from !== change.to);
}

/** Weight of the new version in an entry's JSON, wherever it stands; undefined when it says none. */
export function weightIn(json: string): number | undefined {
  const fields = fieldsOf(json);
  for (const [path, value] of fields) if (path === "newWeight" || path.endsWith(".newWeight")) return Number(value);
  // Proto JSON leaves out what is at its default: a release without a weight is at 0.
  const isRelease = [...fields.keys()].some((path) => path === "stableVersion" || path.endsWith(".stableVersion"));
  return isRelease ? 0 : undefined;
}

/** Changes that were done and changed something, oldest first, as lines over time. */
export function marksOf(entries: readonly AuditEntry[]): AuditMark[] {
  return entries
    .filter((entry) => entry.outcome === "done" && entry.from !== entry.to)
    .map((entry) => ({ sequence: entry.sequence, atMs: Number(entry.atMs), weight: weightIn(entry.to), entry }))
    .toSorted((left, right) => left.atMs - right.atMs);
}

/** Entries of two lists, newest first, each once. */
export function mergedEntries(held: readonly AuditEntry[], fresh: readonly AuditEntry[]): AuditEntry[] {
  const bySequence = new Map([...held, ...fresh].map((entry) => [entry.sequence, entry]));
  return [...bySequence.values()].toSorted((left, right) => Number(right.sequence - left.sequence));
}

/** Values of a JSON text by path; text that is no JSON is one field without a name. */
function fieldsOf(json: string): Map<string, string> {
  const fields = new Map<string, string>();
  if (json === "") return fields;
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null) fields.set(path, typeof value === "string" ? value : JSON.stringify(value));
    else for (const [key, inner] of Object.entries(value)) visit(inner, path === "" ? key : `${path}.${key}`);
  };
  try {
    visit(JSON.parse(json), "");
  } catch {
    fields.set("", json);
  }
  return fields;
}
