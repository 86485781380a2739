import type { Layer } from "@weir/kit/service";
import type { HttpResponse } from "@weir/wire";
import { refusal } from "../http/refusal.ts";
import type { Passage } from "../passage.ts";
import { gatewayReasons } from "../reasons.ts";
import { isCarrier } from "../streams/upgrade.ts";
import type { Load } from "./observe.ts";

/** How much is let in. */
export interface AdmitLimits {
  /** Requests at once. */
  readonly inFlightMax: number;
  /** Upgraded connections at once. */
  readonly sessionsMax: number;
}

/** Lets in so many requests and upgraded connections at once; one more is answered 503 at little cost. */
export function admit(load: Load, { inFlightMax, sessionsMax }: AdmitLimits): Layer<Passage, HttpResponse> {
  return (next) => (passage, call) => {
    if (load.inFlight > inFlightMax) {
      return Promise.resolve(
        refusal(passage, gatewayReasons.OVERLOAD, `Expected at most ${inFlightMax} requests at once, found one more.`),
      );
    }
    if (passage.upgrade !== undefined && isCarrier(passage.upgrade)) {
      const message = `Expected another protocol than ${JSON.stringify(passage.upgrade)}, which carries requests past the gateway.`;
      return Promise.resolve(refusal(passage, gatewayReasons.UPGRADE_REFUSED, message));
    }
    if (passage.upgrade !== undefined && load.sessions >= sessionsMax) {
      const message = `Expected at most ${sessionsMax} upgraded connections at once, found one more.`;
      return Promise.resolve(refusal(passage, gatewayReasons.SESSIONS_TOO_MANY, message));
    }
    return next(passage, call);
  };
}
