import type { Transaction } from "kysely";
import type { Clock } from "@weir/kit/clock";
import { coreReasons, fault } from "@weir/kit/fault";
import type { Database } from "@weir/kit/store";
import { controlReasons } from "../reasons.ts";
import type { AuditHeadRow, ControlTables } from "../tables.ts";
import type { Change, Origin, Write, Writer } from "../write.ts";
import type { AuditDraft } from "./chain.ts";
import { canonicalJson, chainStart, linked } from "./chain.ts";

/** What the writer works on. */
export interface WriterOptions {
  readonly database: Database<ControlTables>;
  readonly databaseId: string;
  /** The run of control that may write; another one in the database means that this one has been superseded. */
  readonly owner: string;
  /** The end of the chain as it was found at the start, to know one that is cut off while this control runs. */
  readonly head?: Pick<AuditHeadRow, "entries" | "hash"> | undefined;
  readonly clock: Clock;
  /**
   * Told after each act that changed something; `revision` is undefined when the Snapshot stayed as it was. Whoever began
   * the act is answered when this has settled, so that they see what they did; the next act does not wait for it.
   */
  readonly onCommitted: (revision: number | undefined) => Promise<void>;
  /** Acts that may wait for their turn. Default 1000. */
  readonly waitingMax?: number;
}

/** The writer, and what it knows of the chain it writes. */
export interface AuditWriter {
  readonly write: Writer;
  /** Hangs one entry on the chain for an act that was refused. */
  refuse(origin: Origin, refusal: Refused): Promise<void>;
  /** The end of the chain as this process last saw it; undefined when there is none yet. */
  readonly head: Pick<AuditHeadRow, "entries" | "hash"> | undefined;
}

/** An act that was refused, and the reason of the Fault that refused it. */
export interface Refused extends Pick<Change, "resource" | "to" | "reason"> {
  readonly outcome: string;
}

type Head = Pick<AuditHeadRow, "entries" | "hash">;

interface Attempt {
  readonly write: Write;
  readonly drafts: AuditDraft[];
  readonly actions: (() => void)[];
  revision: number | undefined;
}

/**
 * Runs acts one after the other: each is one transaction that holds the change, its audit entries and its revision.
 * Errors: WRITES_TOO_MANY, CONTROL_SUPERSEDED, those of the database, and whatever an act itself rejects with.
 */
export function createWriter(options: WriterOptions): AuditWriter {
  const { database, clock, onCommitted, waitingMax = 1000 } = options;
  let head: Head | undefined = options.head;
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  function inTurn<R>(origin: Origin, act: () => Promise<R>): Promise<R> {
    if (waiting >= waitingMax) {
      return Promise.reject(fault(controlReasons.WRITES_TOO_MANY, `Expected at most ${waitingMax} changes waiting, found as many.`));
    }
    waiting += 1;
    const begin = async (): Promise<R> => {
      waiting -= 1;
      assertWanted(origin);
      return await act();
    };
    const result = last.then(begin);
    last = result.catch(() => undefined);
    return result;
  }

  async function commit<R>(origin: Origin, body: (attempt: Attempt) => Promise<R>): Promise<{ result: R; attempt: Attempt }> {
    const done = await database.transaction(async (transaction) => {
      await assertOwner(transaction, options.owner);
      const attempt = createAttempt(transaction, { origin, clock });
      const result = await body(attempt);
      if (attempt.revision !== undefined && attempt.drafts.length === 0) {
        throw fault(controlReasons.UNAUDITED, `Expected ${origin.action} to note what it changed, found a new revision without a note.`);
      }
      const end = await append(transaction, { drafts: attempt.drafts, databaseId: options.databaseId });
      return { attempt, result, end };
    });
    if (done.end) head = done.end;
    for (const action of done.attempt.actions) action();
    return done;
  }

  async function act<R>(origin: Origin, body: (attempt: Attempt) => Promise<R>): Promise<R> {
    const { result, attempt } = await inTurn(origin, () => commit(origin, body));
    if (attempt.drafts.length > 0) await onCommitted(attempt.revision);
    return result;
  }

  return {
    get head() {
      return head;
    },
    write: (origin, body) => act(origin, (attempt) => body(attempt.write)),
    refuse: (origin, refusal) =>
      act({ ...origin, call: undefined }, async ({ drafts }) => {
        drafts.push(draftOf({ ...refusal, from: undefined }, { origin, atMs: clock.nowMs(), outcome: refusal.outcome }));
      }),
  };
}

function assertWanted({ call }: Origin): void {
  if (call?.ended) throw call.ended;
  if (call && call.remainingMs() <= 0) throw fault(coreReasons.DEADLINE_EXCEEDED, "The deadline passed before the change could begin.");
}

async function assertOwner(transaction: Transaction<ControlTables>, owner: string): Promise<void> {
  const state = await transaction.selectFrom("control_state").select("owner").where("id", "=", 1).executeTakeFirst();
  if (state?.owner === owner) return;
  throw fault(controlReasons.CONTROL_SUPERSEDED, "Expected to own the database, found that another control has taken it over.");
}

function createAttempt(transaction: Transaction<ControlTables>, context: { origin: Origin; clock: Clock }): Attempt {
  const { origin, clock } = context;
  const atMs = clock.nowMs();
  let revising: Promise<number> | undefined;
  const attempt: Attempt = {
    drafts: [],
    actions: [],
    revision: undefined,
    write: {
      transaction,
      actor: origin.actor,
      note: (change) => void attempt.drafts.push(draftOf(change, { origin, atMs, outcome: "done" })),
      afterCommit: (action) => void attempt.actions.push(action),
      revise: () =>
        (revising ??= raiseRevision(transaction, atMs).then((revision) => {
          attempt.revision = revision;
          return revision;
        })),
    },
  };
  return attempt;
}

async function raiseRevision(transaction: Transaction<ControlTables>, atMs: number): Promise<number> {
  const raised = await transaction
    .updateTable("control_state")
    .set((fields) => ({ revision: fields("revision", "+", 1), made_at_ms: atMs }))
    .where("id", "=", 1)
    .returning("revision")
    .executeTakeFirstOrThrow();
  return raised.revision;
}

function draftOf(change: Change, context: { origin: Origin; atMs: number; outcome: string }): AuditDraft {
  return {
    at_ms: context.atMs,
    actor: change.actor ?? context.origin.actor,
    action: change.action ?? context.origin.action,
    resource: change.resource,
    from_json: change.from === undefined ? "" : canonicalJson(change.from),
    to_json: change.to === undefined ? "" : canonicalJson(change.to),
    reason: change.reason,
    outcome: context.outcome,
  };
}

async function append(
  transaction: Transaction<ControlTables>,
  entry: { drafts: readonly AuditDraft[]; databaseId: string },
): Promise<Head | undefined> {
  if (entry.drafts.length === 0) return undefined;
  const known = await transaction.selectFrom("control_audit_head").select(["entries", "hash"]).where("id", "=", 1).executeTakeFirst();
  let head: Head = known ?? { entries: 0, hash: chainStart(entry.databaseId) };
  for (const draft of entry.drafts) {
    const row = linked(draft, head);
    await transaction.insertInto("control_audit").values(row).execute();
    head = { entries: row.sequence, hash: row.hash };
  }
  if (known) await transaction.updateTable("control_audit_head").set(head).where("id", "=", 1).execute();
  else
    await transaction
      .insertInto("control_audit_head")
      .values({ id: 1, ...head })
      .execute();
  return head;
}
