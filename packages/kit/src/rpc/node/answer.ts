import type { HeaderList, HttpResponse } from "@weir/wire";
import type { Call } from "../../call.ts";
import type { Fault } from "../../fault.ts";
import { codes } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import { travellingMs } from "../error-detail.ts";
import { errorJsonFromFault } from "../error-json.ts";
import { contentTypeUnary } from "../protocol-connect.ts";
import { addPrefixedTrailers, addReply } from "./reply.ts";

/** Refusals that HTTP has a more fitting status for than their code. They say that this is no call at all. */
const httpStatuses: ReadonlyMap<string, number> = new Map([
  [kitReasons.VERB_NOT_ALLOWED.reason, 405],
  [kitReasons.CONTENT_TYPE_UNSUPPORTED.reason, 415],
  [kitReasons.HTTP_VERSION_UNSUPPORTED.reason, 505],
  [kitReasons.UPGRADE_REQUIRED.reason, 426],
]);

/** A JSON answer with the metadata of its call as headers. */
export function jsonAnswer(body: Uint8Array, call: Call): HttpResponse {
  const headers = ["content-type", contentTypeUnary];
  if (call.replyMetadata.length > 0) addReply(headers, call.replyMetadata, 0);
  addPrefixedTrailers(headers, call);
  return { status: 200, headers, body };
}

/** What `faultAnswer` needs to know beside the Fault. */
export interface FaultAnswerOptions {
  readonly rest: boolean;
  /** Full name of the service, or "weir" when none was reached; "" when reasons are not to travel. */
  readonly domain: string;
  readonly call?: Call | undefined;
  /** Further headers, such as Allow. */
  readonly headers?: HeaderList;
}

/**
 * A Fault as Connect error JSON with its HTTP status; on REST with `reason` at the top. Outside REST, what is no call is answered in plain
 * text: a client of Connect, gRPC or gRPC-Web has to go by the status then (Connect protocol, "HTTP to Error Code").
 * `retryAfterMs` is also a Retry-After header, in seconds rounded up; 401 carries the challenge that RFC 9110 asks for.
 */
export function faultAnswer(fault: Fault, options: FaultAnswerOptions): HttpResponse {
  const { rest } = options;
  const httpStatus = httpStatuses.get(fault.reason);
  if (!rest && httpStatus !== undefined) {
    const headers = ["content-type", "text/plain; charset=utf-8", ...(options.headers ?? [])];
    return { status: httpStatus, headers, body: Buffer.from(`${fault.message}\n`) };
  }
  const headers = ["content-type", contentTypeUnary, ...(options.headers ?? [])];
  const retryAfterMs = travellingMs(fault.retryAfterMs);
  if (retryAfterMs !== undefined) headers.push("retry-after", String(Math.ceil(retryAfterMs / 1000)));
  if (fault.code === "UNAUTHENTICATED") headers.push("www-authenticate", "Bearer");
  if (options.call) {
    addReply(headers, options.call.replyMetadata, 0);
    addPrefixedTrailers(headers, options.call);
  }
  const json = errorJsonFromFault(fault, options.domain);
  const body = rest ? { code: json.code, reason: fault.reason, message: json.message, details: json.details } : json;
  const tooLarge = rest && fault.reason === kitReasons.REQUEST_TOO_LARGE.reason;
  const status = tooLarge ? 413 : (httpStatus ?? codes[fault.code].http);
  return { status, headers, body: Buffer.from(JSON.stringify(body)) };
}

/** The same answer for a HEAD: without its body, which is not begun. */
export function headAnswer(answer: HttpResponse): HttpResponse {
  const { body } = answer;
  if (body === undefined || body instanceof Uint8Array)
    return { status: answer.status, headers: answer.headers, lengthOfGet: body?.length ?? 0 };
  void body[Symbol.asyncIterator]()
    .return?.()
    .catch(() => undefined);
  return { status: answer.status, headers: answer.headers };
}
