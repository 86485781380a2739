import type { Transaction } from "kysely";
import { isName, isVersion } from "@weir/api/names";
import type { Release } from "@weir/api/releases";
import type { Clock } from "@weir/kit/clock";
import { fault } from "@weir/kit/fault";
import { quoted } from "../quoted.ts";
import { controlReasons } from "../reasons.ts";
import type { ControlTables, ReleaseRow } from "../tables.ts";
import type { Write } from "../write.ts";
import { controlActor } from "../write.ts";
import type { ReleaseShape } from "./release.ts";
import { firstRelease, releaseWithVersion } from "./release.ts";

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

/** What of a release the audit notes. */
export function noteOf(row: ReleaseRow): Readonly<Record<string, unknown>> {
  return { stableVersion: row.stable_version, newVersion: row.new_version, newWeight: row.new_weight, revision: row.revision };
}

/** The stored release of a service. Rejects with SERVICE_UNKNOWN. */
export async function releaseRow(query: Pick<Transaction<ControlTables>, "selectFrom">, service: string): Promise<ReleaseRow> {
  const row = isName(service)
    ? await query.selectFrom("control_releases").selectAll().where("service", "=", service).executeTakeFirst()
    : undefined;
  if (row) return row;
  throw fault(controlReasons.SERVICE_UNKNOWN, `Expected a service that has registered, found ${quoted(service)}.`);
}

/** Versions that a release may move users to: those of instances, and those of the release itself. */
export async function versionsOf(transaction: Transaction<ControlTables>, release: ReleaseRow): Promise<Set<string>> {
  const rows = await transaction
    .selectFrom("control_instances")
    .select("version")
    .distinct()
    .where("service", "=", release.service)
    .execute();
  const known = [release.stable_version, release.new_version, ...rows.map(({ version }) => version)];
  return new Set(known.filter((version) => isVersion(version)));
}

/** What a release becomes, and why. */
export interface ReleaseChange {
  readonly shape: ReleaseShape;
  readonly reason: string;
  readonly clock: Clock;
  /** Default whoever began the act, and with which method. */
  readonly by?: { readonly actor: string; readonly action: string };
}

/** Brings a release to another shape, in a revision of its own. */
export async function changeRelease(write: Write, row: ReleaseRow, change: ReleaseChange): Promise<Release> {
  const { shape, reason, clock, by } = change;
  const revision = await write.revise();
  const changed = { ...row, ...shape, revision, changed_at_ms: clock.nowMs(), changed_by: by?.actor ?? write.actor, reason };
  await write.transaction.updateTable("control_releases").set(changed).where("service", "=", row.service).execute();
  write.note({ resource: `release/${row.service}`, from: noteOf(row), to: noteOf(changed), reason, ...by });
  return releaseFrom(changed);
}

/** What a version that registers makes of the release of its service, as part of that act. */
export async function versionSeen(
  write: Write,
  seen: { readonly service: string; readonly version: string; readonly clock: Clock; readonly salt: string },
): Promise<void> {
  const { service, version, clock, salt } = seen;
  const by = { actor: controlActor, action: "Releases.BeginRelease" };
  const row = await write.transaction.selectFrom("control_releases").selectAll().where("service", "=", service).executeTakeFirst();
  if (row) {
    const shape = releaseWithVersion(row, { version, salt });
    if (shape) await changeRelease(write, row, { shape, reason: `${version} registered; nobody is on it yet`, clock, by });
    return;
  }
  const reason = `${version} is the first version that registered`;
  const stamp = { revision: await write.revise(), changed_at_ms: clock.nowMs(), changed_by: controlActor, reason };
  const made: ReleaseRow = { ...firstRelease(service, { version, salt }), ...stamp };
  await write.transaction.insertInto("control_releases").values(made).execute();
  write.note({ resource: `release/${service}`, to: noteOf(made), reason, ...by });
}
