import { isName } from "@weir/api/names";
import type { AcknowledgeRequest, Refusal, Snapshot, SnapshotsHandlers, SubscribeRequest, SubscribeResponse } from "@weir/api/snapshots";
import type { Call, Logger } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import { fault } from "@weir/kit/fault";
import type { Bell } from "../bell.ts";
import type { Current } from "../current.ts";
import { quoted } from "../quoted.ts";
import { controlReasons } from "../reasons.ts";
import type { Writer } from "../write.ts";
import { controlActor } from "../write.ts";
import type { LedgerKeeper } from "./keeper.ts";
import type { Holding, Ledger } from "./ledger.ts";

/** What streaming Snapshots works with. */
export interface SnapshotsOptions {
  readonly current: Current;
  readonly ledger: Ledger;
  readonly keeper: LedgerKeeper;
  /** Rings when there is a newer Snapshot. */
  readonly bell: Bell;
  /** Rung when a data plane holds another revision, came or went. */
  readonly viewBell: Bell;
  readonly write: Writer;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends the streams when control goes down. */
  readonly signal: AbortSignal;
  /** Instances have this long to come back before a data plane that knows another epoch is given a poorer Snapshot. */
  readonly graceMs: number;
  /** Told of every acknowledgement, with the number of refusals in it. */
  readonly onAcknowledged: (refusals: number) => void;
}

const beatMs = 1000;
const subscriptionsMax = 1000;
const dataPlanesMax = 2000;
const refusalsMax = 1000;
const messageCharactersMax = 500;
const resourceCharactersMax = 200;
const renewEveryMs = 60_000;

/** Streams Snapshots and hears what became of them. Errors: DATA_PLANE_INVALID, DATA_PLANES_TOO_MANY, REVISION_UNKNOWN. */
export function createSnapshots(options: SnapshotsOptions): SnapshotsHandlers {
  const { current, ledger, keeper, viewBell, clock } = options;
  const startedAtMs = clock.monotonicMs();
  const renewEpoch = createEpochRenewal(options);
  return {
    async *subscribe(request, call) {
      const name = checkedName(request.dataPlane);
      refuseTooMany(ledger, name);
      refuseSubscriptions(ledger);
      ledger.connect(name, clock.nowMs());
      viewBell.ring();
      try {
        if (request.epoch === current.snapshot.epoch) {
          if (request.revision > current.snapshot.revision) await renewEpoch(request);
          else if (request.revision > 0n) ledger.hold({ ...heldBy(request, clock), refusals: undefined });
        }
        yield* stream(options, { request, call, startedAtMs });
      } finally {
        ledger.disconnect(name, clock.nowMs());
        viewBell.ring();
      }
    },
    async acknowledge(request) {
      const name = checkedName(request.dataPlane);
      refuseTooMany(ledger, name);
      const { snapshot } = current;
      if (request.epoch !== snapshot.epoch) {
        ledger.hear(name, clock.nowMs());
        return {};
      }
      if (request.revision > snapshot.revision) {
        throw fault(controlReasons.REVISION_UNKNOWN, `Expected a revision of at most ${snapshot.revision}, found ${request.revision}.`);
      }
      const refusals = checkedRefusals(request);
      const { changed, refusalsChanged } = ledger.hold({ ...heldBy(request, clock), refusals });
      options.onAcknowledged(refusals.length);
      if (changed) viewBell.ring();
      if (refusalsChanged) await keeper.now(name);
      else if (changed) keeper.later(name);
      return {};
    },
    async listDataPlanes() {
      return { revision: current.snapshot.revision, dataPlanes: ledger.list() };
    },
  };
}

function heldBy(request: SubscribeRequest | AcknowledgeRequest, clock: Clock): Omit<Holding, "refusals"> {
  return { name: request.dataPlane, epoch: request.epoch, revision: Number(request.revision), nowMs: clock.nowMs() };
}

interface Subscription {
  readonly request: SubscribeRequest;
  readonly call: Call;
  readonly startedAtMs: number;
}

