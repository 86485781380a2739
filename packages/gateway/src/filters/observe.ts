import type { Logger } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import type { Layer } from "@weir/kit/service";
import type { HeaderList, HttpResponse } from "@weir/wire";
import { messageOf, refusal, verdictOf } from "../http/refusal.ts";
import { isWhole, whenOver, wholeBytes, type Passage } from "../passage.ts";
import type { Holding } from "../upstream/endpoints.ts";
import type { RetryBudget } from "../upstream/retry-budget.ts";
import { accessLine, lineEndFrom } from "./access-line.ts";
import type { RouteMeter } from "./route-meter.ts";

/** What is being worked on, over all Snapshots: requests, and apart from them upgraded connections. */
export interface Load {
  inFlight: number;
  sessions: number;
}

/** What the layer works with. */
export interface ObserveOptions {
  readonly clock: Clock;
  readonly log: Logger;
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
 * Sees every request come and every answer leave: metrics, access log, load. An error becomes an answer here,
 * `{"code","reason","message"}` or what it is in the form of an RPC; every answer carries `x-request-id` and, when an endpoint gave it, the version that did
 * as `x-weir-version`. The time runs from the head of the request to the end of the answer's body. Never rejects.
 */
export function observe(options: ObserveOptions): Layer<Passage, HttpResponse> {
  const { clock, log, meter, load, budgets, holding, accessLog } = options;
  const endText = lineEndFrom(options.revision);

  function failed(passage: Passage, thrown: unknown): HttpResponse {
    const verdict = verdictOf(thrown);
    if (verdict.cause === "GATEWAY_FAILED") log.error("a request failed unexpectedly", { requestId: passage.requestId, error: thrown });
    // No endpoint has answered, whoever was asked.
    passage.endpoint = undefined;
    return refusal(passage, verdict, messageOf(verdict, passage));
  }
  function finish(passage: Passage, endedMs: number): void {
    load.inFlight--;
    passage.endedMs = endedMs;
    meter.answered(passage);
    if (passage.cause !== undefined) meter.count(passage.route?.name ?? "", passage.cause);
    accessLog?.(accessLine(passage, clock.nowMs(), endText));
  }
  function moveLoad(from: keyof Load, to: keyof Load): void {
    load[from]--;
    load[to]++;
  }
  function followed(passage: Passage, isSession: boolean): void {
    if (isSession) moveLoad("inFlight", "sessions");
    whenOver(passage, (end) => {
      if (isSession) moveLoad("sessions", "inFlight");
      if (end.kind === "left") passage.cause ??= "CLIENT_GONE";
      passage.broken = end.kind !== "whole";
      finish(passage, clock.monotonicMs());
    });
  }
  return (next) => async (passage, call) => {
    load.inFlight++;
    holding.enter();
    for (const budget of budgets) budget.countRequest(passage.startedMs);
    let response: HttpResponse;
    try {
      response = await next(passage, call);
    } catch (thrown) {
      response = failed(passage, thrown);
    }
    holding.leave();
    passage.status = response.status;
    if (passage.endpoint !== undefined) stamp(response.headers, "x-weir-version", passage.endpoint.version);
    stamp(response.headers, "x-request-id", passage.requestId);
    if (isWhole(response)) {
      passage.bytesOut = wholeBytes(response)?.length ?? 0;
      finish(passage, passage.attempts === 1 && passage.answeredMs > 0 ? passage.answeredMs : clock.monotonicMs());
    } else followed(passage, response.takeOver !== undefined);
    return response;
  };
}

/** Sets a header that an endpoint may have set too: there is one, and it is ours. */
function stamp(headers: HeaderList, name: string, value: string): void {
  for (let index = headers.length - 2; index >= 0; index -= 2) if (headers[index] === name) headers.splice(index, 2);
  headers.push(name, value);
}
