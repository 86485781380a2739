import type { Logger } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import { fault, faultFrom } from "@weir/kit/fault";
import { gatewayReasons } from "../reasons.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import { reflectedServices } from "./reflection.ts";
import { createRestDoor, type RestDoor } from "./rest-door.ts";

/** The doors to clusters that speak gRPC alone. They outlive Snapshots. */
export interface RestDoors {
  /** The door to a cluster; rejects with NO_HEALTHY_ENDPOINT or ENDPOINT_UNDESCRIBED. */
  of(cluster: Cluster): Promise<RestDoor>;
}

/** What doors are made with. */
export interface RestDoorsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether refusals of a door carry their reason as a google.rpc.ErrorInfo. */
  readonly errorInfo: boolean;
}

/** What is known of one version of a service. */
interface Known {
  door: RestDoor | undefined;
  /** Instances that were there when it was described: a new one may know more. */
  ids: ReadonlySet<string>;
  asking: Promise<void> | undefined;
  /** Not asked again before. */
  pauseUntilMs: number;
  /** Why the last asking failed: nobody was there, or nobody could say. */
  failure: typeof gatewayReasons.NO_HEALTHY_ENDPOINT | typeof gatewayReasons.ENDPOINT_UNDESCRIBED;
}

const knownMax = 500;
const pauseMs = 2000;

/**
 * No doors yet. A cluster is asked by reflection when its first request comes, and again, while the old door serves on,
 * when it has an instance that was not there then. What does not answer is left alone for two seconds. Of more than 500 the one
 * that was not used for longest is forgotten.
 */
export function createRestDoors({ clock, log, errorInfo }: RestDoorsOptions): RestDoors {
  const all = new Map<string, Known>();

  async function describe(known: Known, cluster: Cluster): Promise<void> {
    const { service, version, endpoints } = cluster;
    const ids = new Set(endpoints.map(({ id }) => id));
    const endpoint = endpoints.find(({ id, health }) => !known.ids.has(id) && health.state === "healthy") ?? endpoints[0];
    try {
      if (endpoint === undefined) throw new Error(`expected an endpoint of ${service}@${version}, found none`);
      known.door = createRestDoor(await reflectedServices((endpoint as Endpoint).clients.multiplexed), { errorInfo });
      known.ids = ids;
      log.info("services described by reflection", { service, version, endpoint: endpoint.id });
    } catch (thrown) {
      known.pauseUntilMs = clock.monotonicMs() + pauseMs;
      const error = faultFrom(thrown);
      const isAway = endpoint === undefined || error.code === "UNAVAILABLE" || error.code === "DEADLINE_EXCEEDED";
      known.failure = isAway ? gatewayReasons.NO_HEALTHY_ENDPOINT : gatewayReasons.ENDPOINT_UNDESCRIBED;
      log.warn("services not described by reflection", { service, version, error });
    } finally {
      known.asking = undefined;
    }
  }
  function knownOf({ service, version }: Cluster): Known {
    const key = `${service}@${version}`;
    let known = all.get(key);
    if (known !== undefined) {
      all.delete(key);
      all.set(key, known);
    } else {
      // The one that was asked for longest ago: a Map keeps its order.
      for (const oldest of all.keys()) {
        if (all.size < knownMax) break;
        all.delete(oldest);
      }
      all.set(
        key,
        (known = { door: undefined, ids: new Set(), asking: undefined, pauseUntilMs: 0, failure: gatewayReasons.ENDPOINT_UNDESCRIBED }),
      );
    }
    return known;
  }
  return {
    async of(cluster) {
      const known = knownOf(cluster);
      const isNew = known.door === undefined || cluster.endpoints.some(({ id }) => !known.ids.has(id));
      if (isNew && known.asking === undefined && clock.monotonicMs() >= known.pauseUntilMs) known.asking = describe(known, cluster);
      if (known.door === undefined) await known.asking;
      if (known.door !== undefined) return known.door;
      const { service, version } = cluster;
      throw fault(known.failure, `Expected ${service}@${version} to describe itself by gRPC reflection, found no description.`);
    },
  };
}
