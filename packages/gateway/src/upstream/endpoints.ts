import type { EndpointTraffic } from "@weir/api/traffic";
import { jsonText } from "../http/json-text.ts";
import type { Endpoint } from "./endpoint.ts";
import { createEndpointClients, type EndpointClientsOptions } from "./endpoint-clients.ts";
import { createEndpointMeter, type EndpointMetrics, type EndpointName } from "./endpoint-meter.ts";
import { createHealth } from "./health.ts";

/** What names an endpoint, and where it is. */
export interface EndpointPlace extends EndpointName {
  /** host:port, or [ipv6]:port. */
  readonly address: string;
  /** What it speaks: see Endpoint. */
  readonly http2: boolean;
  readonly grpcOnly: boolean;
}

/** The endpoints that one Snapshot names. They stay open until it is retired and its last request is over. */
export interface Holding {
  /** The endpoint at this place: the one known from other Snapshots, with its connections and health, or a new one. */
  hold(place: EndpointPlace): Endpoint;
  /** A request begins to be worked on by this Snapshot. */
  enter(): void;
  /** It will ask no endpoint any more; answers that still flow hold their own endpoint. */
  leave(): void;
  /** Another Snapshot has taken over. */
  retire(): void;
}

/** All endpoints of a gateway, those that are only waiting for their last request too. */
export interface Endpoints {
  createHolding(): Holding;
  /** What each did since it was last asked, those gone since included. */
  takeReports(): EndpointTraffic[];
  /** How many are open. */
  size(): number;
  /** Cuts all connections. */
  close(): Promise<void>;
}

/** How endpoints are made. */
export interface EndpointsOptions extends EndpointClientsOptions {
  readonly metrics: EndpointMetrics;
}

/** Departed endpoints whose last counts wait for the next report. */
const departedMax = 1000;

/** No endpoints yet. */
export function createEndpoints(options: EndpointsOptions): Endpoints {
  const byKey = new Map<string, Endpoint>();
  const departed: EndpointTraffic[] = [];

  function find(place: EndpointPlace): Endpoint {
    const key = keyOf(place);
    let endpoint = byKey.get(key);
    if (endpoint === undefined) {
      endpoint = openEndpoint(place, options, (idle) => {
        byKey.delete(key);
        const last = idle.meter.takeReport();
        if (last !== undefined && departed.length < departedMax) departed.push(last);
        idle.meter.close();
        void idle.clients.close();
      });
      byKey.set(key, endpoint);
    }
    return endpoint;
  }
  return {
    createHolding: () => createHolding(find),
    takeReports() {
      const reports = departed.splice(0);
      for (const endpoint of byKey.values()) {
        const report = endpoint.meter.takeReport();
        if (report !== undefined) reports.push(report);
      }
      return reports;
    },
    size: () => byKey.size,
    async close() {
      await Promise.all(Array.from(byKey.values(), (endpoint) => endpoint.clients.close()));
    },
  };
}

/** One that has learnt to speak something else is another one: requests under way finish as they began. */
function keyOf({ service, version, id, address, http2, grpcOnly }: EndpointPlace): string {
  return `${service}@${version}/${id} ${address} ${http2} ${grpcOnly}`;
}

function openEndpoint(place: EndpointPlace, options: EndpointsOptions, onIdle: (endpoint: Endpoint) => void): Endpoint {
  const { service, version, id, address, http2, grpcOnly } = place;
  const endpoint: Endpoint = {
    service,
    version,
    id,
    logText: `,"version":${jsonText(version)},"endpoint":${jsonText(id)}`,
    address,
    http2,
    grpcOnly,
    clients: createEndpointClients(address, options),
    meter: createEndpointMeter(place, options.metrics),
    health: createHealth(),
    inFlight: 0,
    holders: 0,
    onIdle: () => onIdle(endpoint),
  };
  return endpoint;
}

function createHolding(find: (place: EndpointPlace) => Endpoint): Holding {
  const held = new Set<Endpoint>();
  let active = 0;
  let retired = false;
  function letGo(): void {
    for (const endpoint of held) {
      endpoint.holders--;
      if (endpoint.holders === 0 && endpoint.inFlight === 0) endpoint.onIdle();
    }
    held.clear();
  }
  return {
    hold(place) {
      const endpoint = find(place);
      if (!held.has(endpoint)) endpoint.holders++;
      held.add(endpoint);
      return endpoint;
    },
    enter: () => void active++,
    leave() {
      active--;
      if (active === 0 && retired) letGo();
    },
    retire() {
      retired = true;
      if (active === 0) letGo();
    },
  };
}
