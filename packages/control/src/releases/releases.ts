import type { Transaction } from "kysely";
import type { Release, ReleasesHandlers, WatchReleaseResponse } from "@weir/api/releases";
import { isName, isVersion } from "@weir/api/names";
import type { Call } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import { fault } from "@weir/kit/fault";
import type { Database } from "@weir/kit/store";
import type { Bell } from "../bell.ts";
import { pulses } from "../bell.ts";
import { callerOf, mayTouch } from "../caller.ts";
import type { Current } from "../current.ts";
import type { Fleet } from "../fleet.ts";
import { quoted } from "../quoted.ts";
import { reasonText } from "../reason-text.ts";
import { controlReasons } from "../reasons.ts";
import type { ControlTables, ReleaseRow } from "../tables.ts";
import type { Write } from "../write.ts";
import { controlActor, writeOf } from "../write.ts";
import type { ReleaseShape } from "./release.ts";
import { firstRelease, releaseBegun, releaseWithVersion, releaseWithWeights } from "./release.ts";

/** What the releases work with. */
export interface ReleasesOptions {
  readonly database: Database<ControlTables>;
  readonly current: Pick<Current, "state">;
  readonly fleet: Fleet;
  /** Rings when anything that the release page shows has changed. */
  readonly bell: Bell;
  readonly clock: Clock;
  /** Ends the streams when control goes down. */
  readonly signal: AbortSignal;
  /** Makes the salt of a new release. */
  readonly salt: () => string;
  /** Pages that may watch at once. Default 500. */
  readonly watchersMax?: number;
}

/** The methods of releases, and what a registration means to them. */
export interface ReleaseBook {
  readonly handlers: ReleasesHandlers;
  /**
   * Tells that a version has registered, as part of that act: the first one becomes the stable version, a second one
   * begins to be released at weight 0.
   */
  versionSeen(write: Write, seen: { readonly service: string; readonly version: string }): Promise<void>;
  readonly watchers: number;
}

const watchEveryMs = 1000;
const watchTogetherMs = 50;

/** Moving users. Errors of the methods: see `controlReasons`, "releases and routes". */
export function createReleases(options: ReleasesOptions): ReleaseBook {
  const { database, clock, salt, watchersMax = 500 } = options;
  let watchers = 0;

  async function change(
    write: Write,
    row: ReleaseRow,
    next: { shape: ReleaseShape; reason: string; actor?: string; action?: string },
  ): Promise<Release> {
    const { shape, reason, actor = write.actor, action } = next;
    const revision = await write.revise();
    const changed = { ...row, ...shape, revision, changed_at_ms: clock.nowMs(), changed_by: actor, reason };
    await write.transaction.updateTable("control_releases").set(changed).where("service", "=", row.service).execute();
    write.note({ resource: `release/${row.service}`, from: noteOf(row), to: noteOf(changed), reason, actor, action });
    return releaseFrom(changed);
  }

  return {
    get watchers() {
      return watchers;
    },
    handlers: {
      async listReleases(_request, call) {
        const caller = callerOf(call);
        const rows = await database.query.selectFrom("control_releases").selectAll().orderBy("service").execute();
        return { releases: rows.filter(({ service }) => mayTouch(caller, service)).map(releaseFrom) };
      },
      async getRelease({ service }) {
        return { release: releaseFrom(await rowOf(database.query, service)) };
      },
      async *watchRelease({ service }, call) {
        if (watchers >= watchersMax)
          throw fault(controlReasons.WATCHERS_TOO_MANY, `Expected at most ${watchersMax} pages watching, found as many.`);
        watchers += 1;
        try {
          yield* watch(options, service, call);
        } finally {
          watchers -= 1;
        }
      },
      async beginRelease({ service, newVersion, reason }, call) {
        const why = reasonText(reason);
        const write = writeOf(call);
        const row = await rowOf(write.transaction, service);
        const knownVersions = await versionsOf(write.transaction, row);
        const shape = releaseBegun(row, { version: newVersion, salt: salt(), knownVersions });
        return { release: await change(write, row, { shape, reason: why }) };
      },
      async setWeights({ service, shares, reason, expectedRevision }, call) {
        const why = reasonText(reason);
        const write = writeOf(call);
        const row = await rowOf(write.transaction, service);
        const shape = releaseWithWeights(row, shares);
        const same = shape.new_weight === row.new_weight;
        // The answer to the first try may have been lost: the same act again is no second one.
        if (same && row.changed_by === write.actor && row.reason === why) return { release: releaseFrom(row) };
        if (expectedRevision > 0n && expectedRevision !== BigInt(row.revision)) {
          throw fault(
            controlReasons.RELEASE_CHANGED,
            `Expected the release of ${service} at revision ${expectedRevision}, found it at ${row.revision}.`,
          );
        }
        if (!same) return { release: await change(write, row, { shape, reason: why }) };
        write.note({ resource: `release/${service}`, from: noteOf(row), to: noteOf(row), reason: why });
        return { release: releaseFrom(row) };
      },
    },
    async versionSeen(write, { service, version }) {
      const row = await write.transaction.selectFrom("control_releases").selectAll().where("service", "=", service).executeTakeFirst();
      const by = { actor: controlActor, action: "Releases.BeginRelease" };
      if (!row) {
        const revision = await write.revise();
        const reason = `${version} is the first version that registered`;
        const made: ReleaseRow = {
          ...firstRelease(service, { version, salt: salt() }),
          revision,
          changed_at_ms: clock.nowMs(),
          changed_by: controlActor,
          reason,
        };
        await write.transaction.insertInto("control_releases").values(made).execute();
        write.note({ resource: `release/${service}`, to: noteOf(made), reason, ...by });
        return;
      }
      const shape = releaseWithVersion(row, { version, salt: salt() });
      if (shape) await change(write, row, { shape, reason: `${version} registered; nobody is on it yet`, ...by });
    },
  };
}

