import type { InstanceView } from "@weir/api/releases";
import type { InstanceStatus, RegistryHandlers } from "@weir/kit/app/registry";
import type { Call, Logger } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import { fault } from "@weir/kit/fault";
import type { Daemon } from "@weir/kit/service";
import type { Bell } from "../bell.ts";
import { assertMayTouch, callerOf, mayTouch } from "../caller.ts";
import { standingOf } from "../last-known.ts";
import { controlReasons } from "../reasons.ts";
import type { InstanceRow, InstanceState } from "../tables.ts";
import type { Write, Writer } from "../write.ts";
import { controlActor, writeOf } from "../write.ts";
import type { InstanceBook } from "./instance-book.ts";
import { createInstanceBook } from "./instance-book.ts";
import { instanceFrom, noteOf, rowFrom, rowInState, sameInstance, stateFrom, stateNameFrom, viewFrom } from "./instance-row.ts";
import type { LeaseTable } from "./lease-table.ts";
import { createLeaseTable } from "./lease-table.ts";
import { createWatchInstances } from "./watch-instances.ts";

/** What the registry works with. */
export interface RegistryOptions {
  /** What is stored. Those that are not gone have one lease to come back. */
  readonly rows: readonly InstanceRow[];
  readonly write: Writer;
  /** Told of every version that registers, as part of that act. */
  readonly versionSeen: (write: Write, seen: { readonly service: string; readonly version: string }) => Promise<void>;
  /** Rings when an instance came, went or changed its state. */
  readonly bell: Bell;
  /** Ends the streams when control goes down. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a registration holds without a heartbeat. Default 1500. */
  readonly leaseMs?: number;
  /** How often a heartbeat is wanted. Default 500. */
  readonly heartbeatMs?: number;
  /** Instances that are not gone. Default 2000. */
  readonly instancesMax?: number;
}

/** Who runs, and the watch over who no longer does. */
export interface InstanceRegistry {
  readonly handlers: RegistryHandlers;
  /** Takes out those whose lease ran out, and forgets those long gone. */
  readonly watch: Daemon;
  /** One look of that watch. */
  look(): Promise<void>;
  instances(service: string): InstanceView[];
  registry(service: string): { readonly empty: boolean; readonly changedAtMs: number };
  /** For the metrics. */
  counts(): Readonly<Record<InstanceState, number>>;
  /** How far the tardiest heartbeat is behind. */
  lagMs(): number;
}

const lookEveryMs = 100;
const forgetEveryMs = 10_000;
/** A gone instance is shown so long. */
const goneMs = 15 * 60_000;
const goneMax = 2000;

interface RegistryRoom extends Required<RegistryOptions> {
  readonly book: InstanceBook;
  readonly leases: LeaseTable;
  readonly startedAtMs: number;
}

/** The registry. Heartbeats stay in memory; what changes is stored. Errors: INSTANCE_INVALID, INSTANCES_TOO_MANY, those of limited tokens. */
export function createRegistry(options: RegistryOptions): InstanceRegistry {
  const { leaseMs = 1500, heartbeatMs = 500, instancesMax = 2000, clock } = options;
  const leases = createLeaseTable({ leaseMs, heartbeatMs, lookEveryMs });
  const book = createInstanceBook(options.rows);
  const room: RegistryRoom = { ...options, leaseMs, heartbeatMs, instancesMax, book, leases, startedAtMs: clock.nowMs() };
  for (const { id, state } of options.rows) if (state !== "GONE") leases.renew(id, clock.monotonicMs());
  const look = createLook(room);
  return {
    handlers: createHandlers(room),
    watch: async (signal) => {
      while (!signal.aborted) {
        await look();
        await clock.sleep(lookEveryMs, signal).catch(() => undefined);
      }
    },
    look,
    instances: (service) => book.list(service).map(({ row, heardAtMs }) => viewFrom(row, heardAtMs || row.registered_at_ms)),
    registry: (service) => registryOf(room, service),
    counts() {
      const counts = { STARTING: 0, SERVING: 0, DRAINING: 0, GONE: 0 };
      for (const { row } of book.list()) counts[row.state] += 1;
      return counts;
    },
    lagMs: () => leases.lagMs(clock.monotonicMs()),
  };
}

