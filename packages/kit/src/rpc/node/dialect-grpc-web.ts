import type { HeaderList, HttpResponse } from "@weir/wire";
import type { Call } from "../../call.ts";
import { bytesFromTrailers, textFromBody } from "../grpc-web.ts";
import type { StreamDialect, UnaryDialect } from "./dialect.ts";
import { grpcTrailers } from "./dialect-grpc.ts";
import type { Encoding } from "./method-codec.ts";
import { prefixBytes } from "./method-codec.ts";
import { addReply, compressorOf, envelopeOut, whenThere } from "./reply.ts";
import type { Asked } from "./rpc-server.ts";
import { checkAnswerBytes } from "./rpc-server.ts";

/** Which form of gRPC-Web. */
export interface GrpcWebForm {
  readonly contentType: string;
  readonly encoding: Encoding;
  /** Whether bodies are base64. */
  readonly text: boolean;
}

const trailersOk = bytesFromTrailers(["grpc-status", "0"]);

/**
 * gRPC-Web: as gRPC, with the trailers as the body's last envelope, so that a browser sees them. Failures have a body too, as some
 * proxies lose a status among the headers. Source: gRPC Web.
 */
export function createGrpcWebDialect({ contentType, encoding, text }: GrpcWebForm): UnaryDialect & StreamDialect {
  const out = (bytes: Uint8Array): Uint8Array => (text ? textFromBody(bytes) : bytes);
  const headersOf = (call: Call | undefined, coding?: string): HeaderList => {
    const headers = ["content-type", contentType];
    if (coding !== undefined) headers.push("grpc-encoding", coding);
    if (call) addReply(headers, call.replyMetadata, 0);
    return headers;
  };
  const framed = (message: unknown, asked: Asked): Uint8Array | Promise<Uint8Array> => {
    const bytes = asked.method.codecs[encoding].envelope(message);
    checkAnswerBytes(bytes.length - prefixBytes, asked);
    return envelopeOut(bytes, asked, compressorOf(asked, asked.head.grpcAcceptEncoding));
  };
  const codingOf = (asked: Asked): string | undefined => compressorOf(asked, asked.head.grpcAcceptEncoding)?.name;
  return {
    headWaits: "while",
    head: (asked, call) => headersOf(call, codingOf(asked)),
    answer: (message, asked, call) =>
      whenThere(framed(message, asked), (bytes): HttpResponse => {
        const metadata = call.hasReplyTrailers ? call.replyTrailers : [];
        const trailers = metadata.length === 0 ? trailersOk : bytesFromTrailers(grpcTrailers({ fault: undefined, domain: "", metadata }));
        return { status: 200, headers: headersOf(call, codingOf(asked)), body: out(Buffer.concat([bytes, trailers])) };
      }),
    frame: (message, asked) => whenThere(framed(message, asked), out),
    end: (ending) => out(bytesFromTrailers(grpcTrailers(ending))),
    trailers: () => undefined,
    refuse(fault, { domain, call }) {
      const metadata = call?.hasReplyTrailers ? call.replyTrailers : [];
      return { status: 200, headers: headersOf(call), body: out(bytesFromTrailers(grpcTrailers({ fault, domain, metadata }))) };
    },
  };
}
