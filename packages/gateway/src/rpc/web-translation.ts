import { bytesFromTextBody, bytesFromTrailers, createTextBodyReader, textFromBody } from "@weir/kit/rpc/grpc-web";
import { headerValue, type Body, type BodyStream, type HeaderList, type HttpResponse } from "@weir/wire";
import { leaveBody, madeBody } from "../http/made-body.ts";
import { failureEnvelope } from "./end.ts";
import { EnvelopeWatch } from "./envelope-watch.ts";
import { gatewayReasons } from "../reasons.ts";
import { fault } from "@weir/kit/fault";

/** The two forms of gRPC-Web. */
export type WebForm = "grpc-web" | "grpc-web-text";

/** Names that mean something to servers of gRPC-Web alone. */
const webNames: ReadonlySet<string> = new Set(["x-grpc-web", "accept", "content-length"]);
const statusNames = ["grpc-status", "grpc-message", "grpc-status-details-bin"];
const webType = /^application\/grpc-web(?:-text)?/i;

/** Turns the headers of a call of gRPC-Web into those of gRPC, in place. Source: gRPC Web, "Protocol differences". */
export function grpcHeadersFromWeb(headers: HeaderList): void {
  for (let index = headers.length - 2; index >= 0; index -= 2) {
    const name = headers[index] as string;
    if (webNames.has(name)) headers.splice(index, 2);
    else if (name === "content-type") headers[index + 1] = (headers[index + 1] as string).replace(webType, "application/grpc");
  }
}

/** The body of a call of gRPC-Web as gRPC has it. Text that is not base64 is GRPC_WEB_TEXT_INVALID, thrown or found in the body. */
export function grpcBodyFromWeb(body: Body, form: WebForm): Body {
  if (form === "grpc-web" || body === undefined) return body;
  const whole = body instanceof Uint8Array ? body : body.whole;
  if (whole === undefined) return bodyFrom(body as BodyStream, bytesFromTextBody(body as BodyStream, gatewayReasons.GRPC_WEB_TEXT_INVALID));
  const reader = createTextBodyReader(gatewayReasons.GRPC_WEB_TEXT_INVALID);
  return Buffer.concat([reader.push(whole), reader.end()]);
}

/** An answer of gRPC as gRPC-Web: its trailers become the last envelope of its body. `accepted` is the client's header, `domain` as for a failure. */
export function webAnswerFromGrpc(
  response: HttpResponse,
  { form, accepted, domain }: { readonly form: WebForm; readonly accepted: string; readonly domain: string },
): HttpResponse {
  const isText = form === "grpc-web-text" || accepted.startsWith("application/grpc-web-text");
  const headers = webHeaders(response.headers, isText);
  const { body } = response;
  const encode = isText ? textFromBody : (bytes: Uint8Array): Uint8Array => bytes;
  if (body === undefined || body instanceof Uint8Array) {
    if (body !== undefined) checkWhole(body);
    const ends = bytesFromTrailers(takenStatus(headers));
    return { status: response.status, headers, body: encode(body === undefined ? ends : Buffer.concat([body, ends])) };
  }
  if (body.whole !== undefined) {
    checkWhole(body.whole);
    const bytes = Buffer.concat([body.whole, bytesFromTrailers(body.trailers?.() ?? [])]);
    return { status: response.status, headers, body: encode(bytes) };
  }
  return { status: response.status, headers, body: bodyFrom(body, webBody(body, { encode, domain })) };
}

interface WebBodyOptions {
  readonly encode: (bytes: Uint8Array) => Uint8Array;
  readonly domain: string;
}

async function* webBody(body: BodyStream, { encode, domain }: WebBodyOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const watch = new EnvelopeWatch("grpc-web");
  for await (const bytes of body) {
    watch.push(bytes);
    yield encode(bytes);
  }
  checkEnd(watch);
  const trailers = body.trailers?.();
  yield encode(trailers === undefined ? noStatus(domain) : bytesFromTrailers(trailers));
}

function checkWhole(bytes: Uint8Array): void {
  const watch = new EnvelopeWatch("grpc-web");
  watch.push(bytes);
  checkEnd(watch);
}

/**
 * Behind half a message our trailers would be read as the rest of it, and a message that claims to be trailers as ours: then
 * nothing that could be said would be understood. Throws UPSTREAM_NOT_GRPC.
 */
function checkEnd({ atBoundary, hasEnded }: EnvelopeWatch): void {
  if (atBoundary && !hasEnded) return;
  const found = hasEnded ? "one that claims to be trailers" : "half of one";
  throw fault(gatewayReasons.UPSTREAM_NOT_GRPC, `Expected whole messages of gRPC, found ${found}.`);
}

/** A client of gRPC-Web cannot see that trailers are missing, so it is told. */
function noStatus(domain: string): Uint8Array {
  const failure = fault({ ...gatewayReasons.UPSTREAM_NOT_GRPC }, "Expected grpc-status in the trailers of the answer, found none.");
  return failureEnvelope("grpc-web", failure, domain) as Uint8Array;
}

function webHeaders(headers: HeaderList, isText: boolean): HeaderList {
  const kept: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const [name, value] = [headers[index] as string, headers[index + 1] as string];
    kept.push(name, name === "content-type" ? webTypeOf(value, isText) : value);
  }
  return kept;
}

function webTypeOf(type: string, isText: boolean): string {
  return type.replace(/^application\/grpc/, isText ? "application/grpc-web-text" : "application/grpc-web");
}

/** Takes what an answer of trailers alone says out of its headers. */
function takenStatus(headers: HeaderList): HeaderList {
  const taken: string[] = [];
  for (const name of statusNames) {
    const value = headerValue(headers, name);
    if (value === undefined) continue;
    taken.push(name, value);
    headers.splice(headers.indexOf(name), 2);
  }
  return taken;
}

/** A body made of another, that has no trailers and whose length nobody knows. */
function bodyFrom(source: BodyStream, chunks: AsyncGenerator<Uint8Array, void, undefined>): BodyStream {
  return madeBody(chunks, { leave: () => leaveBody(source) });
}
