import type { Call } from "@weir/kit/call";
import type { Layer, Service } from "@weir/kit/service";
import { headerValue, type BodyStream, type HttpRequest, type HttpResponse } from "@weir/wire";
import type { CompiledRoute } from "../compiled-route.ts";
import { leaveBody, madeBody } from "../http/made-body.ts";
import { isWhole, over, type Passage } from "../passage.ts";
import type { SendCall } from "../rest/rest-door.ts";
import type { RestDoors } from "../rest/rest-doors.ts";
import { grpcBodyFromWeb, grpcHeadersFromWeb, webAnswerFromGrpc, type WebForm } from "../rpc/web-translation.ts";
import type { Cluster } from "../upstream/cluster.ts";

/** What the layer works with. */
export interface TranslateOptions {
  readonly doors: RestDoors;
}

/** One request on its way through the translation. */
interface Translated {
  readonly passage: Passage;
  readonly call: Call;
  readonly options: TranslateOptions;
}

/**
 * Lets everybody call endpoints that speak gRPC alone: gRPC-Web by its frames, REST and Connect by what the endpoints say of
 * themselves. Where a route has such an endpoint all its calls go in gRPC, which the others speak too: so a fall-back
 * needs no second translation. Further in a translated call is a call of gRPC; failures leave as what the client speaks.
 */
export function translate(options: TranslateOptions): Layer<Passage, HttpResponse> {
  return (next) => (passage, call) => {
    const { rpc, route, upgrade } = passage;
    if (route?.grpcOnly !== true || rpc === "grpc" || upgrade !== undefined) return next(passage, call);
    if (rpc === "grpc-web" || rpc === "grpc-web-text") return fromWeb(next, { passage, call, options }, rpc);
    return throughDoor(next, { passage, call, options });
  };
}

async function fromWeb(next: Service<Passage, HttpResponse>, { passage, call }: Translated, form: WebForm): Promise<HttpResponse> {
  const { headers } = passage;
  const accepted = headerValue(headers, "accept") ?? "";
  const asked = headers.slice();
  passage.body = grpcBodyFromWeb(passage.body, form);
  const timeoutName = passage.timeoutAt === -1 ? undefined : headers[passage.timeoutAt - 1];
  grpcHeadersFromWeb(headers);
  if (timeoutName !== undefined) passage.timeoutAt = headers.lastIndexOf(timeoutName) + 1;
  passage.rpc = "grpc";
  try {
    return webAnswerFromGrpc(await next(passage, call), { form, accepted, domain: passage.domain });
  } catch (thrown) {
    // The refusal says back what the client said of its content.
    passage.rpc = form;
    headers.splice(0, headers.length, ...asked);
    throw thrown;
  }
}

async function throughDoor(next: Service<Passage, HttpResponse>, { passage, call, options }: Translated): Promise<HttpResponse> {
  const { method, target, authority, headers, body, rpc } = passage;
  const route = passage.route as CompiledRoute;
  const door = await options.doors.of(passage.cluster as Cluster);
  // Time is kept further in, where retries share it; the door knows of none.
  if (passage.timeoutAt !== -1) headers.splice(passage.timeoutAt - 1, 2);
  const asked = headers.slice();
  const request: HttpRequest = { method, target, authority, headers: asked, body };
  let failure: { readonly thrown: unknown } | undefined;

  const send: SendCall = async (message, { isStream }) => {
    headers.splice(0, headers.length, ...callHeaders(message.headers));
    const { body: sent } = message;
    const isTaken = sent !== undefined && !(sent instanceof Uint8Array) && sent.whole === undefined;
    // A stream of answers may go on, also when its request looks like any other.
    if (isStream && rpc === undefined) passage.deadlineMs = passage.startedMs + route.callTimeoutMs;
    const timeoutAt = passage.deadlineMs === Infinity ? -1 : headers.push("grpc-timeout", "") - 1;
    const asGrpc = { method: message.method, target: message.target, body: sent, rpc: "grpc", timeoutAt };
    Object.assign(passage, asGrpc, { bodyTaken: isTaken, bodyFlowing: false });
    try {
      return await next(passage, call);
    } catch (thrown) {
      failure = { thrown };
      headers.splice(0, headers.length, ...asked);
      throw thrown;
    } finally {
      // What is told of the request is what the client asked, and a refusal says back what it said of its content.
      Object.assign(passage, { method, target, rpc });
    }
  };
  const response = await door(request, send);
  if (failure !== undefined) throw failure.thrown;
  return isWhole(response) ? response : { ...response, body: followed(response.body as BodyStream, passage) };
}

/** What a client said of its own protocol, which is not the endpoint's. */
const foreign: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "content-encoding",
  "content-length",
  "connect-protocol-version",
]);

function callHeaders(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const [name, value] = [headers[index] as string, headers[index + 1] as string];
    const isForeign = foreign.has(name) || (name === "content-type" && !value.startsWith("application/grpc"));
    if (!isForeign) kept.push(name, value);
  }
  return kept;
}

/** The same body; the passage hears of its end even when the endpoint's answer was whole at once. */
function followed(body: BodyStream, passage: Passage): BodyStream {
  const chunks = (async function* () {
    let end: "whole" | "left" = "left";
    try {
      yield* body;
      end = "whole";
    } finally {
      over(passage, { kind: end });
    }
  })();
  const leave = (): void => {
    leaveBody(body);
    over(passage, { kind: "left" });
  };
  return madeBody(chunks, { length: body.length, trailers: () => body.trailers?.(), leave });
}
