import type { HeaderList } from "@weir/wire";
import type { Call } from "../../call.ts";
import type { HttpBody } from "../../contract/google/api/httpbody.weir.ts";
import { faultAnswer } from "./answer.ts";
import type { RefusalContext, Refusing, StreamDialect, UnaryDialect } from "./dialect.ts";
import { addPrefixedTrailers, addReply } from "./reply.ts";
import { checkAnswerBytes } from "./rpc-server.ts";

const bytesType = "application/octet-stream";
const refusing: Refusing = { refuse: (found, { domain, call }: RefusalContext) => faultAnswer(found, { rest: true, domain, call }) };

/** Unary answers whose body is a google.api.HttpBody, or a field of the message that is one; "" for the whole message. */
export function createRawUnary(field: string): UnaryDialect {
  return {
    ...refusing,
    answer(message, asked, call) {
      const body = bodyOf(message, field);
      checkAnswerBytes(body?.data.length ?? 0, asked);
      const headers = headersOf(body, call);
      addPrefixedTrailers(headers, call);
      return { status: 200, headers, body: body?.data ?? new Uint8Array(0) };
    },
  };
}

/**
 * Streams whose messages are the pieces of one body; the first says its type. A stream that fails after its first piece is cut off, as
 * HTTP has no other way to say so: over HTTP/1.1 the connection closes before the last chunk, over HTTP/2 the stream is reset.
 */
export function createRawStream(field: string): StreamDialect {
  return {
    ...refusing,
    headWaits: "always",
    head: (_asked, call, first) => headersOf(first === undefined ? undefined : bodyOf(first, field), call),
    frame(message, asked) {
      const bytes = bodyOf(message, field)?.data ?? new Uint8Array(0);
      checkAnswerBytes(bytes.length, asked);
      return bytes;
    },
    end({ fault }) {
      if (fault) throw fault;
      return undefined;
    },
    trailers: () => undefined,
  };
}

function bodyOf(message: unknown, field: string): HttpBody | undefined {
  return (field === "" ? message : (message as Record<string, unknown>)[field]) as HttpBody | undefined;
}

/** A browser must not take the bytes for anything but what they are said to be. */
function headersOf(body: HttpBody | undefined, call: Call): HeaderList {
  const type = body === undefined || body.contentType === "" ? bytesType : body.contentType;
  const headers = ["content-type", type, "x-content-type-options", "nosniff"];
  addReply(headers, call.replyMetadata, 0);
  return headers;
}
