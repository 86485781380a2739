import type { HttpResponse } from "@weir/wire";
import { fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import type { Message } from "../../service.ts";
import { bytesFromBase64 } from "../../contract/base64.ts";
import { placeAmongPrograms } from "../../contract/json.ts";
import type { Envelope, EnvelopeLimits } from "../envelope.ts";
import { envelopesFromBody } from "../envelope.ts";
import { contentTypeStream, contentTypeUnary, isContentType, jsonFromText } from "../protocol-connect.ts";
import { queryValue } from "../query.ts";
import { connectFrames } from "./frames.ts";
import { textFromUtf8, withBody } from "./request-body.ts";
import type { Asked, ServedMethod } from "./rpc-server.ts";
import { serveStream } from "./serve-stream.ts";
import { serveUnary } from "./serve-unary.ts";

/** What the target of a Connect request brings: a query, for GET. */
export interface ConnectTarget {
  readonly query: string;
}

/** Answers a Connect request whose HTTP method has been checked. Throws or rejects with a Fault that has not been answered yet. */
export function serveConnect(asked: Asked, { query }: ConnectTarget): Promise<HttpResponse> {
  const { head, method, request, server } = asked;
  if (head.protocolVersion !== undefined && head.protocolVersion !== "1") {
    throw fault(kitReasons.PROTOCOL_VERSION_UNSUPPORTED, `Expected connect-protocol-version 1, found "${head.protocolVersion}".`);
  }
  if (request.method !== "POST") return serveUnary(messageFromQuery(method, query), asked);
  if (method.descriptor.kind !== "unary") return serveConnectStream(asked);
  expectContentType(head.contentType, contentTypeUnary);
  expectIdentity(head.contentEncoding);
  return withBody(request.body, server.requestBytesMax, (bytes) => serveUnary(messageFromBytes(method, bytes), asked));
}

function serveConnectStream(asked: Asked): Promise<HttpResponse> {
  const { head, method } = asked;
  expectContentType(head.contentType, contentTypeStream);
  expectIdentity(head.streamEncoding);
  const takesStream = method.descriptor.kind !== "server_stream";
  const input = async (): Promise<Message<unknown>> =>
    takesStream ? { stream: true, messages: messagesFromBody(asked) } : { stream: false, message: await onlyMessage(asked) };
  return serveStream(input, asked, connectFrames);
}

async function* messagesFromBody({ request, server, method }: Asked): AsyncGenerator<unknown, void, undefined> {
  const limits: EnvelopeLimits = {
    bytesMax: server.requestBytesMax,
    tooLarge: kitReasons.REQUEST_TOO_LARGE,
    truncated: kitReasons.ENVELOPE_INVALID,
  };
  for await (const envelope of envelopesFromBody(request.body, limits)) yield messageFromEnvelope(method, envelope);
}

async function onlyMessage(asked: Asked): Promise<unknown> {
  let found: { readonly message: unknown } | undefined;
  for await (const message of messagesFromBody(asked)) {
    if (found) throw fault(kitReasons.ENVELOPE_INVALID, `Expected one message for ${asked.method.descriptor.path}, found more.`);
    found = { message };
  }
  if (!found) throw fault(kitReasons.ENVELOPE_INVALID, `Expected one message for ${asked.method.descriptor.path}, found none.`);
  return found.message;
}

function messageFromEnvelope(method: ServedMethod, { flags, data }: Envelope): unknown {
  if (flags === 1) expectIdentity("unknown");
  if (flags !== 0) throw fault(kitReasons.ENVELOPE_INVALID, `Expected an envelope with the flags 0, found ${flags}.`);
  return messageFromBytes(method, data);
}

function messageFromBytes(method: ServedMethod, bytes: Uint8Array): unknown {
  return messageFromText(method, textFromUtf8(bytes));
}

/** Over Connect programs talk, and some have a newer contract than we: fields that we do not know are passed over. */
function messageFromText(method: ServedMethod, text: string): unknown {
  return method.descriptor.input.fromJson(jsonFromText(text, "message"), placeAmongPrograms());
}

/** Source: Connect protocol, "Unary-Get-Request". */
function messageFromQuery(method: ServedMethod, query: string): unknown {
  const encoding = queryValue(query, "encoding");
  if (encoding !== "json")
    throw fault(kitReasons.CONTENT_TYPE_UNSUPPORTED, `Expected encoding=json in the query, found "${encoding ?? ""}".`);
  expectIdentity(queryValue(query, "compression"));
  const message = queryValue(query, "message");
  if (message === undefined) throw fault(kitReasons.QUERY_INVALID, "Expected a message in the query, found none.");
  if (queryValue(query, "base64") !== "1") return messageFromText(method, message);
  const bytes = bytesFromBase64(message);
  if (!bytes) throw fault(kitReasons.QUERY_INVALID, "Expected base64 as message in the query, found something else.");
  return messageFromBytes(method, bytes);
}

function expectContentType(found: string | undefined, expected: string): void {
  if (!isContentType(found, expected))
    throw fault(kitReasons.CONTENT_TYPE_UNSUPPORTED, `Expected the content type ${expected}, found ${found ?? "none"}.`);
}

function expectIdentity(encoding: string | undefined): void {
  if (encoding === undefined || encoding === "identity" || encoding === "") return;
  throw fault(kitReasons.ENCODING_UNSUPPORTED, `Expected an uncompressed message (identity), found "${encoding}".`);
}
