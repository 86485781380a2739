import type { Layer } from "@weir/kit/service";
import type { HttpResponse } from "@weir/wire";
import { refusal } from "../http/refusal.ts";
import type { Passage } from "../passage.ts";
import { gatewayReasons } from "../reasons.ts";
import type { Load } from "./observe.ts";

/** Lets in at most `inFlightMax` requests at once; one more is answered 503 at little cost. */
export function admit(load: Load, inFlightMax: number): Layer<Passage, HttpResponse> {
  return (next) => (passage, call) => {
    if (load.inFlight <= inFlightMax) return next(passage, call);
    return Promise.resolve(refusal(passage, gatewayReasons.OVERLOAD, `Expected at most ${inFlightMax} requests at once, found one more.`));
  };
}
