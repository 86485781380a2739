import type { HttpResponse } from "@weir/wire";
import { headerValue } from "@weir/wire";
import { fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import { contentTypeUnary, isContentType } from "../protocol-connect.ts";
import { eventFrames, lineFrames } from "./frames.ts";
import { textFromUtf8, withBody } from "./request-body.ts";
import type { RestInput, RestRoute } from "./rest-route.ts";
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

/** Answers a REST request whose route has been found. Throws or rejects with a Fault that has not been answered yet. */
export function serveRest(asked: Asked, target: RestTarget): Promise<HttpResponse> {
  const { request, server, head } = asked;
  const { route, path, query } = target;
  if (route.rule.body === "") return serveMessage(asked, route, { path, query, bodyText: undefined });
  return withBody(request.body, server.requestBytesMax, (bytes) => {
    if (bytes.length > 0 && !isContentType(head.contentType, contentTypeUnary)) {
      throw fault(
        kitReasons.CONTENT_TYPE_UNSUPPORTED,
        `Expected the content type ${contentTypeUnary}, found ${head.contentType ?? "none"}.`,
      );
    }
    if (head.contentEncoding !== undefined && head.contentEncoding !== "identity") {
      throw fault(kitReasons.ENCODING_UNSUPPORTED, `Expected an uncompressed body, found "${head.contentEncoding}".`);
    }
    return serveMessage(asked, route, { path, query, bodyText: textFromUtf8(bytes) });
  });
}

function serveMessage(asked: Asked, route: RestRoute, input: RestInput): Promise<HttpResponse> {
  const message = messageFromRest(route, input);
  if (route.method.descriptor.kind === "unary") return serveUnary(message, asked);
  const frames = headerValue(asked.request.headers, "accept")?.includes("text/event-stream") ? eventFrames : lineFrames;
  return serveStream(() => Promise.resolve({ stream: false, message }), asked, frames);
}
