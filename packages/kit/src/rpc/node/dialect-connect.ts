import type { HeaderList, HttpResponse } from "@weir/wire";
import type { Call } from "../../call.ts";
import { bytesFromEnvelope, envelopeEnd } from "../envelope.ts";
import { errorJsonFromFault } from "../error-json.ts";
import { endStreamJson } from "../protocol-connect.ts";
import { faultAnswer } from "./answer.ts";
import type { StreamDialect, StreamEnding, UnaryDialect } from "./dialect.ts";
import type { Encoding } from "./method-codec.ts";
import { prefixBytes } from "./method-codec.ts";
import { addPrefixedTrailers, addReply, compressorOf, envelopeOut, whenThere } from "./reply.ts";
import { checkAnswerBytes } from "./rpc-server.ts";

/** Unary calls of Connect in one encoding: bare messages, HTTP statuses, errors as JSON. Source: Connect protocol, "Unary RPCs". */
export function createConnectUnary(encoding: Encoding): UnaryDialect {
  const contentType = `application/${encoding}`;
  return {
    answer(message, asked, call) {
      const bytes = asked.method.codecs[encoding].encode(message);
      checkAnswerBytes(bytes.length, asked);
      const headers: HeaderList = ["content-type", contentType];
      addMetadata(headers, call);
      if (asked.head.acceptEncoding === undefined || bytes.length < asked.server.compressBytesMin)
        return { status: 200, headers, body: bytes };
      headers.push("vary", "accept-encoding");
      const compressor = compressorOf(asked, asked.head.acceptEncoding);
      if (!compressor) return { status: 200, headers, body: bytes };
      headers.push("content-encoding", compressor.name);
      return whenThere(compressor.compress(bytes), (body): HttpResponse => ({ status: 200, headers, body }));
    },
    refuse: (found, { domain, call }) => faultAnswer(found, { rest: false, domain, call }),
  };
}

/** Streams of Connect in one encoding: enveloped messages, then the end message. Source: Connect protocol, "Streaming RPCs". */
export function createConnectStream(encoding: Encoding): StreamDialect {
  const contentType = `application/connect+${encoding}`;
  return {
    headWaits: "while",
    head(asked, call) {
      const headers: HeaderList = ["content-type", contentType];
      const compressor = compressorOf(asked, asked.head.streamAcceptEncoding);
      if (compressor) headers.push("connect-content-encoding", compressor.name);
      addReply(headers, call.replyMetadata, 0);
      return headers;
    },
    frame(message, asked) {
      const bytes = asked.method.codecs[encoding].envelope(message);
      checkAnswerBytes(bytes.length - prefixBytes, asked);
      return envelopeOut(bytes, asked, compressorOf(asked, asked.head.streamAcceptEncoding));
    },
    end: endEnvelope,
    trailers: () => undefined,
    refuse(fault, { domain, call }) {
      const headers: HeaderList = ["content-type", contentType];
      if (call) addReply(headers, call.replyMetadata, 0);
      return { status: 200, headers, body: endEnvelope({ fault, domain, metadata: call?.hasReplyTrailers ? call.replyTrailers : [] }) };
    },
  };
}

function endEnvelope({ fault, domain, metadata }: StreamEnding): Uint8Array {
  const trailers: HeaderList = [];
  addReply(trailers, metadata, 0);
  return bytesFromEnvelope(envelopeEnd, Buffer.from(endStreamJson(fault && errorJsonFromFault(fault, domain), trailers)));
}

function addMetadata(headers: HeaderList, call: Call): void {
  if (call.replyMetadata.length > 0) addReply(headers, call.replyMetadata, 0);
  addPrefixedTrailers(headers, call);
}
