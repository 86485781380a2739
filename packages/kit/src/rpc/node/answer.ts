import type { HeaderList, HttpResponse } from "@weir/wire";
import type { Call } from "../../call.ts";
import type { Fault } from "../../fault.ts";
import { codes } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import { errorJsonFromFault } from "../error-json.ts";
import { contentTypeUnary } from "../protocol-connect.ts";

/** Set by the protocols themselves; a handler's reply metadata cannot name them. */
const reservedNames: ReadonlySet<string> = new Set([
  "content-type",
  "content-length",
  "content-encoding",
  "transfer-encoding",
  "connection",
  "keep-alive",
  "upgrade",
  "trailer",
]);

/** Refusals that HTTP has a more fitting status for than their code. */
const httpStatuses: ReadonlyMap<string, number> = new Map([
  [kitReasons.VERB_NOT_ALLOWED.reason, 405],
  [kitReasons.CONTENT_TYPE_UNSUPPORTED.reason, 415],
]);

/** A JSON answer with the reply metadata of its call as headers. */
export function jsonAnswer(text: string, call: Call): HttpResponse {
  const headers = ["content-type", contentTypeUnary];
  if (call.replyMetadata.length > 0) addReplyHeaders(headers, call.replyMetadata, 0);
  return { status: 200, headers, body: Buffer.from(text) };
}

/** What `faultAnswer` needs to know beside the Fault. */
export interface FaultAnswerOptions {
  readonly rest: boolean;
  /** Full name of the service, or "weir" when none was reached. */
  readonly domain: string;
  readonly call?: Call | undefined;
  /** Further headers, such as Allow. */
  readonly headers?: HeaderList;
}

/**
 * A Fault as Connect error JSON with its HTTP status; on REST with `reason` at the top.
 * `retryAfterMs` is also a Retry-After header, in seconds rounded up; 401 carries the challenge that RFC 9110 asks for.
 */
export function faultAnswer(fault: Fault, options: FaultAnswerOptions): HttpResponse {
  const { rest } = options;
  const headers = ["content-type", contentTypeUnary, ...(options.headers ?? [])];
  if (fault.retryAfterMs !== undefined) headers.push("retry-after", String(Math.ceil(fault.retryAfterMs / 1000)));
  if (fault.code === "UNAUTHENTICATED") headers.push("www-authenticate", "Bearer");
  if (options.call) addReplyHeaders(headers, options.call.replyMetadata, 0);
  const json = errorJsonFromFault(fault, options.domain);
  const body = rest ? { code: json.code, reason: fault.reason, message: json.message, details: json.details } : json;
  const tooLarge = rest && fault.reason === kitReasons.REQUEST_TOO_LARGE.reason;
  const status = tooLarge ? 413 : (httpStatuses.get(fault.reason) ?? codes[fault.code].http);
  return { status, headers, body: Buffer.from(JSON.stringify(body)) };
}

/** Adds reply metadata from `from` on as headers, leaving out what belongs to the protocol. */
export function addReplyHeaders(headers: HeaderList, metadata: readonly string[], from: number): void {
  for (let index = from; index + 1 < metadata.length; index += 2) {
    const name = metadata[index] as string;
    if (!reservedNames.has(name)) headers.push(name, metadata[index + 1] as string);
  }
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
