import type { Snapshot } from "@weir/api/snapshots";
import type { Logger } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import { layered, type Service } from "@weir/kit/service";
import type { HttpRequest, HttpResponse } from "@weir/wire";
import { compileRoutes } from "./compiled-route.ts";
import { admit, type AdmitLimits } from "./filters/admit.ts";
import { balance } from "./filters/balance.ts";
import { deadline } from "./filters/deadline.ts";
import { fallBack } from "./filters/fall-back.ts";
import { findRoute } from "./filters/find-route.ts";
import { forwarded } from "./filters/forwarded.ts";
import { identify } from "./filters/identify.ts";
import { observe, type Load } from "./filters/observe.ts";
import { passiveHealth } from "./filters/passive-health.ts";
import type { RouteMeter } from "./filters/route-meter.ts";
import { send, type ClientPeer } from "./filters/send.ts";
import { split } from "./filters/split.ts";
import { translate } from "./filters/translate.ts";
import type { TrustedProxies } from "./http/client-address.ts";
import type { IdSource } from "./http/ids.ts";
import { createRouteTable } from "./http/route-table.ts";
import { passageFrom, type Passage } from "./passage.ts";
import { gatewayReasons } from "./reasons.ts";
import type { RestDoors } from "./rest/rest-doors.ts";
import { isOpenEnded } from "./rpc/form.ts";
import type { Tunnels } from "./streams/tunnel.ts";
import type { Holding } from "./upstream/endpoints.ts";
import { healthPolicy } from "./upstream/health.ts";
import type { RetryBudget } from "./upstream/retry-budget.ts";

/** What outlives Snapshots: every service that is built shares it. */
export interface GatewayParts {
  /** Name of the data plane, as it stands in `via`. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly meter: RouteMeter;
  readonly load: Load;
  readonly ids: IdSource;
  readonly trusted: TrustedProxies;
  /** Bounds second attempts within a version. */
  readonly retries: RetryBudget;
  /** Bounds second attempts on the stable version. */
  readonly fallbacks: RetryBudget;
  readonly accessLog: ((line: string) => void) | undefined;
  /** How much is let in at once. */
  readonly limits: AdmitLimits;
  readonly tunnels: Tunnels;
  /** Who gives the reasons of refusals of calls; "" when they are not to travel. */
  readonly domain: string;
  /** How endpoints that speak gRPC alone are asked by REST. */
  readonly doors: RestDoors;
}

/**
 * The assembly page: what happens to a request, in the order in which it happens. One Service is built for each Snapshot
 * and swapped whole; requests under way finish on the one they began with. `holding` keeps this Snapshot's endpoints.
 * Before the first Snapshot (undefined) every request is answered NO_SNAPSHOT.
 */
export function buildService(snapshot: Snapshot | undefined, holding: Holding, parts: GatewayParts): Service<HttpRequest, HttpResponse> {
  const { clock, log, meter, load, retries, fallbacks, tunnels } = parts;
  const table = createRouteTable(snapshot === undefined ? [] : compileRoutes(snapshot, { holding, clock }));
  const service = layered<Passage, HttpResponse>(send(), [
    // Outermost: whatever fails below leaves as an answer, and refusals are counted and logged like answers.
    observe({
      clock,
      log,
      meter,
      load,
      budgets: [retries, fallbacks],
      holding,
      accessLog: parts.accessLog,
      revision: snapshot?.revision ?? 0n,
    }),
    // Before anything can be refused, so that every answer and log line can be found again.
    identify(parts.ids),
    // Before the split: users without an id are told apart by their address.
    forwarded({ trusted: parts.trusted, name: parts.name }),
    // Before any work that grows with the number of routes: under overload a refusal must be cheap.
    admit(load, parts.limits),
    // What follows depends on the route.
    findRoute(table, snapshot === undefined ? gatewayReasons.NO_SNAPSHOT : gatewayReasons.NO_ROUTE),
    // The version follows from the user, not from chance: bucket and version are settled before any attempt.
    split(),
    // Around all attempts: a retry gets what the first attempt left.
    deadline(),
    // Outside the fall-back: whichever version answers, it is asked in gRPC; what is further in knows gRPC alone.
    translate({ doors: parts.doors }),
    // Around the choice: the stable version is chosen among anew.
    fallBack({ clock, budget: fallbacks, meter }),
    // Innermost: one attempt at one endpoint, or two; each teaches how its endpoint is.
    balance({ clock, budget: retries, meter, tunnels, health: passiveHealth({ clock, policy: healthPolicy, log }) }),
  ]);
  return (request, call) => {
    const { exchange } = call.peer as Partial<ClientPeer>;
    const passage = passageFrom(request, { startedMs: clock.monotonicMs(), http2: exchange?.version === "2", domain: parts.domain });
    // What wire bounds by time and length would end a call that streams for hours.
    if (isOpenEnded(passage.rpc)) exchange?.openEnded?.();
    return service(passage, call);
  };
}
