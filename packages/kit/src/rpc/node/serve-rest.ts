import type { HttpResponse } from "@weir/wire";
import { headerValue } from "@weir/wire";
import { fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import { contentTypeUnary, isContentType, timeoutMsFromHeader } from "../protocol-connect.ts";
import { textFromUtf8, wholeBody } from "./request-body.ts";
import { whenThere } from "./reply.ts";
import type { RestRoute } from "./rest-route.ts";
import { messageFromRest } from "./rest-route.ts";
import type { Asked } from "./rpc-server.ts";
import { serveStream } from "./serve-stream.ts";
import { serveUnary } from "./serve-unary.ts";

/** Where a REST request leads, and what its target brings. */
export interface RestTarget {
  readonly route: RestRoute;
  /** Without the verb. */
  readonly path: string;
  readonly query: string;
}

/** Answers a REST request whose route has been found. Throws a Fault that has not been answered yet. */
export function serveRest(asked: Asked, target: RestTarget): Promise<HttpResponse> {
  const { route } = target;
  if (asked.head.timeoutMs !== undefined) asked.timeoutMs = timeoutMsFromHeader(asked.head.timeoutMs);
  const message = messageFromTarget(asked, target);
  if (route.method.descriptor.kind === "unary") return serveUnary(message, asked, route.unary);
  const dialect = headerValue(asked.request.headers, "accept")?.includes("text/event-stream") ? route.events : route.lines;
  return serveStream(() => whenThere(message, (only) => ({ stream: false, message: only })), asked, dialect);
}

/** The message, or a promise of it when the body is still being read. */
function messageFromTarget({ request, server, head }: Asked, { route, path, query }: RestTarget): unknown {
  if (route.rule.body === "") return messageFromRest(route, { path, query, bodyText: undefined });
  return whenThere(wholeBody(request.body, server.requestBytesMax), (bytes) => {
    if (bytes.length > 0 && !isContentType(head.contentType, contentTypeUnary)) {
      throw fault(
        kitReasons.CONTENT_TYPE_UNSUPPORTED,
        `Expected the content type ${contentTypeUnary}, found ${head.contentType ?? "none"}.`,
      );
    }
    if (head.contentEncoding !== undefined && head.contentEncoding !== "identity") {
      throw fault(kitReasons.ENCODING_UNSUPPORTED, `Expected an uncompressed body, found "${head.contentEncoding}".`);
    }
    return messageFromRest(route, { path, query, bodyText: textFromUtf8(bytes) });
  });
}
