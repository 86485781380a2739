import type { HeaderList, HttpResponse } from "@weir/wire";
import { bodyWithTrailers } from "@weir/wire";
import type { Call } from "../../call.ts";
import type { Fault } from "../../fault.ts";
import { trailersFromFault } from "../grpc-status.ts";
import type { RefusalContext, StreamDialect, StreamEnding, UnaryDialect } from "./dialect.ts";
import type { Encoding } from "./method-codec.ts";
import { prefixBytes } from "./method-codec.ts";
import { addReply, compressorOf, envelopeOut } from "./reply.ts";
import type { Asked } from "./rpc-server.ts";
import { checkAnswerBytes } from "./rpc-server.ts";

const nothing = new Uint8Array(0);
const trailersOk: HeaderList = ["grpc-status", "0"];

/** gRPC in one encoding under one of its content types. Source: gRPC over HTTP2. */
export function createGrpcDialect(contentType: string, encoding: Encoding): UnaryDialect & StreamDialect {
  // Lists that every answer shares: wire recognises them and copies their bytes.
  const plain: HeaderList = ["content-type", contentType];
  const head = (asked: Asked, call: Call): HeaderList => {
    const compressor = compressorOf(asked, asked.head.grpcAcceptEncoding);
    const headers = compressor ? [...plain, "grpc-encoding", compressor.name] : plain;
    return withReply(headers, call);
  };
  return {
    headWaits: "while",
    head,
    answer(message, asked, call) {
      const bytes = asked.method.codecs[encoding].envelope(message);
      checkAnswerBytes(bytes.length - prefixBytes, asked);
      const compressor =
        bytes.length - prefixBytes < asked.server.compressBytesMin ? undefined : compressorOf(asked, asked.head.grpcAcceptEncoding);
      if (!compressor) return answered(withReply(plain, call), bytes, call);
      const headers = withReply([...plain, "grpc-encoding", compressor.name], call);
      const out = envelopeOut(bytes, asked, compressor);
      return out instanceof Promise ? out.then((compressed) => answered(headers, compressed, call)) : answered(headers, out, call);
    },
    frame(message, asked) {
      const bytes = asked.method.codecs[encoding].envelope(message);
      checkAnswerBytes(bytes.length - prefixBytes, asked);
      return envelopeOut(bytes, asked, compressorOf(asked, asked.head.grpcAcceptEncoding));
    },
    end: () => undefined,
    trailers: grpcTrailers,
    refuse: (found, context) => refusal(plain, found, context),
  };
}

/** The trailers of a stream, or of its end. */
export function grpcTrailers({ fault, domain, metadata }: StreamEnding): HeaderList {
  if (!fault && metadata.length === 0) return trailersOk;
  const trailers = fault ? trailersFromFault(fault, domain) : [...trailersOk];
  addReply(trailers, metadata, 0);
  return trailers;
}

function answered(headers: HeaderList, bytes: Uint8Array, call: Call): HttpResponse {
  const trailers = call.hasReplyTrailers ? grpcTrailers({ fault: undefined, domain: "", metadata: call.replyTrailers }) : trailersOk;
  return { status: 200, headers, body: bodyWithTrailers(bytes, trailers) };
}

/** Trailers-Only, unless a handler has given headers, which must not be taken for trailers. */
function refusal(plain: HeaderList, found: Fault, { domain, call }: RefusalContext): HttpResponse {
  const trailers = grpcTrailers({ fault: found, domain, metadata: call?.hasReplyTrailers ? call.replyTrailers : [] });
  if (!call || call.replyMetadata.length === 0) return { status: 200, headers: [...plain, ...trailers] };
  return { status: 200, headers: withReply(plain, call), body: bodyWithTrailers(nothing, trailers) };
}

function withReply(headers: HeaderList, call: Call): HeaderList {
  if (call.replyMetadata.length === 0) return headers;
  const list = [...headers];
  addReply(list, call.replyMetadata, 0);
  return list;
}
