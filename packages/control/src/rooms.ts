import { randomBytes } from "node:crypto";
import { Audit } from "@weir/api/audit";
import { Identity } from "@weir/api/identity";
import { Releases } from "@weir/api/releases";
import { Routes } from "@weir/api/routes";
import type { Snapshot } from "@weir/api/snapshots";
import { Snapshots } from "@weir/api/snapshots";
import { Traffic } from "@weir/api/traffic";
import type { NamedDaemon } from "@weir/kit/app/daemons";
import { Registry } from "@weir/kit/app/registry";
import type { Logger } from "@weir/kit/call";
import { Configs } from "@weir/kit/config/configs";
import type { Clock } from "@weir/kit/clock";
import type { Implementation } from "@weir/kit/rpc/implement";
import { implement } from "@weir/kit/rpc/implement";
import type { Daemon, Layer, Message } from "@weir/kit/service";
import type { AuditBook } from "./audit/audit.ts";
import { createAudit } from "./audit/audit.ts";
import { auditLayer } from "./audit/layer.ts";
import type { AuditWriter } from "./audit/writer.ts";
import { createWriter } from "./audit/writer.ts";
import type { Bell } from "./bell.ts";
import { createBell } from "./bell.ts";
import type { ConfigBook } from "./config/config-book.ts";
import { createConfigBook } from "./config/config-book.ts";
import { createConfigs } from "./config/configs.ts";
import { createInstanceLedger } from "./config/instance-ledger.ts";
import type { Current } from "./current.ts";
import { createCurrent } from "./current.ts";
import type { Fleet } from "./fleet.ts";
import { createAttempts } from "./identity/attempts.ts";
import type { BootstrapTokens } from "./identity/bootstrap.ts";
import { bootstrapTokens, checkBootstrapTokens } from "./identity/bootstrap.ts";
import { checkedName, createIdentity } from "./identity/identity.ts";
import { authenticateLayer, authoriseLayer } from "./identity/layers.ts";
import type { MadeLink } from "./identity/links.ts";
import { makeLink } from "./identity/links.ts";
import type { TokenBook } from "./identity/token-book.ts";
import { createTokenBook } from "./identity/token-book.ts";
import type { InstanceRegistry } from "./registry/registry.ts";
import { createRegistry } from "./registry/registry.ts";
import type { ReleaseBook } from "./releases/releases.ts";
import { createReleases } from "./releases/releases.ts";
import { createRoutes } from "./routes/routes.ts";
import type { LedgerKeeper } from "./snapshots/keeper.ts";
import { createLedgerKeeper } from "./snapshots/keeper.ts";
import { Ledger } from "./snapshots/ledger.ts";
import { createSnapshots } from "./snapshots/snapshots.ts";
import { createOwnership } from "./store/ownership.ts";
import type { Store } from "./store/store.ts";
import { openStore } from "./store/store.ts";
import type { InstanceState, RoleName } from "./tables.ts";
import type { Tally } from "./tally.ts";
import { createTally } from "./tally.ts";
import { createTraffic } from "./traffic/traffic.ts";
import type { TrafficBook } from "./traffic/traffic-book.ts";
import { createTrafficBook } from "./traffic/traffic-book.ts";
import { snapshotFrom } from "./translate/translate.ts";
import { controlActor } from "./write.ts";

/** What the rooms are opened with. */
export interface RoomsOptions {
  readonly databaseUrl: string;
  readonly bootstrapTokens: BootstrapTokens;
  readonly clock: Clock;
  readonly log: Logger;
  readonly leaseMs: number;
  readonly heartbeatMs: number;
}

/** All of control but its listeners: what answers, what stands around it, and what runs beside it. */
export interface Rooms {
  readonly implementations: readonly Implementation[];
  /** Around every method; the first is the outermost. */
  readonly layers: readonly Layer<Message<unknown>, Message<unknown>>[];
  /** Run until control stops, in this order. */
  readonly daemons: readonly NamedDaemon[];
  /** What was counted since the start. */
  readonly tally: Tally;
  /** Makes a one-time link in the name of whoever runs control. */
  createLink(person: { readonly name: string; readonly role: RoleName }): Promise<MadeLink>;
  observe(): RoomsObserved;
  /** Ends all streams, so that their clients look for another control. */
  endStreams(): void;
  close(): Promise<void>;
}