async function* stream(options: SnapshotsOptions, subscription: Subscription): AsyncGenerator<SubscribeResponse, void, undefined> {
  const { bell, current, ledger, clock } = options;
  const { request, call } = subscription;
  const signal = AbortSignal.any([call.signal, options.signal]);
  let { epoch, revision } = request;
  while (!signal.aborted) {
    const since = bell.rings;
    const { snapshot } = current;
    const isNew = snapshot.epoch !== epoch || snapshot.revision !== revision;
    if (isNew && mayTake(options, { snapshot, epochHeld: epoch, startedAtMs: subscription.startedAtMs })) {
      ({ epoch, revision } = snapshot);
      yield { snapshot };
    } else {
      yield { snapshot: undefined };
    }
    // The client has taken the last message, so it is alive.
    ledger.hear(request.dataPlane, clock.nowMs());
    await bell.heard(since, { timeoutMs: beatMs, signal });
  }
}

/**
 * A database that was lost must not wipe data planes that still serve well: to one that knows another epoch a Snapshot is
 * given only once there is something to serve and instances had their time to come back.
 */
function mayTake(
  { clock, graceMs }: SnapshotsOptions,
  { snapshot, epochHeld, startedAtMs }: { snapshot: Snapshot; epochHeld: string; startedAtMs: number },
): boolean {
  if (epochHeld === "" || epochHeld === snapshot.epoch) return true;
  const isPoor = snapshot.routes.length === 0 || !snapshot.clusters.some(({ endpoints }) => endpoints.length > 0);
  return !isPoor && clock.monotonicMs() - startedAtMs >= graceMs;
}

/**
 * A data plane that holds a later revision than this database has made shows that an older state was restored. Under the
 * same epoch it would never go back to it, so the epoch is made anew. At most once a minute.
 */
function createEpochRenewal({ current, write, clock, log }: SnapshotsOptions): (request: SubscribeRequest) => Promise<void> {
  let renewedAtMs = -Infinity;
  return async (request) => {
    if (clock.monotonicMs() - renewedAtMs < renewEveryMs) return;
    renewedAtMs = clock.monotonicMs();
    const found = `${request.dataPlane} holds revision ${request.revision}, of which this database knows nothing: it was restored`;
    log.warn("a new epoch begins", { reason: found });
    try {
      await write({ actor: controlActor, action: "Snapshots.RenewEpoch" }, async (act) => {
        const epoch = crypto.randomUUID().replaceAll("-", "");
        await act.transaction.updateTable("control_state").set({ epoch }).where("id", "=", 1).execute();
        act.note({ resource: "snapshot", from: { epoch: request.epoch }, to: { epoch }, reason: found });
        await act.revise();
      });
    } catch (error) {
      renewedAtMs = -Infinity;
      throw error;
    }
    await current.refresh();
  };
}

function checkedName(name: string): string {
  if (isName(name)) return name;
  throw fault(
    controlReasons.DATA_PLANE_INVALID,
    `Expected a data plane named by 1 to 63 of a-z, 0-9, dot and dash, found ${quoted(name)}.`,
  );
}

function refuseTooMany(ledger: Ledger, name: string): void {
  if (ledger.has(name) || ledger.size < dataPlanesMax) return;
  throw fault(controlReasons.DATA_PLANES_TOO_MANY, `Expected at most ${dataPlanesMax} data planes, found as many.`);
}

function refuseSubscriptions(ledger: Ledger): void {
  if (ledger.connections < subscriptionsMax) return;
  throw fault(controlReasons.DATA_PLANES_TOO_MANY, `Expected at most ${subscriptionsMax} subscriptions, found as many.`);
}

function checkedRefusals(request: AcknowledgeRequest): Refusal[] {
  if (request.refusals.length > refusalsMax) {
    throw fault(controlReasons.DATA_PLANE_INVALID, `Expected at most ${refusalsMax} refusals, found ${request.refusals.length}.`);
  }
  return request.refusals.map(({ resource, reason, message }) => ({
    resource: resource.slice(0, resourceCharactersMax),
    reason: reason.slice(0, resourceCharactersMax),
    message: message.slice(0, messageCharactersMax),
  }));
}
