import { createHash } from "node:crypto";
import type { AuditHeadRow, AuditRow } from "../tables.ts";

/** An entry before it is hung on the chain. */
export type AuditDraft = Omit<AuditRow, "sequence" | "previous_hash" | "hash">;

/** Where a chain does not fit, and how. */
export interface ChainBreak {
  /** The first entry that does not fit. */
  readonly sequence: number;
  /** What was expected and what was found. */
  readonly message: string;
}

/** The hash that the first entry of a database hangs on: a chain cannot be moved to another database. */
export function chainStart(databaseId: string): string {
  return sha256(`weir audit ${databaseId}`);
}

/** Hangs an entry on the end of the chain. */
export function linked(draft: AuditDraft, head: Pick<AuditHeadRow, "entries" | "hash">): AuditRow {
  const entry = { ...draft, sequence: head.entries + 1, previous_hash: head.hash };
  return { ...entry, hash: entryHash(entry) };
}

/** SHA-256 over the canonical JSON of every field, the hash of the entry before among them. */
export function entryHash(entry: Omit<AuditRow, "hash">): string {
  const { sequence, at_ms, actor, action, resource, from_json, to_json, reason, outcome, previous_hash } = entry;
  return sha256(canonicalJson({ sequence, at_ms, actor, action, resource, from_json, to_json, reason, outcome, previous_hash }));
}

/** Walks a chain entry by entry; once an entry does not fit, it has seen enough. */
export interface ChainWalk {
  /** Entries that fit so far. */
  readonly entries: number;
  /** The hash of the last entry that fits. */
  readonly hash: string;
  /** The first entry that does not fit, if there is one. */
  readonly broken: ChainBreak | undefined;
  /** Takes the next entry in the order of their sequence; answers whether it fits. */
  take(entry: AuditRow): boolean;
  /** Compares the end with what the head says: a tail that was cut off is missing there. */
  end(head: Pick<AuditHeadRow, "entries" | "hash">): void;
}

/** Begins a walk at the first entry of a database. */
export function walkChain(databaseId: string): ChainWalk {
  let entries = 0;
  let hash = chainStart(databaseId);
  let broken: ChainBreak | undefined;
  return {
    get entries() {
      return entries;
    },
    get hash() {
      return hash;
    },
    get broken() {
      return broken;
    },
    take(entry) {
      broken ??= breakOf(entry, { entries, hash });
      if (broken) return false;
      entries += 1;
      hash = entry.hash;
      return true;
    },
    end(head) {
      if (broken) return;
      if (head.entries === entries && head.hash === hash) return;
      if (head.entries > entries) {
        const message = `Expected ${head.entries} entries as the head says, found ${entries}: the end was cut off.`;
        broken = { sequence: entries + 1, message };
      } else if (head.entries < entries) {
        const message = `Expected ${head.entries} entries as the head says, found ${entries}: entries were added past it.`;
        broken = { sequence: head.entries + 1, message };
      } else {
        broken = { sequence: entries, message: `Expected the chain to end in ${head.hash} as the head says, found ${hash}.` };
      }
    },
  };
}

function breakOf(entry: AuditRow, before: { entries: number; hash: string }): ChainBreak | undefined {
  const sequence = before.entries + 1;
  if (entry.sequence !== sequence)
    return { sequence, message: `Expected entry ${sequence}, found entry ${entry.sequence}: one is missing.` };
  const computed = entryHash(entry);
  if (entry.hash !== computed) {
    return { sequence, message: `Expected the fields of entry ${sequence} to hash to ${entry.hash}, found ${computed}: it was changed.` };
  }
  if (entry.previous_hash !== before.hash) {
    return {
      sequence,
      message: `Expected entry ${sequence} to hang on ${before.hash}, found ${entry.previous_hash}: the one before was changed.`,
    };
  }
  return undefined;
}

/** JSON with the names of every object in order and no spaces, so that equal values have equal text. */
export function canonicalJson(value: unknown): string {
  if (typeof value === "bigint") return `"${value}"`;
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString("base64"));
  if (Array.isArray(value)) return `[${value.map((one) => canonicalJson(one ?? null)).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    fields.sort(([left], [right]) => (left < right ? -1 : 1));
    return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`).join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
