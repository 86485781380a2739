import type { InstanceStatus, WatchResponse } from "@weir/kit/app/registry";
import type { Call } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import { fault } from "@weir/kit/fault";
import type { Bell } from "../bell.ts";
import { pulses } from "../bell.ts";
import { controlReasons } from "../reasons.ts";

/** What those who watch instances are told from. */
export interface WatchInstancesOptions {
  /** The instances of a service that the caller may see. */
  readonly list: (service: string, call: Call) => InstanceStatus[];
  /** Rings when an instance came, went or changed its state. */
  readonly bell: Bell;
  readonly clock: Clock;
  /** Ends the streams when control goes down. */
  readonly signal: AbortSignal;
  /** Those who may watch at once. Default 2000. */
  readonly watchersMax?: number;
}

/** Longest silence of a stream. */
const beatMs = 5000;
const togetherMs = 20;

/**
 * Streams the instances of a service: at once, within 20 ms of a change, and each beat. WATCHERS_TOO_MANY. Changes of other services
 * are not told.
 */
export function createWatchInstances(
  options: WatchInstancesOptions,
): (service: string, call: Call) => AsyncGenerator<WatchResponse, void, undefined> {
  const { list, bell, clock, watchersMax = 2000 } = options;
  let watchers = 0;
  return async function* watch(service, call) {
    if (watchers >= watchersMax) {
      throw fault(controlReasons.WATCHERS_TOO_MANY, `Expected at most ${watchersMax} streams of instances, found as many.`);
    }
    watchers += 1;
    try {
      const signal = AbortSignal.any([call.signal, options.signal]);
      let told = "";
      let toldMs = -Infinity;
      for await (const _ of pulses({ bell, clock, signal, everyMs: beatMs, togetherMs })) {
        const instances = list(service, call);
        const standing = standingText(instances);
        // The timer of the pulse may fire a little early.
        if (standing === told && clock.monotonicMs() - toldMs < beatMs / 2) continue;
        told = standing;
        toldMs = clock.monotonicMs();
        yield { instances, beatMs };
      }
    } finally {
      watchers -= 1;
    }
  };
}

/** What makes two lists differ for whoever sends requests; the age of heartbeats does not. */
function standingText(instances: readonly InstanceStatus[]): string {
  return instances
    .map(({ instance, state, live, registeredAtMs }) => [instance?.id, instance?.address, state, live, registeredAtMs].join(" "))
    .join("\n");
}
