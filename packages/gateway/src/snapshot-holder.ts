import { snapshotChanges, validateSnapshot } from "@weir/api/snapshot";
import type { Refusal, Snapshot } from "@weir/api/snapshots";
import type { Logger } from "@weir/kit/call";
import { faultFrom } from "@weir/kit/fault";
import { gatewayReasons } from "./reasons.ts";
import type { SnapshotFile } from "./snapshot-file.ts";

/** Holds the one Snapshot that the gateway serves by, and decides whether a new one takes its place. */
export interface SnapshotHolder {
  current(): Snapshot | undefined;
  /** Reads the stored Snapshot, if there is one. A damaged one is told and left: the gateway starts empty. */
  restore(): Promise<void>;
  /**
   * What control need not send again: what it has sent since the start. A restored Snapshot is asked for again, since only
   * the original tells what has to be refused of it.
   */
  confirmed(): Pick<Snapshot, "epoch" | "revision">;
  /**
   * One at a time, in the order of arrival. Answers what may be acknowledged: undefined as long as it is not stored.
   * Never rejects.
   */
  take(incoming: Snapshot): Promise<Acknowledgement | undefined>;
  /** What may be acknowledged of the Snapshot held, the same object each time. Tries again to store it if need be. */
  settle(): Promise<Acknowledgement | undefined>;
}

/** A Snapshot and what was refused of it. */
export interface Acknowledgement {
  readonly snapshot: Pick<Snapshot, "epoch" | "revision">;
  readonly refusals: readonly Refusal[];
}

/** What a holder works with. */
export interface SnapshotHolderOptions {
  /** None: nothing is stored, and a restart starts empty. */
  readonly file: SnapshotFile | undefined;
  /** Makes it the one to serve by, at once. */
  readonly apply: (snapshot: Snapshot) => void;
  readonly log: Logger;
}

/** A holder that holds nothing yet. */
export function createSnapshotHolder(options: SnapshotHolderOptions): SnapshotHolder {
  const { file, apply, log } = options;
  let held: Snapshot | undefined;
  let refusalsHeld: readonly Refusal[] = [];
  let settled: Acknowledgement | undefined;
  let confirmed = false;
  let turn: Promise<unknown> = Promise.resolve();

  function hold(snapshot: Snapshot, refusals: readonly Refusal[]): void {
    const changes = snapshotChanges(held, snapshot).map((change) => `${change.kind}/${change.name}`);
    held = snapshot;
    refusalsHeld = refusals;
    apply(snapshot);
    const fields = { epoch: snapshot.epoch, revision: snapshot.revision, changes: changes.slice(0, 20), changesCount: changes.length };
    if (refusals.length === 0) log.info("snapshot applied", fields);
    else log.warn("snapshot applied in part", { ...fields, refusals });
  }
  async function store(snapshot: Snapshot, refusals: readonly Refusal[]): Promise<void> {
    settled = undefined;
    try {
      await file?.write(snapshot);
      settled = { snapshot: { epoch: snapshot.epoch, revision: snapshot.revision }, refusals };
    } catch (thrown) {
      // Users must move even when the disk is full; only the acknowledgement has to wait.
      log.error("snapshot not stored", { revision: snapshot.revision, error: faultFrom(thrown) });
    }
  }
  async function take(incoming: Snapshot): Promise<Acknowledgement | undefined> {
    const refused = refusalOfWhole(incoming, held);
    if (refused !== undefined) {
      log.warn("snapshot refused", { epoch: incoming.epoch, revision: incoming.revision, ...refused });
      return { snapshot: incoming, refusals: [refused] };
    }
    const known = confirmed && held?.epoch === incoming.epoch && held.revision === incoming.revision;
    if (!known) {
      const { snapshot, refusals } = validateSnapshot(incoming, held);
      await store(snapshot, refusals);
      hold(snapshot, refusals);
      confirmed = true;
    }
    return settle();
  }
  async function settle(): Promise<Acknowledgement | undefined> {
    if (held === undefined || !confirmed) return undefined;
    if (settled === undefined) await store(held, refusalsHeld);
    return settled;
  }
  function inTurn<T>(action: () => Promise<T>): Promise<T> {
    const done = turn.then(action);
    turn = done.catch(() => undefined);
    return done;
  }
  return {
    current: () => held,
    async restore() {
      try {
        const found = await file?.read();
        if (found === undefined) return;
        const { snapshot, refusals } = validateSnapshot(found, undefined);
        hold(snapshot, refusals);
      } catch (thrown) {
        log.error("stored snapshot refused", { error: faultFrom(thrown) });
      }
    },
    confirmed: () => (confirmed && held !== undefined ? held : { epoch: "", revision: 0n }),
    take: (incoming) => inTurn(() => take(incoming)),
    settle: () => inTurn(settle),
  };
}

/** Why a Snapshot is not even looked at: it would bring back the past, or wipe all routes by mistake. */
function refusalOfWhole(incoming: Snapshot, held: Snapshot | undefined): Refusal | undefined {
  if (held === undefined) return undefined;
  if (incoming.epoch === held.epoch) {
    if (incoming.revision >= held.revision) return undefined;
    return refusalFor(gatewayReasons.SNAPSHOT_STALE, `expected revision ${held.revision} or later, found ${incoming.revision}`);
  }
  if (incoming.routes.length > 0 || held.routes.length === 0) return undefined;
  return refusalFor(
    gatewayReasons.SNAPSHOT_EMPTY,
    `expected routes in the first Snapshot of a new epoch, found none; ${held.routes.length} are held`,
  );
}

function refusalFor({ reason }: { readonly reason: string }, message: string): Refusal {
  return { resource: "snapshot", reason, message };
}
