import type { Body, HttpResponse } from "@weir/wire";
import { bytesFromBase64 } from "../../contract/base64.ts";
import { fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";
import type { Compressor } from "../compression.ts";
import { compressorFromHeader, encodingList } from "../compression.ts";
import { timeoutMsFromGrpc } from "../grpc-timeout.ts";
import { bytesFromTextBody, createTextBodyReader } from "../grpc-web.ts";
import { timeoutMsFromHeader } from "../protocol-connect.ts";
import { queryValue } from "../query.ts";
import type { ContentType } from "./content-types.ts";
import { contentTypeFrom, contentTypes } from "./content-types.ts";
import type { Refusing, StreamDialect, UnaryDialect } from "./dialect.ts";
import { createConnectUnary } from "./dialect-connect.ts";
import type { Encoding } from "./method-codec.ts";
import { whenThere } from "./reply.ts";
import { wholeBody } from "./request-body.ts";
import { checkBinaryMetadata } from "./request-head.ts";
import type { MessageReading } from "./request-messages.ts";
import { messagesFromBody, onlyMessage } from "./request-messages.ts";
import type { Asked } from "./rpc-server.ts";
import { faultToAnswer } from "./rpc-server.ts";
import { serveStream } from "./serve-stream.ts";
import { serveUnary } from "./serve-unary.ts";

/** Answers of GET, and of requests whose protocol is not known. */
const connectUnary: Readonly<Record<Encoding, UnaryDialect>> = { json: createConnectUnary("json"), proto: createConnectUnary("proto") };

/**
 * Answers a request to the path of a method, whose HTTP method has been checked: gRPC, gRPC-Web or Connect, as its content type says.
 * Everything that can be wrong with it is answered as that protocol does.
 */
export function serveRpc(asked: Asked, query: string): Promise<HttpResponse> {
  const { head, method, request } = asked;
  if (request.method !== "POST") return refusing(asked, connectUnary.json, () => serveConnectGet(asked, query));
  const type = contentTypeFrom(head.contentType);
  const dialect = type && (method.descriptor.kind === "unary" ? type.unary : type.stream);
  if (!type || !dialect) return refusing(asked, connectUnary.json, () => refuseContentType(asked));
  if (type.protocol === "grpc" && asked.exchange.version !== "2") return refusing(asked, connectUnary.json, () => refuseVersion(asked));
  try {
    return type.protocol === "connect" ? serveConnect(asked, type) : serveGrpc(asked, type);
  } catch (thrown) {
    const found = faultToAnswer(thrown, asked.server, method.descriptor.path);
    const answer = dialect.refuse(found, { domain: method.domain });
    return Promise.resolve(found.reason === kitReasons.ENCODING_UNSUPPORTED.reason ? withEncodings(answer, type, asked) : answer);
  }
}

function refusing(asked: Asked, dialect: Refusing, serve: () => Promise<HttpResponse>): Promise<HttpResponse> {
  try {
    return serve();
  } catch (thrown) {
    const found = faultToAnswer(thrown, asked.server, asked.method.descriptor.path);
    return Promise.resolve(dialect.refuse(found, { domain: asked.method.domain }));
  }
}

/** Who compressed in a way that is not read is told which ways are. Sources: gRPC compression.md, Connect protocol "Compression". */
function withEncodings(answer: HttpResponse, type: ContentType, { server }: Asked): HttpResponse {
  const list = server.compressors.length === 0 ? "identity" : encodingList(server.compressors);
  const connectName = type.unary ? "accept-encoding" : "connect-accept-encoding";
  return { ...answer, headers: [...answer.headers, type.protocol === "connect" ? connectName : "grpc-accept-encoding", list] };
}

/** gRPC and gRPC-Web. Sources: gRPC over HTTP2, gRPC Web. */
function serveGrpc(asked: Asked, type: ContentType): Promise<HttpResponse> {
  const { head, request, server } = asked;
  if (head.grpcTimeout !== undefined) asked.timeoutMs = timeoutMsFromGrpc(head.grpcTimeout);
  if (head.hasBinary) checkBinaryMetadata(request.headers);
  const compressor = head.grpcEncoding === undefined ? undefined : compressorFromHeader(head.grpcEncoding, server.compressors);
  return serveEnvelopes(asked, type, compressor);
}

/** Source: Connect protocol. */
function serveConnect(asked: Asked, type: ContentType): Promise<HttpResponse> {
  const { head, method, request, server } = asked;
  checkConnectHead(asked);
  if (!type.unary) return serveEnvelopes(asked, type, compressorFromHeader(head.streamEncoding, server.compressors));
  const codec = method.codecs[type.encoding];
  const compressor = compressorFromHeader(head.contentEncoding, server.compressors);
  const whole = wholeBody(request.body, server.requestBytesMax);
  const plain = compressor ? whenThere(whole, (bytes) => compressor.decompress(bytes, server.requestBytesMax)) : whole;
  // By hand: most bodies are there, and a closure for each costs.
  const message = plain instanceof Promise ? plain.then((bytes) => codec.decode(bytes)) : codec.decode(plain);
  return serveUnary(message, asked, type.unary);
}

function serveEnvelopes(asked: Asked, type: ContentType, compressor: Compressor | undefined): Promise<HttpResponse> {
  const { kind } = asked.method.descriptor;
  const reading: MessageReading = { codec: asked.method.codecs[type.encoding], compressor };
  const body = type.text ? bodyFromText(asked.request.body) : asked.request.body;
  if (kind === "unary") return serveUnary(onlyMessage(body, asked, reading), asked, type.unary as UnaryDialect);
  const dialect = type.stream as StreamDialect;
  if (kind === "server_stream") {
    return serveStream(() => whenThere(onlyMessage(body, asked, reading), (message) => ({ stream: false, message })), asked, dialect);
  }
  return serveStream(() => ({ stream: true, messages: messagesFromBody(body, asked, reading) }), asked, dialect);
}

/** Source: Connect protocol, "Unary-Get-Request". */
function serveConnectGet(asked: Asked, query: string): Promise<HttpResponse> {
  const { method, server } = asked;
  checkConnectHead(asked);
  const version = queryValue(query, "connect");
  if (version !== undefined && version !== "v1") {
    throw fault(kitReasons.PROTOCOL_VERSION_UNSUPPORTED, `Expected connect=v1 in the query, found "${version.slice(0, 40)}".`);
  }
  const encoding = queryValue(query, "encoding");
  if (encoding !== "json" && encoding !== "proto") {
    throw fault(
      kitReasons.CONTENT_TYPE_UNSUPPORTED,
      `Expected encoding=json or encoding=proto in the query, found "${encoding?.slice(0, 40) ?? ""}".`,
    );
  }
  const compressor = compressorFromHeader(queryValue(query, "compression"), server.compressors);
  const text = queryValue(query, "message");
  if (text === undefined) throw fault(kitReasons.QUERY_INVALID, "Expected a message in the query, found none.");
  const bytes = queryValue(query, "base64") === "1" ? bytesFromBase64(text) : Buffer.from(text);
  if (!bytes) throw fault(kitReasons.QUERY_INVALID, "Expected base64 as message in the query, found something else.");
  const codec = method.codecs[encoding];
  const plain = compressor ? compressor.decompress(bytes, server.requestBytesMax) : bytes;
  return serveUnary(
    whenThere(plain, (whole) => codec.decode(whole)),
    asked,
    connectUnary[encoding],
  );
}

function checkConnectHead(asked: Asked): void {
  const { head, request } = asked;
  if (head.timeoutMs !== undefined) asked.timeoutMs = timeoutMsFromHeader(head.timeoutMs);
  if (head.protocolVersion !== undefined && head.protocolVersion !== "1") {
    throw fault(kitReasons.PROTOCOL_VERSION_UNSUPPORTED, `Expected connect-protocol-version 1, found "${head.protocolVersion}".`);
  }
  if (head.hasBinary) checkBinaryMetadata(request.headers);
}

function refuseVersion({ exchange }: Asked): never {
  throw fault(kitReasons.HTTP_VERSION_UNSUPPORTED, `Expected HTTP/2, which gRPC needs for its trailers, found HTTP/${exchange.version}.`);
}

function refuseContentType({ head, method }: Asked): never {
  const isUnary = method.descriptor.kind === "unary";
  const expected = contentTypes.filter((name) => {
    const type = contentTypeFrom(name);
    return (isUnary ? type?.unary : type?.stream) !== undefined;
  });
  const found = head.contentType?.slice(0, 80) ?? "none";
  throw fault(kitReasons.CONTENT_TYPE_UNSUPPORTED, `Expected one of the content types ${expected.join(", ")}, found ${found}.`);
}

/** The bytes that a body of base64 stands for. */
function bodyFromText(body: Body): Body {
  if (body === undefined) return body;
  const text = body instanceof Uint8Array ? body : body.whole;
  if (text === undefined) return bytesFromTextBody(body as AsyncIterable<Uint8Array>, kitReasons.ENVELOPE_INVALID);
  const reader = createTextBodyReader(kitReasons.ENVELOPE_INVALID);
  const bytes = [reader.push(text), reader.end()];
  return Buffer.concat(bytes);
}
