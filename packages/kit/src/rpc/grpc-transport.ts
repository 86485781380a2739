import type { Call } from "../call.ts";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import { traceparentFrom } from "../telemetry/trace-context.ts";
import type { AnswerEnd, EndFound, FramedProtocol } from "./framed-protocol.ts";
import { contentTypeFault, createFramedTransport, hasContentType } from "./framed-transport.ts";
import { faultFromTrailers, hasGrpcStatus, isGrpcName } from "./grpc-status.ts";
import { grpcTimeoutFromMs } from "./grpc-timeout.ts";
import { faultFromHttp } from "./http-send.ts";
import type { Send, SendAnswer } from "./http-send.ts";
import { messageCodecs } from "./message-codec.ts";
import type { CompressionSettings, ProtocolOptions } from "./protocol-options.ts";
import { answerBytesMaxDefault, compressionSettings } from "./protocol-options.ts";
import type { Transport } from "./transport.ts";

const grpcType = "application/grpc";

/**
 * gRPC over anything that can send an HTTP/2 request and read its trailers: every kind of method, in both directions at once. An answer
 * that ends without trailers is STREAM_TRUNCATED. Source: gRPC PROTOCOL-HTTP2.md.
 */
export function createGrpcTransport(send: Send, options: ProtocolOptions = {}): Transport {
  const codec = messageCodecs[options.encoding ?? "proto"];
  const compression = compressionSettings(options.compression);
  // Plain application/grpc means proto; proxies and older servers know it best.
  const type = codec.encoding === "proto" ? grpcType : `${grpcType}+${codec.encoding}`;
  const about = { type, compression };
  const protocol: FramedProtocol = {
    endFlag: 0,
    encodingHeader: "grpc-encoding",
    requestHeaders: (call) => grpcHeaders(call, about),
    refusal: (answer) => grpcRefusal(answer, { type, expected: [type, `${grpcType}+${codec.encoding}`], family: grpcType }),
    end: grpcEnd,
  };
  const answerBytesMax = options.answerBytesMax ?? answerBytesMaxDefault;
  return createFramedTransport(send, { protocol, codec, compression, answerBytesMax });
}

/** The headers of a request of gRPC and gRPC-Web. */
export function grpcHeaders(call: Call, about: { readonly type: string; readonly compression: CompressionSettings }): string[] {
  const { type, compression } = about;
  const headers = ["content-type", type];
  if (call.deadlineMs !== Infinity) headers.push("grpc-timeout", grpcTimeoutFromMs(call.remainingMs()));
  if (compression.acceptNames !== undefined) headers.push("grpc-accept-encoding", compression.acceptNames);
  if (compression.sends !== undefined) headers.push("grpc-encoding", compression.sends.name);
  if (call.trace.traceId !== "") headers.push("traceparent", traceparentFrom(call.trace));
  for (const item of call.metadata) headers.push(item);
  return headers;
}

/** What the head of an answer of gRPC or gRPC-Web means, when it is not the beginning of one. Source: gRPC http-grpc-status-mapping.md. */
export function grpcRefusal(
  answer: SendAnswer,
  about: { readonly type: string; readonly expected: readonly string[]; readonly family: string },
): ReturnType<FramedProtocol["refusal"]> {
  if (answer.status !== 200) {
    if (hasGrpcStatus(answer.headers)) return faultFromTrailers(answer.headers) ?? faultFromHttp(answer, "gRPC");
    return faultFromHttp(answer, "gRPC");
  }
  return hasContentType(answer, about.expected) ? undefined : contentTypeFault(answer, about);
}

/** The end of an answer in its trailers; in its head when nothing else came ("Trailers-Only"). */
export function grpcEnd({ answer, frames, trailers }: EndFound): AnswerEnd {
  const isBare = trailers === undefined && frames === 0 && hasGrpcStatus(answer.headers);
  const found = isBare ? answer.headers : trailers;
  if (found === undefined) {
    throw fault(kitReasons.STREAM_TRUNCATED, `Expected a status in the trailers, found the end of the answer after ${frames} messages.`);
  }
  return { fault: faultFromTrailers(found), metadata: metadataAmong(found) };
}

/** What is not gRPC's own; most trailers hold nothing else. */
function metadataAmong(trailers: readonly string[]): readonly string[] {
  let metadata: string[] | undefined;
  for (let index = 0; index + 1 < trailers.length; index += 2) {
    const name = trailers[index] as string;
    if (!isGrpcName(name)) (metadata ??= []).push(name, trailers[index + 1] as string);
  }
  return metadata ?? none;
}

const none: readonly string[] = [];
