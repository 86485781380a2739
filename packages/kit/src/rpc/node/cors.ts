import type { HttpHandler, HttpRequest, HttpResponse } from "@weir/wire";
import { headerValue } from "@weir/wire";
import { fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import { faultAnswer } from "./answer.ts";

/** What pages may read of every answer, beside what it holds by itself. Trailers of gRPC are no headers, and those of gRPC-Web stand in the body. */
const exposed = ["grpc-status", "grpc-message", "grpc-status-details-bin", "grpc-encoding", "connect-content-encoding", "retry-after"];

/** What pages may read anyway. Source: Fetch standard, "CORS-safelisted response-header name". */
const safelisted: ReadonlySet<string> = new Set([
  "cache-control",
  "content-language",
  "content-length",
  "content-type",
  "expires",
  "last-modified",
  "pragma",
  "vary",
]);

const askedLengthMax = 1000;

/**
 * Lets pages of other origins call. `origins` are exact ("https://app.example.org") or "*" for all; a page of an origin that is listed by
 * its name may send cookies, others may not. Pages may read every header that the answer holds. A preflight from an origin that is not
 * listed is refused with ORIGIN_NOT_ALLOWED, others are good for two hours; other requests are answered without the headers, so that only
 * the browser withholds the answer. Source: Fetch standard, "CORS protocol".
 */
export function withCors(handler: HttpHandler, origins: readonly string[]): HttpHandler {
  const named = new Set(origins.filter((origin) => origin !== "*"));
  const isOpen = origins.includes("*");
  return async (request, exchange) => {
    const origin = headerValue(request.headers, "origin");
    // What caches may keep must not be given to a page of another origin.
    const isKept = named.size > 0 && (request.method === "GET" || request.method === "HEAD");
    if (origin === undefined)
      return isKept ? withHeaders(await handler(request, exchange), ["vary", "origin"]) : handler(request, exchange);
    const isNamed = named.has(origin);
    const grant = isNamed ? grantByName(origin) : isOpen ? ["access-control-allow-origin", "*"] : undefined;
    if (request.method === "OPTIONS" && headerValue(request.headers, "access-control-request-method") !== undefined) {
      return grant ? preflightAnswer(request, grant) : refusal(origin);
    }
    const answer = await handler(request, exchange);
    if (!grant) return isKept ? withHeaders(answer, ["vary", "origin"]) : answer;
    // The wildcard of this header does not count where cookies may go, and older browsers do not know it.
    const names = isNamed ? exposedBy(answer) : ["*", ...exposedBy(answer)];
    return withHeaders(answer, [
      ...grant,
      "access-control-expose-headers",
      names.join(", "),
      ...(named.size > 0 ? ["vary", "origin"] : []),
    ]);
  };
}

function grantByName(origin: string): string[] {
  return ["access-control-allow-origin", origin, "access-control-allow-credentials", "true"];
}

function exposedBy(answer: HttpResponse): string[] {
  const names = new Set(exposed);
  for (let index = 0; index < answer.headers.length; index += 2) {
    const name = answer.headers[index] as string;
    if (!safelisted.has(name) && name !== "set-cookie") names.add(name);
  }
  return [...names];
}

function withHeaders(answer: HttpResponse, more: readonly string[]): HttpResponse {
  return { ...answer, headers: [...answer.headers, ...more] };
}

function preflightAnswer(request: HttpRequest, grant: readonly string[]): HttpResponse {
  const headers = [...grant, "access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE"];
  const asked = headerValue(request.headers, "access-control-request-headers");
  if (asked !== undefined && asked.length <= askedLengthMax) headers.push("access-control-allow-headers", asked);
  headers.push("access-control-max-age", "7200", "vary", "origin, access-control-request-method, access-control-request-headers");
  return { status: 204, headers };
}

function refusal(origin: string): HttpResponse {
  const found = fault(kitReasons.ORIGIN_NOT_ALLOWED, `The origin ${origin.slice(0, 200)} may not call.`);
  return withHeaders(faultAnswer(found, { rest: true, domain: "weir" }), ["vary", "origin"]);
}
