import type { WatchReleaseResponse } from "@weir/api/releases";
import type { Call } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import { fault } from "@weir/kit/fault";
import type { Bell } from "../bell.ts";
import { pulses } from "../bell.ts";
import type { Current } from "../current.ts";
import type { Fleet } from "../fleet.ts";
import { quoted } from "../quoted.ts";
import { controlReasons } from "../reasons.ts";
import { releaseFrom } from "./release-rows.ts";

/** What pages that watch a release are told from. */
export interface WatchOptions {
  readonly current: Pick<Current, "state">;
  readonly fleet: Fleet;
  /** Rings when anything that the release page shows has changed. */
  readonly bell: Bell;
  readonly clock: Clock;
  /** Ends the streams when control goes down. */
  readonly signal: AbortSignal;
  /** Pages that may watch at once. Default 500. */
  readonly watchersMax?: number;
}

/** Pages that watch. */
export interface Watch {
  /** The release page's data at once, within 50 ms of every change and at least each second. WATCHERS_TOO_MANY, SERVICE_UNKNOWN. */
  release(service: string, call: Call): AsyncGenerator<WatchReleaseResponse, void, undefined>;
  watchers(): number;
}

const watchEveryMs = 1000;
const watchTogetherMs = 50;

/** Nobody watches yet. */
export function createWatch(options: WatchOptions): Watch {
  const { watchersMax = 500 } = options;
  let watchers = 0;
  return {
    watchers: () => watchers,
    async *release(service, call) {
      if (watchers >= watchersMax) {
        throw fault(controlReasons.WATCHERS_TOO_MANY, `Expected at most ${watchersMax} pages watching, found as many.`);
      }
      watchers += 1;
      try {
        yield* watch(options, service, call);
      } finally {
        watchers -= 1;
      }
    },
  };
}

async function* watch(options: WatchOptions, service: string, call: Call): AsyncGenerator<WatchReleaseResponse, void, undefined> {
  const { bell, clock } = options;
  const signal = AbortSignal.any([call.signal, options.signal]);
  for await (const _ of pulses({ bell, clock, signal, everyMs: watchEveryMs, togetherMs: watchTogetherMs })) {
    yield viewOf(options, service);
  }
}

function viewOf({ current, fleet, clock }: WatchOptions, service: string): WatchReleaseResponse {
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
