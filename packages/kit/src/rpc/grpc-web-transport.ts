import { kitReasons } from "../reasons.ts";
import type { FramedProtocol } from "./framed-protocol.ts";
import { createFramedTransport } from "./framed-transport.ts";
import { grpcEnd, grpcHeaders, grpcRefusal } from "./grpc-transport.ts";
import { bytesFromTextBody, createTextBodyReader, envelopeTrailers, textFromBody, trailersFromBytes } from "./grpc-web.ts";
import type { Send, SendAnswer, SendBody, SendRequest } from "./http-send.ts";
import { joined } from "./http-send.ts";
import { mapped } from "./mapped.ts";
import { messageCodecs } from "./message-codec.ts";
import type { ProtocolOptions } from "./protocol-options.ts";
import { answerBytesMaxDefault, compressionSettings } from "./protocol-options.ts";
import type { Transport } from "./transport.ts";

/** What `createGrpcWebTransport` may be told. */
export interface GrpcWebTransportOptions extends ProtocolOptions {
  /** The text form, base64 both ways, for what cannot carry binary bodies. A third more bytes. Default false. */
  readonly text?: boolean;
}

/**
 * gRPC-Web over anything that can send an HTTP request, `fetch` too: trailers are the last message of the body, so HTTP/1.1 will do. Every
 * kind of method, as far as `send` can stream. Source: gRPC PROTOCOL-WEB.md.
 */
export function createGrpcWebTransport(send: Send, options: GrpcWebTransportOptions = {}): Transport {
  const codec = messageCodecs[options.encoding ?? "proto"];
  const compression = compressionSettings(options.compression);
  const family = options.text === true ? "application/grpc-web-text" : "application/grpc-web";
  const type = `${family}+${codec.encoding}`;
  // Without a suffix it is proto.
  const expected = codec.encoding === "proto" ? [type, family] : [type];
  const protocol: FramedProtocol = {
    endFlag: envelopeTrailers,
    encodingHeader: "grpc-encoding",
    requestHeaders(call) {
      const headers = grpcHeaders(call, { type, compression });
      headers.push("x-grpc-web", "1");
      if (options.text === true) headers.push("accept", type);
      return headers;
    },
    refusal: (answer) => grpcRefusal(answer, { type, expected, family: "application/grpc-web" }),
    end: ({ answer, frames, frame }) =>
      grpcEnd({ answer, frames, frame, trailers: frame === undefined ? undefined : trailersFromBytes(frame) }),
  };
  const answerBytesMax = options.answerBytesMax ?? answerBytesMaxDefault;
  return createFramedTransport(options.text === true ? textSend(send) : send, { protocol, codec, compression, answerBytesMax });
}

/** The same exchange with both bodies in base64. */
function textSend(send: Send): Send {
  return async (request, call) => {
    const answer = await send({ ...request, body: textRequest(request.body) }, call);
    const isText = answer.headers.some(
      (value, index) => index % 2 === 0 && value === "content-type" && isTextType(answer.headers[index + 1]),
    );
    return isText ? { ...answer, body: plainAnswer(answer.body) } : answer;
  };
}

function isTextType(type: string | undefined): boolean {
  return type?.startsWith("application/grpc-web-text") === true;
}

function textRequest(body: SendRequest["body"]): SendRequest["body"] {
  if (body === undefined || body instanceof Uint8Array) return body && textFromBody(body);
  return mapped(body, textFromBody);
}

function plainAnswer(body: SendAnswer["body"]): Uint8Array | SendBody | undefined {
  const whole = body instanceof Uint8Array ? body : body?.whole;
  if (whole === undefined) return body && bytesFromTextBody(body as SendBody, kitReasons.PEER_ANSWER_INVALID);
  const reader = createTextBodyReader(kitReasons.PEER_ANSWER_INVALID);
  const parts = [reader.push(whole), reader.end()];
  return joined(parts, (parts[0] as Uint8Array).length + (parts[1] as Uint8Array).length);
}
