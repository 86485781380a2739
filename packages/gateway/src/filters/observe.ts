import type { Clock } from "@weir/kit/clock";
import type { Call } from "@weir/kit/call";
import type { Layer } from "@weir/kit/service";
import type { HttpResponse } from "@weir/wire";
import { isWhole, whenOver, type Passage } from "../passage.ts";
import type { Holding } from "../upstream/endpoints.ts";
import type { RetryBudget } from "../upstream/retry-budget.ts";
import { accessLine } from "./access-line.ts";
import type { RouteMeter } from "./route-meter.ts";

/** Requests that are being worked on, over all Snapshots. */
export interface Load {
  inFlight: number;
}

/** What the layer works with. */
export interface ObserveOptions {
  readonly clock: Clock;
  readonly meter: RouteMeter;
  readonly load: Load;
  /** Told of every request: retries are a share of them. */
  readonly budgets: readonly RetryBudget[];
  readonly holding: Holding;
  /** Takes the lines of the access log; undefined for none. */
  readonly accessLog: ((line: string) => void) | undefined;
  readonly revision: bigint;
}

/**
 * Sees every request come and every answer end: metrics, access log, load. The time runs from the head of the request to
 * the end of the answer's body.
 */
export function observe(options: ObserveOptions): Layer<Passage, HttpResponse> {
  const { clock, meter, load, budgets, holding, accessLog } = options;
  const revision = String(options.revision);

  function finish(passage: Passage, call: Call, { status, whole }: { status: number; whole: boolean }): void {
    load.inFlight--;
    const durationMs = clock.monotonicMs() - passage.startedMs;
    const route = passage.route?.name ?? "";
    meter.answered(route, passage.endpoint?.version ?? "", { status, durationMs });
    if (passage.cause !== undefined) meter.count(route, passage.cause);
    accessLog?.(accessLine(passage, { nowMs: clock.nowMs(), durationMs, status, traceId: call.trace.traceId, whole, revision }));
  }
  return (next) => async (passage, call) => {
    load.inFlight++;
    holding.enter();
    for (const budget of budgets) budget.countRequest(passage.startedMs);
    const response = await next(passage, call);
    holding.leave();
    if (isWhole(response)) finish(passage, call, { status: response.status, whole: true });
    else {
      whenOver(passage, (end) => {
        if (end.kind === "left") passage.cause ??= "CLIENT_GONE";
        finish(passage, call, { status: response.status, whole: end.kind === "whole" });
      });
    }
    return response;
  };
}
