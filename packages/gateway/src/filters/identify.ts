import type { Layer } from "@weir/kit/service";
import { traceFromTraceparent, traceparentFrom } from "@weir/kit/telemetry/trace-context";
import type { HttpResponse } from "@weir/wire";
import type { IdSource } from "../http/ids.ts";
import type { Passage } from "../passage.ts";

const sane = /^[A-Za-z0-9._~:/+=@-]{1,128}$/;

/**
 * Gives the request its id and its place in a trace. `x-request-id` of the client is kept when it is 1 to 128 letters,
 * digits and `._~:/+=@-`; else it is the trace id. A valid `traceparent` is continued under a new span, with its
 * `tracestate`; else a trace begins, unsampled: nobody here records it. Source: W3C Trace Context.
 */
export function identify(ids: IdSource): Layer<Passage, HttpResponse> {
  return (next) => (passage, call) => {
    const { requestId, traceparent, tracestate } = passage.inbound;
    const parent = traceparent === "" ? undefined : traceFromTraceparent(traceparent);
    const trace = { traceId: parent?.traceId ?? ids.traceId(), spanId: ids.spanId(), sampled: parent?.sampled ?? false };
    call.trace = trace;
    passage.traceId = trace.traceId;
    passage.requestId = requestId !== "" && sane.test(requestId) ? requestId : trace.traceId;
    passage.headers.push("x-request-id", passage.requestId, "traceparent", traceparentFrom(trace));
    if (parent !== undefined && tracestate !== "") passage.headers.push("tracestate", tracestate);
    return next(passage, call);
  };
}
