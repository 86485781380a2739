import type { Layer } from "@weir/kit/service";
import type { HttpResponse } from "@weir/wire";
import type { CompiledRoute } from "../compiled-route.ts";
import { refusal, type Verdict } from "../http/refusal.ts";
import { hostOf, pathOf, type RouteTable } from "../http/route-table.ts";
import type { Passage } from "../passage.ts";

/** Finds the route by host and path; a request without one is answered `missing`. */
export function findRoute(table: RouteTable<CompiledRoute>, missing: Verdict): Layer<Passage, HttpResponse> {
  return (next) => (passage, call) => {
    const route = table.match(passage.authority, passage.target);
    if (route === undefined) {
      const place = `${hostOf(passage.authority)}${pathOf(passage.target)}`;
      return Promise.resolve(refusal(passage, missing, `Expected a route for ${cut(place)}, found none.`));
    }
    passage.route = route;
    return next(passage, call);
  };
}

function cut(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