function createHandlers(room: RegistryRoom): RegistryHandlers {
  const { book, leases, clock } = room;
  const heard = (id: string): void => {
    leases.renew(id, clock.monotonicMs());
    book.hear(id, clock.nowMs());
  };
  const list = (service: string, call: Call): InstanceStatus[] => {
    const caller = callerOf(call);
    const known = book.list(service === "" ? undefined : service).filter(({ row }) => mayTouch(caller, row.service));
    return known.map(({ row, heardAtMs }) => statusFrom(room, row, heardAtMs));
  };
  const watch = createWatchInstances({ list, bell: room.bell, clock, signal: room.signal });
  return {
    async register({ instance, state }, call) {
      const row = rowFrom(instance, { state, nowMs: clock.nowMs() });
      const write = writeOf(call);
      const before = await storedRow(write, row.id);
      if (before) assertMayTouch(call, before.service);
      if (!before || !sameInstance(before, row)) await enter(room, write, { before, row });
      write.afterCommit(() => heard(row.id));
      return { leaseMs: room.leaseMs, heartbeatMs: room.heartbeatMs };
    },
    async heartbeat({ instanceId, state }, call) {
      const row = book.get(instanceId)?.row;
      if (!row || row.state === "GONE") return { known: false };
      assertMayTouch(call, row.service);
      heard(instanceId);
      const next = stateNameFrom(state);
      if (next === undefined || next === row.state) return { known: true };
      const origin = { actor: callerOf(call).name, action: "Registry.Heartbeat", call };
      return {
        known: await room.write(origin, (write) => move(room, write, { id: instanceId, state: next, by: "goodbye", reason: "said so" })),
      };
    },
    async deregister({ instanceId }, call) {
      const write = writeOf(call);
      const row = await storedRow(write, instanceId);
      if (row) assertMayTouch(call, row.service);
      return { known: await move(room, write, { id: instanceId, state: "GONE", by: "goodbye", reason: "said goodbye" }) };
    },
    async listInstances({ service }, call) {
      return { instances: list(service, call) };
    },
    watch({ service }, call) {
      assertMayTouch(call, service);
      return watch(service, call);
    },
  };
}

function statusFrom({ leases, clock, startedAtMs }: RegistryRoom, row: InstanceRow, heardAtMs: number): InstanceStatus {
  const ageMs = clock.nowMs() - (heardAtMs || startedAtMs);
  return {
    instance: instanceFrom(row),
    state: stateFrom(row.state),
    registeredAtMs: BigInt(row.registered_at_ms),
    heartbeatAgeMs: Math.min(Math.max(0, Math.round(ageMs)), 4_294_967_295),
    live: row.state !== "GONE" && leases.holds(row.id, clock.monotonicMs()),
  };
}

async function storedRow(write: Write, id: string): Promise<InstanceRow | undefined> {
  return await write.transaction.selectFrom("control_instances").selectAll().where("id", "=", id).executeTakeFirst();
}

/** Stores an instance that registers, in place of what was known under its id. */
async function enter(room: RegistryRoom, write: Write, entry: { before: InstanceRow | undefined; row: InstanceRow }): Promise<void> {
  const { before, row } = entry;
  if (!before || before.state === "GONE") await refuseTooMany(room, write);
  const left =
    before?.service === row.service && row.state !== "SERVING"
      ? rowInState(before, { state: row.state, by: "goodbye", nowMs: row.registered_at_ms })
      : row;
  const stored: InstanceRow = { ...row, left_at_ms: left.left_at_ms, left_by: left.left_by };
  if (before) await write.transaction.updateTable("control_instances").set(stored).where("id", "=", row.id).execute();
  else await write.transaction.insertInto("control_instances").values(stored).execute();
  const reason = before ? "registered again" : "registered";
  write.note({ resource: `instance/${row.id}`, from: before && noteOf(before), to: noteOf(stored), reason });
  await write.revise();
  await room.versionSeen(write, { service: row.service, version: row.version });
  write.afterCommit(() => room.book.put(stored));
}