/** What the metrics tell. */
export interface RoomsObserved {
  readonly revision: number;
  readonly dataPlanesConnected: number;
  readonly dataPlanesBehind: number;
  readonly auditEntries: number;
  readonly auditBrokenSequence: number;
  readonly heartbeatLagMs: number;
  readonly trafficCells: number;
  readonly releaseWatchers: number;
  readonly instances: Readonly<Record<InstanceState, number>>;
}

/** Opens the database and furnishes the rooms around it: the one place where they meet. */
export async function openRooms(options: RoomsOptions): Promise<Rooms> {
  checkBootstrapTokens(options.bootstrapTokens);
  const store = await openStore(options);
  try {
    return await roomsOver(store, options);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function roomsOver(store: Store, options: RoomsOptions): Promise<Rooms> {
  const ground = await layGround(store, options);
  const { audit, writer, tokens, clock, current, ledger } = ground;
  const rooms = furnish(ground, options);
  const verification = createVerification(audit, options.log);
  const ownership = createOwnership({ store, clock, log: options.log, onLost: () => ground.ending.abort() });
  const guard = { tokens, attempts: createAttempts({ clock }), clock, onRefused: ground.tally.refused };
  return {
    implementations: rooms.implementations,
    layers: [
      // Nothing is answered by a control that no longer owns the database.
      ownership.layer,
      // Who it is; those of whom too much was refused end here.
      authenticateLayer(guard),
      // One act for everything further in; refusals are recorded under the name just found.
      auditLayer(writer),
      // What they may.
      authoriseLayer(guard),
    ],
    daemons: [
      { name: "ownership watch", daemon: ownership.watch, restart: true },
      { name: "lease watch", daemon: rooms.registry.watch, restart: true },
      { name: "ledger keeper", daemon: rooms.keeper.keep, restart: true },
      { name: "audit verification", daemon: verification.run, restart: true },
    ],
    tally: ground.tally,
    createLink({ name, role }) {
      const plan = { name: checkedName(name), role, reason: "asked for by whoever runs control", nowMs: clock.nowMs() };
      return writer.write({ actor: controlActor, action: "Identity.CreateLink" }, (act) => makeLink(act, plan));
    },
    observe: () => ({
      revision: current.state.revision,
      dataPlanesConnected: ledger.connected,
      dataPlanesBehind: ledger.list().filter((plane) => plane.connected && plane.acknowledgedRevision !== current.snapshot.revision).length,
      auditEntries: writer.head?.entries ?? 0,
      auditBrokenSequence: verification.brokenSequence(),
      heartbeatLagMs: rooms.registry.lagMs(),
      trafficCells: rooms.traffic.cells,
      releaseWatchers: rooms.releases.watchers(),
      instances: rooms.registry.counts(),
    }),
    endStreams: () => ground.ending.abort(),
    close: () => ground.store.close(),
  };
}

/** What all rooms stand on. */
interface Ground {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  /** The newest state and Snapshot. */
  readonly current: Current;
  /** Who holds which Snapshot. */
  readonly ledger: Ledger;
  readonly writer: AuditWriter;
  readonly audit: AuditBook;
  readonly tokens: TokenBook;
  readonly configs: ConfigBook;
  /** Rings for data planes: there is a newer Snapshot. */
  readonly bell: Bell;
  /** Rings for pages: anything that they show has changed. */
  readonly viewBell: Bell;
  readonly tally: Tally;
  /** Aborts when all streams are to end. */
  readonly ending: AbortController;
}

async function layGround(store: Store, { bootstrapTokens: texts, clock, log }: RoomsOptions): Promise<Ground> {
  const { database, databaseId, owner } = store;
  const start = await store.readStart();
  const [bell, viewBell] = [createBell(clock), createBell(clock)];
  const ledger = new Ledger(start.dataPlanes, () => current.snapshot.epoch);
  const onSnapshot = (snapshot: Snapshot): void => {
    ledger.remember(snapshot);
    bell.ring();
    viewBell.ring();
  };
  const current = await createCurrent({ read: store.readState, translate: snapshotFrom, onSnapshot, clock, log });
  const onCommitted = async (revision: number | undefined): Promise<void> => {
    if (revision !== undefined) await current.refresh();
  };
  const writer = createWriter({ database, databaseId, owner, head: start.auditHead, clock, onCommitted });
  const audit = createAudit({ database, databaseId, writer });
  const tokens = createTokenBook(start.tokens);
  const configs = createConfigBook({ configs: start.configs, keys: start.configKeys });
  const origin = { actor: controlActor, action: "Identity.Bootstrap" };
  await writer.write(origin, (act) => bootstrapTokens(act, tokens, { texts, nowMs: clock.nowMs() }));
  return {
    store,
    clock,
    log,
    current,
    ledger,
    writer,
    audit,
    tokens,
    configs,
    bell,
    viewBell,
    tally: createTally(),
    ending: new AbortController(),
  };
}

interface Furnished {
  readonly implementations: readonly Implementation[];
  readonly registry: InstanceRegistry;
  readonly releases: ReleaseBook;
  readonly keeper: LedgerKeeper;
  readonly traffic: TrafficBook;
}

function furnish(ground: Ground, options: RoomsOptions): Furnished {
  const { current, ledger, clock, log, bell, viewBell, tokens, audit, tally } = ground;
  const { database } = ground.store;
  const { write } = ground.writer;
  const { signal } = ground.ending;
  const { leaseMs, heartbeatMs } = options;
  const fleet: Fleet = {
    revision: () => current.state.revision,
    instances: (service) => registry.instances(service),
    registry: (service) => registry.registry(service),
    holders: (release) => ledger.holders(release),
  };
  const salt = (): string => randomBytes(8).toString("hex");
  const releases = createReleases({ database, current, fleet, bell: viewBell, clock, signal, salt });
  const { instances: rows } = current.state;
  const registry = createRegistry({ rows, write, versionSeen: releases.versionSeen, bell, signal, clock, log, leaseMs, heartbeatMs });
  const keeper = createLedgerKeeper({ ledger, database, clock, log });
  const onAcknowledged = tally.acknowledged;
  const snapshots = createSnapshots({
    current,
    ledger,
    keeper,
    bell,
    viewBell,
    write,
    clock,
    log,
    signal,
    graceMs: leaseMs,
    onAcknowledged,
  });
  const book = createTrafficBook();
  const traffic = createTraffic({ book, current, silence: createBell(clock), clock, signal, onUnrouted: tally.unrouted });
  const configs = createConfigs({
    book: ground.configs,
    ledger: createInstanceLedger(clock),
    write,
    bell: createBell(clock),
    clock,
    signal,
  });
  const implementations = [
    implement(Registry, registry.handlers),
    implement(Releases, releases.handlers),
    implement(Routes, createRoutes({ database })),
    implement(Snapshots, snapshots),
    implement(Traffic, traffic),
    implement(Identity, createIdentity({ tokens, clock })),
    implement(Audit, audit.handlers),
    implement(Configs, configs),
  ];
  return { implementations, registry, releases, keeper, traffic: book };
}

interface Verification {
  readonly run: Daemon;
  brokenSequence(): number;
}

/** Walks the audit chain once at the start, beside everything else, and says aloud when it is broken. */
function createVerification(audit: AuditBook, log: Logger): Verification {
  let brokenSequence = 0;
  return {
    brokenSequence: () => brokenSequence,
    async run() {
      try {
        const { entries, broken } = await audit.verify();
        brokenSequence = broken?.sequence ?? 0;
        if (broken) log.error("the audit chain is broken", { entry: broken.sequence, found: broken.message });
        else log.info("the audit chain is whole", { entries });
      } catch (error) {
        log.error("the audit chain could not be verified", { error });
      }
    },
  };
}
