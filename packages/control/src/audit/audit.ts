import { setImmediate } from "node:timers/promises";
import type { AuditEntry, AuditHandlers } from "@weir/api/audit";
import { fault } from "@weir/kit/fault";
import type { Database } from "@weir/kit/store";
import { callerOf } from "../caller.ts";
import { controlReasons } from "../reasons.ts";
import type { AuditRow, ControlTables } from "../tables.ts";
import type { ChainBreak } from "./chain.ts";
import { chainStart, walkChain } from "./chain.ts";
import type { AuditWriter } from "./writer.ts";

/** What the audit reads. */
export interface AuditOptions {
  readonly database: Database<ControlTables>;
  readonly databaseId: string;
  readonly writer: Pick<AuditWriter, "head">;
}

/** What a walk over the whole chain found. */
export interface ChainReport {
  /** Entries that fit. */
  readonly entries: number;
  readonly broken: ChainBreak | undefined;
}

/** The audit: its methods, and the walk over the chain. */
export interface AuditBook {
  readonly handlers: AuditHandlers;
  /** Walks the whole chain. One walk at a time: whoever asks meanwhile gets the answer of the next one. */
  verify(): Promise<ChainReport>;
}

const entriesMax = 500;
const entriesDefault = 50;

/** The readable side of the audit. Errors: PAGE_INVALID. */
export function createAudit(options: AuditOptions): AuditBook {
  const { database } = options;
  const verify = createSharedWalk(() => walk(options));
  return {
    verify,
    handlers: {
      async listEntries({ limit, before, resource }, call) {
        if (limit > entriesMax) throw fault(controlReasons.PAGE_INVALID, `Expected a limit of at most ${entriesMax}, found ${limit}.`);
        const { services } = callerOf(call);
        let query = database.query.selectFrom("control_audit").selectAll();
        if (before > 0n) query = query.where("sequence", "<", Number(before));
        if (resource !== "") query = query.where("resource", "=", resource);
        if (services.length > 0) {
          query = query.where(
            "resource",
            "in",
            services.flatMap((service) => [`release/${service}`, `config/${service}`]),
          );
        }
        const rows = await query
          .orderBy("sequence", "desc")
          .limit(limit === 0 ? entriesDefault : limit)
          .execute();
        return { entries: rows.map(entryFrom) };
      },
      async verifyChain() {
        const { entries, broken } = await verify();
        return {
          whole: !broken,
          entries: BigInt(entries),
          brokenSequence: BigInt(broken?.sequence ?? 0),
          message: broken?.message ?? "",
        };
      },
    },
  };
}

/** An entry as the contract has it. */
export function entryFrom(row: AuditRow): AuditEntry {
  return {
    sequence: BigInt(row.sequence),
    atMs: BigInt(row.at_ms),
    actor: row.actor,
    action: row.action,
    resource: row.resource,
    from: row.from_json,
    to: row.to_json,
    reason: row.reason,
    outcome: row.outcome,
    previousHash: row.previous_hash,
    hash: row.hash,
  };
}

/** Lets one walk run; those who ask while it runs share the one after it, which sees all that they have seen. */
function createSharedWalk(begin: () => Promise<ChainReport>): () => Promise<ChainReport> {
  let running: Promise<ChainReport> | undefined;
  let following: Promise<ChainReport> | undefined;
  const start = (): Promise<ChainReport> => {
    const walking = begin().finally(() => {
      if (running === walking) running = undefined;
    });
    running = walking;
    return walking;
  };
  return () => {
    if (!running) return start();
    following ??= running
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => {
        following = undefined;
        return start();
      });
    return following;
  };
}

async function walk({ database, databaseId, writer }: AuditOptions): Promise<ChainReport> {
  const remembered = writer.head;
  const steps = walkChain(databaseId);
  // The head before the entries: what is written while we walk comes after it and is left to the next walk.
  const stored = await database.query.selectFrom("control_audit_head").select(["entries", "hash"]).where("id", "=", 1).executeTakeFirst();
  const head = stored ?? { entries: 0, hash: chainStart(databaseId) };
  for (let after = -Infinity; steps.entries < head.entries; after = steps.entries) {
    const rows = await entriesAfter(database, { after, upTo: head.entries });
    if (rows.length === 0 || !rows.every((row) => steps.take(row))) break;
    // SQLite answers in this thread: others get their turn between two pages.
    await setImmediate();
  }
  steps.end(head);
  const broken = steps.broken ?? (await breakPastHead(database)) ?? breakBehind(remembered, head);
  return { entries: steps.entries, broken };
}

async function entriesAfter(database: Database<ControlTables>, range: { after: number; upTo: number }): Promise<AuditRow[]> {
  let query = database.query.selectFrom("control_audit").selectAll().where("sequence", "<=", range.upTo);
  // The first page begins at the lowest number there is, so that an entry smuggled in before the first is seen.
  if (range.after > -Infinity) query = query.where("sequence", ">", range.after);
  return await query.orderBy("sequence").limit(entriesMax).execute();
}

async function breakPastHead(database: Database<ControlTables>): Promise<ChainBreak | undefined> {
  return await database.transaction(async (transaction) => {
    const head = await transaction.selectFrom("control_audit_head").select("entries").where("id", "=", 1).executeTakeFirst();
    const last = await transaction.selectFrom("control_audit").select("sequence").orderBy("sequence", "desc").limit(1).executeTakeFirst();
    const [expected, found] = [head?.entries ?? 0, last?.sequence ?? 0];
    if (found <= expected) return undefined;
    return {
      sequence: expected + 1,
      message: `Expected ${expected} entries as the head says, found entry ${found}: it was added past the head.`,
    };
  });
}

function breakBehind(remembered: AuditWriter["head"], head: { entries: number }): ChainBreak | undefined {
  if (!remembered || remembered.entries <= head.entries) return undefined;
  const message = `Expected at least ${remembered.entries} entries, which this control has seen, found ${head.entries}: the end was cut off.`;
  return { sequence: head.entries + 1, message };
}
