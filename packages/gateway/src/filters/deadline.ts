import type { Layer } from "@weir/kit/service";
import type { HttpResponse } from "@weir/wire";
import { routeTimeoutMsDefault } from "../compiled-route.ts";
import type { Passage } from "../passage.ts";

/** Gives the request the time of its route, or what is left of its caller's; all attempts share it. */
export function deadline(): Layer<Passage, HttpResponse> {
  return (next) => (passage, call) => {
    passage.deadlineMs = Math.min(call.deadlineMs, passage.startedMs + (passage.route?.timeoutMs ?? routeTimeoutMsDefault));
    return next(passage, call);
  };
}