async function refuseTooMany({ instancesMax }: RegistryRoom, write: Write): Promise<void> {
  const { there } = await write.transaction
    .selectFrom("control_instances")
    .select((fields) => fields.fn.countAll<number>().as("there"))
    .where("state", "!=", "GONE")
    .executeTakeFirstOrThrow();
  if (there < instancesMax) return;
  throw fault(controlReasons.INSTANCES_TOO_MANY, `Expected at most ${instancesMax} instances, found as many.`);
}

interface Move {
  readonly id: string;
  readonly state: InstanceState;
  readonly by: "lease" | "goodbye";
  readonly reason: string;
}

/** Brings an instance to another state; answers whether it was there. */
async function move({ book, leases, clock }: RegistryRoom, write: Write, { id, state, by, reason }: Move): Promise<boolean> {
  const row = await storedRow(write, id);
  if (!row || row.state === "GONE") return false;
  if (row.state === state) return true;
  const moved = rowInState(row, { state, by, nowMs: clock.nowMs() });
  await write.transaction.updateTable("control_instances").set(moved).where("id", "=", id).execute();
  write.note({ resource: `instance/${id}`, from: noteOf(row), to: noteOf(moved), reason });
  await write.revise();
  write.afterCommit(() => {
    book.put(moved);
    if (state === "GONE") leases.end(id);
  });
  return true;
}

/** One look at the leases at a time: one that waits for the database is not joined by others. */
function createLook(room: RegistryRoom): () => Promise<void> {
  const { clock, log } = room;
  let looking = false;
  let forgotAtMs = clock.monotonicMs();
  return async () => {
    if (looking) return;
    looking = true;
    try {
      await takeOutExpired(room);
      if (clock.monotonicMs() - forgotAtMs < forgetEveryMs) return;
      forgotAtMs = clock.monotonicMs();
      await forgetGone(room);
    } catch (error) {
      log.error("instances could not be taken out; tried again with the next look", { error });
    } finally {
      looking = false;
    }
  };
}

async function takeOutExpired(room: RegistryRoom): Promise<void> {
  const { leases, clock, write, leaseMs } = room;
  const expired = leases.expired(clock.monotonicMs());
  if (expired.length === 0) return;
  const reason = `not heard of for ${leaseMs} ms`;
  await write({ actor: controlActor, action: "Registry.Expire" }, async (act) => {
    for (const id of expired) {
      // It may have been heard of while this act waited for its turn.
      if (leases.holds(id, clock.monotonicMs())) continue;
      const there = await move(room, act, { id, state: "GONE", by: "lease", reason });
      if (!there) act.afterCommit(() => leases.end(id));
    }
  });
}

async function forgetGone({ book, clock, write }: RegistryRoom): Promise<void> {
  const ids = book.forgettable({ beforeMs: clock.nowMs() - goneMs, keptMax: goneMax });
  if (ids.length === 0) return;
  await write({ actor: controlActor, action: "Registry.Forget" }, async (act) => {
    for (const id of ids) {
      await act.transaction.deleteFrom("control_instances").where("id", "=", id).where("state", "=", "GONE").execute();
    }
    act.afterCommit(() => {
      for (const id of ids) if (book.get(id)?.row.state === "GONE") book.remove(id);
    });
  });
}

function registryOf({ book, leases, clock, startedAtMs }: RegistryRoom, service: string): { empty: boolean; changedAtMs: number } {
  const known = book.list(service);
  const rows = known.map(({ row }) => row);
  const isHeard = known.some(({ row, heardAtMs }) => row.state === "SERVING" && heardAtMs > 0 && leases.holds(row.id, clock.monotonicMs()));
  const changedAtMs = Math.max(0, ...rows.map((row) => Math.max(row.registered_at_ms, row.left_at_ms, row.gone_at_ms)));
  if (isHeard || rows.length === 0) return { empty: false, changedAtMs };
  // Right after a start nobody has been heard of yet, though the stored rows still say that they serve.
  const unheard = !standingOf(rows).lastKnown;
  return { empty: true, changedAtMs: unheard ? startedAtMs : changedAtMs };
}
