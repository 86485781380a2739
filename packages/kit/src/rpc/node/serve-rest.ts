import type { HttpResponse } from "@weir/wire";
import { headerValue } from "@weir/wire";
import { fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import { contentTypeUnary, isContentType, timeoutMsFromHeader } from "../protocol-connect.ts";
import { textFromUtf8, wholeBody } from "./request-body.ts";
import { whenThere } from "./reply.ts";
import { messageFromRawBody, messagesFromRawBody } from "./raw-body.ts";
import type { RestTarget } from "./rest-route.ts";
import { messageFromRest } from "./rest-route.ts";
import type { Asked } from "./rpc-server.ts";
import { serveStream } from "./serve-stream.ts";
import { serveClientStream, serveUnary } from "./serve-unary.ts";

/** Answers a REST request whose route has been found. Throws a Fault that has not been answered yet. */
export function serveRest(asked: Asked, target: RestTarget): Promise<HttpResponse> {
  const { route } = target;
  const { head, method, request } = asked;
  if (head.timeoutMs !== undefined) asked.timeoutMs = timeoutMsFromHeader(head.timeoutMs);
  const { kind } = method.descriptor;
  const dialect = headerValue(request.headers, "accept")?.includes("text/event-stream") ? route.events : route.lines;
  if (kind === "client_stream" || kind === "bidi_stream") {
    expectIdentity(asked);
    const messages = messagesFromRawBody(asked, target);
    if (kind === "client_stream") return serveClientStream(messages, asked, route.unary);
    return serveStream(() => ({ stream: true, messages }), asked, dialect);
  }
  const message = messageFromTarget(asked, target);
  if (kind === "unary") return serveUnary(message, asked, route.unary);
  return serveStream(() => whenThere(message, (only) => ({ stream: false, message: only })), asked, dialect);
}

/** The message, or a promise of it when the body is still being read. */
function messageFromTarget(asked: Asked, target: RestTarget): unknown {
  const { request, server, head } = asked;
  const { route, path, query } = target;
  if (route.rule.body === "") return messageFromRest(route, { path, query, bodyText: undefined });
  return whenThere(wholeBody(request.body, server.requestBytesMax), (bytes) => {
    if (route.rule.rawBody === true) {
      expectIdentity(asked);
      return messageFromRawBody(bytes, asked, target);
    }
    if (bytes.length > 0 && !isContentType(head.contentType, contentTypeUnary)) {
      throw fault(
        kitReasons.CONTENT_TYPE_UNSUPPORTED,
        `Expected the content type ${contentTypeUnary}, found ${head.contentType ?? "none"}.`,
      );
    }
    expectIdentity(asked);
    return messageFromRest(route, { path, query, bodyText: textFromUtf8(bytes) });
  });
}

function expectIdentity({ head }: Asked): void {
  if (head.contentEncoding === undefined || head.contentEncoding === "identity") return;
  throw fault(kitReasons.ENCODING_UNSUPPORTED, `Expected an uncompressed body, found "${head.contentEncoding}".`);
}
