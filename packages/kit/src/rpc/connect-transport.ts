import type { Call } from "../call.ts";
import { base64FromBytes } from "../contract/base64.ts";
import type { JsonValue, MethodDescriptor } from "../contract/contract.ts";
import type { Fault } from "../fault.ts";
import { codes, fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { Message } from "../service.ts";
import { envelopeEnd } from "./envelope.ts";
import { faultFromErrorJson } from "./error-json.ts";
import type { AnswerEnd, FramedProtocol } from "./framed-protocol.ts";
import { contentTypeFault, createFramedTransport, hasContentType } from "./framed-transport.ts";
import type { Send, SendAnswer, SendRequest } from "./http-send.ts";
import { bytesFromAnswer, endedBefore, faultFromHttp, faultFromSend, headerOf, leaveAnswer } from "./http-send.ts";
import type { MessageCodec } from "./message-codec.ts";
import { messageCodecs, textFromBytes } from "./message-codec.ts";
import { endStreamFromJson, headersFromCall, jsonFromText } from "./protocol-connect.ts";
import type { CompressionSettings, ProtocolOptions } from "./protocol-options.ts";
import { answerBytesMaxDefault, compressionSettings, decompressed } from "./protocol-options.ts";
import type { Transport } from "./transport.ts";

/** What `createConnectTransport` may be told. */
export interface ConnectTransportOptions extends ProtocolOptions {
  /** Methods that change nothing (`idempotency_level = NO_SIDE_EFFECTS`) are asked by GET, which caches understand. Default false. */
  readonly useGet?: boolean;
  /** Characters of a GET's target at most; a longer one goes as POST. Default 4,096. */
  readonly getLengthMax?: number;
}

interface ConnectSettings {
  readonly codec: MessageCodec;
  readonly compression: CompressionSettings;
  readonly answerBytesMax: number;
  readonly getLengthMax: number;
}

/**
 * The Connect protocol over anything that can send an HTTP request, with JSON unless told otherwise: every kind of method; in both
 * directions at once where `send` can. A stream that ends without its end message is STREAM_TRUNCATED.
 * Source: connectrpc.com/docs/protocol.
 */
export function createConnectTransport(send: Send, options: ConnectTransportOptions = {}): Transport {
  const codec = messageCodecs[options.encoding ?? "json"];
  const compression = compressionSettings(options.compression);
  const answerBytesMax = options.answerBytesMax ?? answerBytesMaxDefault;
  const stream = createFramedTransport(send, {
    protocol: streamProtocol(codec, compression, answerBytesMax),
    codec,
    compression,
    answerBytesMax,
  });
  const getLengthMax = options.useGet === true ? (options.getLengthMax ?? 4096) : 0;
  const settings = { codec, compression, answerBytesMax, getLengthMax };
  return (method, message, call) =>
    method.kind === "unary" ? callUnary(send, { method, call, settings }, message) : stream(method, message, call);
}

interface Unary<Q, R> {
  readonly method: MethodDescriptor<Q, R>;
  readonly call: Call;
  readonly settings: ConnectSettings;
}

function callUnary<Q, R>(send: Send, unary: Unary<Q, R>, message: Message<Q>): Promise<Message<R>> {
  const { method, call, settings } = unary;
  const ended = endedBefore(call);
  if (ended) return Promise.reject(ended);
  try {
    if (message.stream) throw fault(kitReasons.STREAM_UNSUPPORTED, `${method.path} takes one message, it was given a stream.`);
    const data = settings.codec.encode(method.input, message.message);
    const { sends, bytesMin } = settings.compression;
    if (sends === undefined || data.length < bytesMin) return exchange(send, unary, { data, packedWith: undefined });
    const packed = sends.compress(data);
    if (packed instanceof Uint8Array) return exchange(send, unary, { data: packed, packedWith: sends.name });
    return packed.then((bytes) => exchange(send, unary, { data: bytes, packedWith: sends.name }));
  } catch (thrown) {
    return Promise.reject(faultFromSend(thrown, call));
  }
}

interface Packed {
  readonly data: Uint8Array;
  readonly packedWith: string | undefined;
}

function exchange<Q, R>(send: Send, unary: Unary<Q, R>, packed: Packed): Promise<Message<R>> {
  const { call } = unary;
  return send(getRequest(unary, packed) ?? postRequest(unary, packed), call).then(
    (answer) => messageFromAnswer(answer, unary),
    (thrown: unknown) => {
      throw faultFromSend(thrown, call);
    },
  );
}

function postRequest<Q, R>({ method, call, settings }: Unary<Q, R>, { data, packedWith }: Packed): SendRequest {
  const { codec, compression } = settings;
  const headers = headersFromCall(call, `application/${codec.encoding}`);
  if (compression.acceptNames !== undefined) headers.push("accept-encoding", compression.acceptNames);
  if (packedWith !== undefined) headers.push("content-encoding", packedWith);
  return { method: "POST", target: method.path, headers, body: data, idempotent: method.idempotency !== "none" && !call.isRetried };
}

/** Source: Connect protocol, "Unary-Get-Request". Undefined where POST has to be used. */
function getRequest<Q, R>({ method, call, settings }: Unary<Q, R>, { data, packedWith }: Packed): SendRequest | undefined {
  const { codec, compression, getLengthMax } = settings;
  if (getLengthMax === 0 || method.idempotency !== "safe") return undefined;
  const plain = codec.encoding === "json" && packedWith === undefined;
  const message = plain
    ? encodeURIComponent(textFromBytes(data))
    : base64FromBytes(data).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  const packed = packedWith === undefined ? "" : `&compression=${packedWith}`;
  // In the order that the specification recommends, so that caches meet one spelling from every client.
  const target = `${method.path}?connect=v1${plain ? "" : "&base64=1"}${packed}&encoding=${codec.encoding}&message=${message}`;
  if (target.length > getLengthMax) return undefined;
  // Neither content type nor version: the query says both, and caches tell answers apart by it.
  const headers = headersFromCall(call, "").slice(4);
  if (compression.acceptNames !== undefined) headers.unshift("accept-encoding", compression.acceptNames);
  return { method: "GET", target, headers, body: undefined, idempotent: !call.isRetried };
}

function messageFromAnswer<Q, R>(answer: SendAnswer, { method, call, settings }: Unary<Q, R>): Message<R> | Promise<Message<R>> {
  addUnaryMetadata(call, answer.headers);
  const { codec, answerBytesMax } = settings;
  if (answer.status !== 200) return rejectWith(errorFault(answer, settings), call);
  const type = `application/${codec.encoding}`;
  if (!hasContentType(answer, [type])) {
    leaveAnswer(answer);
    throw contentTypeFault(answer, { type, family: "application/" });
  }
  const encoding = headerOf(answer, "content-encoding");
  const whole = answer.body instanceof Uint8Array && encoding === undefined ? answer.body : undefined;
  if (whole !== undefined && whole.length <= answerBytesMax) return { stream: false, message: codec.decode(method.output, whole) };
  return plainBody(answer, settings).then(
    (bytes) => ({ stream: false, message: codec.decode(method.output, bytes) }),
    (thrown: unknown) => {
      throw faultFromSend(thrown, call);
    },
  );
}

async function rejectWith(found: Promise<Fault>, call: Call): Promise<never> {
  let read: Fault;
  try {
    read = await found;
  } catch (thrown) {
    throw faultFromSend(thrown, call);
  }
  throw read;
}

/** The body of a unary answer, decompressed. */
async function plainBody(answer: SendAnswer, settings: Pick<ConnectSettings, "compression" | "answerBytesMax">): Promise<Uint8Array> {
  const { compression, answerBytesMax } = settings;
  const bytes = await bytesFromAnswer(answer.body, answerBytesMax);
  const name = headerOf(answer, "content-encoding");
  return name === undefined || name === "identity" ? bytes : decompressed(bytes, name, { settings: compression, bytesMax: answerBytesMax });
}

/** A Connect error when the body is one; else what the HTTP status means. */
async function errorFault(answer: SendAnswer, settings: Pick<ConnectSettings, "compression" | "answerBytesMax">): Promise<Fault> {
  const foreign = faultFromHttp(answer, "Connect");
  if (!hasContentType(answer, ["application/json"])) {
    leaveAnswer(answer);
    return foreign;
  }
  let json: JsonValue;
  const bytes = await plainBody(answer, settings);
  try {
    json = JSON.parse(textFromBytes(bytes)) as JsonValue;
  } catch {
    return foreign;
  }
  const { code, retryAfterMs } = foreign;
  // A body that says no code that we know still says what happened.
  return faultFromErrorJson(json, retryAfterMs) ?? faultFromErrorJson(withCode(json, codes[code].connect), retryAfterMs) ?? foreign;
}

function withCode(json: JsonValue, code: string): JsonValue {
  return typeof json === "object" && json !== null && !Array.isArray(json) && "message" in json ? { ...json, code } : null;
}

const trailerPrefix = "trailer-";

/** Headers as they came; the trailers of a unary answer are headers with a prefix. Source: Connect protocol, "Unary-Response". */
function addUnaryMetadata(call: Call, headers: readonly string[]): void {
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] as string;
    const value = headers[index + 1] as string;
    if (name.startsWith(trailerPrefix)) call.replyTrailers.push(name.slice(trailerPrefix.length), value);
    else call.replyMetadata.push(name, value);
  }
}

function streamProtocol(codec: MessageCodec, compression: CompressionSettings, answerBytesMax: number): FramedProtocol {
  const type = `application/connect+${codec.encoding}`;
  return {
    endFlag: envelopeEnd,
    encodingHeader: "connect-content-encoding",
    requestHeaders(call) {
      const headers = headersFromCall(call, type);
      if (compression.acceptNames !== undefined) headers.push("connect-accept-encoding", compression.acceptNames);
      if (compression.sends !== undefined) headers.push("connect-content-encoding", compression.sends.name);
      return headers;
    },
    refusal(answer) {
      if (answer.status !== 200) return errorFault(answer, { compression, answerBytesMax });
      return hasContentType(answer, [type]) ? undefined : contentTypeFault(answer, { type, family: "application/connect+" });
    },
    end({ frame, frames }): AnswerEnd {
      if (frame === undefined) {
        throw fault(kitReasons.STREAM_TRUNCATED, `Expected an end message, found the end of the stream after ${frames} messages.`);
      }
      return endStreamFromJson(jsonFromText(textFromBytes(frame), "end message", kitReasons.PEER_ANSWER_INVALID));
    },
  };
}
