import type { Logger } from "@weir/kit/call";
import type { Layer } from "@weir/kit/service";
import type { HeaderList, HttpResponse } from "@weir/wire";
import { messageOf, refusal, verdictOf } from "../http/refusal.ts";
import type { Passage } from "../passage.ts";

/**
 * Makes an answer of whatever happened: an error becomes `{"code","reason","message"}`, and every answer carries
 * `x-request-id` and, when an endpoint gave it, the version that did as `x-weir-version`. Never rejects.
 */
export function answer(log: Logger): Layer<Passage, HttpResponse> {
  return (next) => async (passage, call) => {
    let response: HttpResponse;
    try {
      response = await next(passage, call);
      if (passage.endpoint !== undefined) stamp(response.headers, "x-weir-version", passage.endpoint.version);
    } catch (thrown) {
      const verdict = verdictOf(thrown);
      if (verdict.cause === "GATEWAY_FAILED") log.error("a request failed unexpectedly", { requestId: passage.requestId, error: thrown });
      response = refusal(passage, verdict, messageOf(verdict, passage));
    }
    stamp(response.headers, "x-request-id", passage.requestId);
    return response;
  };
}

/** Sets a header that an endpoint may have set too: there is one, and it is ours. */
function stamp(headers: HeaderList, name: string, value: string): void {
  for (let index = headers.length - 2; index >= 0; index -= 2) if (headers[index] === name) headers.splice(index, 2);
  headers.push(name, value);
}
