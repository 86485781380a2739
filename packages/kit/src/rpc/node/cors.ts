import type { HttpHandler, HttpRequest, HttpResponse } from "@weir/wire";
import { headerValue } from "@weir/wire";
import { fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import { faultAnswer } from "./answer.ts";

/**
 * Lets pages of other origins call. `origins` are exact ("https://app.example.org") or "*" for all; cookies are never allowed, tokens are.
 * A preflight from an origin that is not listed is refused with ORIGIN_NOT_ALLOWED; other requests are answered without the headers, so
 * that only the browser withholds the answer. Source: Fetch standard, "CORS protocol".
 */
export function withCors(handler: HttpHandler, origins: readonly string[]): HttpHandler {
  const allowed = new Set(origins);
  return async (request, exchange) => {
    const origin = headerValue(request.headers, "origin");
    if (origin === undefined) return handler(request, exchange);
    const isAllowed = allowed.has("*") || allowed.has(origin);
    if (request.method === "OPTIONS" && headerValue(request.headers, "access-control-request-method") !== undefined) {
      return isAllowed ? preflightAnswer(request, origin) : refusal(origin);
    }
    const answer = await handler(request, exchange);
    if (!isAllowed) return answer;
    const headers = [...answer.headers, "access-control-allow-origin", origin, "access-control-expose-headers", "*", "vary", "origin"];
    return { ...answer, headers };
  };
}

function preflightAnswer(request: HttpRequest, origin: string): HttpResponse {
  const headers = ["access-control-allow-origin", origin, "access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE"];
  const asked = headerValue(request.headers, "access-control-request-headers");
  if (asked !== undefined) headers.push("access-control-allow-headers", asked);
  headers.push("access-control-max-age", "7200", "vary", "origin, access-control-request-headers");
  return { status: 204, headers };
}

function refusal(origin: string): HttpResponse {
  return faultAnswer(fault(kitReasons.ORIGIN_NOT_ALLOWED, `The origin ${origin} may not call.`), { rest: true, domain: "weir" });
}
