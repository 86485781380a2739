import type { Call } from "@weir/kit/call";
import type { Layer, Service } from "@weir/kit/service";
import { headerValue, type HttpResponse } from "@weir/wire";
import type { Passage } from "../passage.ts";
import { grpcBodyFromWeb, grpcHeadersFromWeb, webAnswerFromGrpc, type WebForm } from "../rpc/web-translation.ts";

/**
 * Lets clients of gRPC-Web call endpoints that speak gRPC alone. Where a route has one, all its calls go in gRPC, which
 * the others speak too: so a fall-back needs no second translation. Further in a translated call is a call of gRPC;
 * failures leave as what the client speaks.
 */
export function translate(): Layer<Passage, HttpResponse> {
  return (next) => (passage, call) => {
    const { rpc } = passage;
    if (passage.route?.grpcOnly !== true || (rpc !== "grpc-web" && rpc !== "grpc-web-text")) return next(passage, call);
    return translated(next, { passage, call, form: rpc });
  };
}

async function translated(
  next: Service<Passage, HttpResponse>,
  { passage, call, form }: { readonly passage: Passage; readonly call: Call; readonly form: WebForm },
): Promise<HttpResponse> {
  const { headers } = passage;
  const accepted = headerValue(headers, "accept") ?? "";
  const asked = headers.slice();
  passage.body = grpcBodyFromWeb(passage.body, form);
  const timeoutName = passage.timeoutAt === -1 ? undefined : headers[passage.timeoutAt - 1];
  grpcHeadersFromWeb(headers);
  if (timeoutName !== undefined) passage.timeoutAt = headers.lastIndexOf(timeoutName) + 1;
  passage.rpc = "grpc";
  try {
    return webAnswerFromGrpc(await next(passage, call), { form, accepted });
  } catch (thrown) {
    // The refusal says back what the client said of its content.
    passage.rpc = form;
    headers.splice(0, headers.length, ...asked);
    throw thrown;
  }
}
