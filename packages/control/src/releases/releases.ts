import type { ReleasesHandlers } from "@weir/api/releases";
import { fault } from "@weir/kit/fault";
import type { Database } from "@weir/kit/store";
import { callerOf, mayTouch } from "../caller.ts";
import { reasonText } from "../reason-text.ts";
import { controlReasons } from "../reasons.ts";
import type { ControlTables } from "../tables.ts";
import type { Write } from "../write.ts";
import { writeOf } from "../write.ts";
import { releaseBegun, releaseWithWeights } from "./release.ts";
import { changeRelease, noteOf, releaseFrom, releaseRow, versionSeen, versionsOf } from "./release-rows.ts";
import type { WatchOptions } from "./watch.ts";
import { createWatch } from "./watch.ts";

/** What the releases work with. */
export interface ReleasesOptions extends WatchOptions {
  readonly database: Database<ControlTables>;
  /** Makes the salt of a new release. */
  readonly salt: () => string;
}

/** The methods of releases, and what a registration means to them. */
export interface ReleaseBook {
  readonly handlers: ReleasesHandlers;
  /**
   * Tells that a version has registered, as part of that act: the first one becomes the stable version, a second one
   * begins to be released at weight 0.
   */
  readonly versionSeen: (write: Write, seen: { readonly service: string; readonly version: string }) => Promise<void>;
  readonly watchers: () => number;
}

/** Moving users. Errors of the methods: see `controlReasons`, "releases and routes". */
export function createReleases(options: ReleasesOptions): ReleaseBook {
  const { database, clock, salt } = options;
  const watch = createWatch(options);
  return {
    watchers: () => watch.watchers(),
    versionSeen: (write, seen) => versionSeen(write, { ...seen, clock, salt: salt() }),
    handlers: {
      async listReleases(_request, call) {
        const caller = callerOf(call);
        const rows = await database.query.selectFrom("control_releases").selectAll().orderBy("service").execute();
        return { releases: rows.filter(({ service }) => mayTouch(caller, service)).map(releaseFrom) };
      },
      async getRelease({ service }) {
        return { release: releaseFrom(await releaseRow(database.query, service)) };
      },
      watchRelease: ({ service }, call) => watch.release(service, call),
      async beginRelease({ service, newVersion, reason }, call) {
        const why = reasonText(reason);
        const write = writeOf(call);
        const row = await releaseRow(write.transaction, service);
        const knownVersions = await versionsOf(write.transaction, row);
        const shape = releaseBegun(row, { version: newVersion, salt: salt(), knownVersions });
        return { release: await changeRelease(write, row, { shape, reason: why, clock }) };
      },
      async setWeights({ service, shares, reason, expectedRevision }, call) {
        const why = reasonText(reason);
        const write = writeOf(call);
        const row = await releaseRow(write.transaction, service);
        const shape = releaseWithWeights(row, shares);
        const same = shape.new_weight === row.new_weight;
        // The answer to the first try may have been lost: the same act again is no second one.
        if (same && row.changed_by === write.actor && row.reason === why) return { release: releaseFrom(row) };
        if (expectedRevision > 0n && expectedRevision !== BigInt(row.revision)) {
          const message = `Expected the release of ${service} at revision ${expectedRevision}, found it at ${row.revision}.`;
          throw fault(controlReasons.RELEASE_CHANGED, message);
        }
        if (!same) return { release: await changeRelease(write, row, { shape, reason: why, clock }) };
        write.note({ resource: `release/${service}`, from: noteOf(row), to: noteOf(row), reason: why });
        return { release: releaseFrom(row) };
      },
    },
  };
}
