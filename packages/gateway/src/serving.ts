import type { Snapshot } from "@weir/api/snapshots";
import type { Service } from "@weir/kit/service";
import type { HttpRequest, HttpResponse } from "@weir/wire";
import { buildService, type GatewayParts } from "./build.ts";
import type { Endpoints } from "./upstream/endpoints.ts";

/** The service of the present Snapshot, and the way to change it. */
export interface Serving {
  /** Answers by the newest Snapshot; NO_SNAPSHOT before the first. */
  readonly service: Service<HttpRequest, HttpResponse>;
  /** New requests are answered by this Snapshot from now on; those under way finish on the one they began with. */
  readonly swap: (snapshot: Snapshot) => void;
}

/** Serves no Snapshot yet. */
export function createServing(endpoints: Endpoints, parts: GatewayParts): Serving {
  let holding = endpoints.createHolding();
  let current = buildService(undefined, holding, parts);
  return {
    service: (request, call) => current(request, call),
    swap(snapshot) {
      const retired = holding;
      const next = endpoints.createHolding();
      current = buildService(snapshot, next, parts);
      holding = next;
      // After the new one has taken hold, so that what both name stays open.
      retired.retire();
    },
  };
}