/** A release as the contract has it. */
export function releaseFrom(row: ReleaseRow): Release {
  return {
    service: row.service,
    stableVersion: row.stable_version,
    newVersion: row.new_version,
    newWeight: row.new_weight,
    salt: row.salt,
    revision: BigInt(row.revision),
    changedAtMs: BigInt(row.changed_at_ms),
    changedBy: row.changed_by,
    reason: row.reason,
  };
}

function noteOf(row: ReleaseRow): Readonly<Record<string, unknown>> {
  return { stableVersion: row.stable_version, newVersion: row.new_version, newWeight: row.new_weight, revision: row.revision };
}

async function rowOf(query: Pick<Transaction<ControlTables>, "selectFrom">, service: string): Promise<ReleaseRow> {
  const row = isName(service)
    ? await query.selectFrom("control_releases").selectAll().where("service", "=", service).executeTakeFirst()
    : undefined;
  if (row) return row;
  throw fault(controlReasons.SERVICE_UNKNOWN, `Expected a service that has registered, found ${quoted(service)}.`);
}

async function versionsOf(transaction: Transaction<ControlTables>, release: ReleaseRow): Promise<Set<string>> {
  const rows = await transaction
    .selectFrom("control_instances")
    .select("version")
    .distinct()
    .where("service", "=", release.service)
    .execute();
  const known = [release.stable_version, release.new_version, ...rows.map(({ version }) => version)];
  return new Set(known.filter((version) => isVersion(version)));
}

async function* watch(options: ReleasesOptions, service: string, call: Call): AsyncGenerator<WatchReleaseResponse, void, undefined> {
  const { bell, clock } = options;
  const signal = AbortSignal.any([call.signal, options.signal]);
  for await (const _ of pulses({ bell, clock, signal, everyMs: watchEveryMs, togetherMs: watchTogetherMs })) {
    yield viewOf(options, service);
  }
}

function viewOf({ current, fleet, clock }: ReleasesOptions, service: string): WatchReleaseResponse {
  const row = current.state.releases.find((release) => release.service === service);
  if (!row) throw fault(controlReasons.SERVICE_UNKNOWN, `Expected a service that has registered, found ${quoted(service)}.`);
  const release = releaseFrom(row);
  const instances = fleet.instances(service);
  const { weight, count, connected, dataPlanes } = fleet.holders(release);
  const { empty, changedAtMs } = fleet.registry(service);
  const there = instances.filter(({ state }) => state !== "GONE").map(({ version }) => version);
  const versions = new Set([row.stable_version, row.new_version, ...there].filter((version) => version !== ""));
  return {
    release,
    revision: BigInt(fleet.revision()),
    nowMs: BigInt(clock.nowMs()),
    acknowledgedWeight: weight,
    acknowledgedCount: count,
    dataPlaneCount: connected,
    dataPlanes,
    instances,
    versions: [...versions].sort(),
    registryEmpty: empty,
    registryChangedAtMs: BigInt(changedAtMs),
  };
}
