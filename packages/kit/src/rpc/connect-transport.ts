import type { Call } from "../call.ts";
import type { JsonValue, MethodDescriptor } from "../contract/contract.ts";
import type { Fault } from "../fault.ts";
import { fault, isFault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { Message, Service } from "../service.ts";
import type { EnvelopeLimits } from "./envelope.ts";
import { bytesFromEnvelope, envelopeEnd, envelopesFromBody } from "./envelope.ts";
import { faultFromErrorJson, faultFromHttpStatus } from "./error-json.ts";
import type { EndStream } from "./protocol-connect.ts";
import {
  contentTypeStream,
  contentTypeUnary,
  endStreamFromJson,
  headersFromCall,
  isContentType,
  jsonFromText,
  messageFromAnswer,
} from "./protocol-connect.ts";
import type { Transport } from "./transport.ts";
import { answerUntilEnded, untilEnded } from "./until-ended.ts";

/** A Connect request in plain HTTP terms; always a POST. */
export interface ConnectRequest {
  readonly path: string;
  /** Names and values in turn, names in lower case. */
  readonly headers: string[];
  readonly body: Uint8Array | AsyncIterable<Uint8Array>;
}

/** An HTTP answer to it. */
export interface ConnectAnswer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | undefined;
}

/** What `createConnectTransport` may be told. */
export interface ConnectTransportOptions {
  /** Bytes of one message of an answer at most; more is RESPONSE_TOO_LARGE. Default 4 MiB. */
  readonly answerBytesMax?: number;
}

/**
 * The Connect protocol with JSON over anything that can send an HTTP request. `send` is a Service: it answers as soon as the head
 * is there, honours `call.signal`, and rejects when the other side cannot be reached. What it rejects with becomes
 * PEER_UNREACHABLE unless it is a Fault. A stream that ends without its end message is STREAM_TRUNCATED.
 * Source: connectrpc.com/docs/protocol.
 */
export function createConnectTransport(send: Service<ConnectRequest, ConnectAnswer>, options: ConnectTransportOptions = {}): Transport {
  const answerBytesMax = options.answerBytesMax ?? 4 * 1024 * 1024;
  return async (method, message, call) => {
    if (call.remainingMs() === 0) call.cancel(deadlinePassed());
    if (call.signal.aborted) throw call.signal.reason;
    const carry = method.kind === "unary" ? callUnary(method, message, call) : callStream(method, message, call);
    try {
      return await answerUntilEnded(carry, call);
    } catch (thrown) {
      throw faultFromSend(thrown, call);
    }
  };

  async function callUnary<Q, R>(method: MethodDescriptor<Q, R>, message: Message<Q>, call: Call): Promise<Message<R>> {
    const body = encoder.encode(method.input.toJson(oneMessage(message, method.path)));
    const answer = await send({ path: method.path, headers: headersFromCall(call, contentTypeUnary), body }, call);
    addMetadata(call, answer.headers);
    const text = await textFromBody(answer.body, answerBytesMax);
    if (answer.status !== 200) throw faultFromAnswer(answer, text);
    expectContentType(answer, contentTypeUnary);
    return { stream: false, message: messageFromAnswer(method.output, text) };
  }

  async function callStream<Q, R>(method: MethodDescriptor<Q, R>, message: Message<Q>, call: Call): Promise<Message<R>> {
    const encode = (input: Q): Uint8Array => bytesFromEnvelope(0, encoder.encode(method.input.toJson(input)));
    const body = message.stream ? mapped(message.messages, encode) : encode(message.message);
    const answer = await send({ path: method.path, headers: headersFromCall(call, contentTypeStream), body }, call);
    addMetadata(call, answer.headers);
    if (answer.status !== 200) throw faultFromAnswer(answer, await textFromBody(answer.body, answerBytesMax));
    expectContentType(answer, contentTypeStream);
    const messages = messagesFromAnswer(answer, { method, call, bytesMax: answerBytesMax });
    return method.kind === "client_stream"
      ? { stream: false, message: await onlyMessage(messages, method.path) }
      : { stream: true, messages };
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

async function* messagesFromAnswer<Q, R>(
  answer: ConnectAnswer,
  about: { readonly method: MethodDescriptor<Q, R>; readonly call: Call; readonly bytesMax: number },
): AsyncGenerator<R, void, undefined> {
  const { method, call } = about;
  const limits: EnvelopeLimits = {
    bytesMax: about.bytesMax,
    tooLarge: kitReasons.RESPONSE_TOO_LARGE,
    truncated: kitReasons.STREAM_TRUNCATED,
  };
  const body = answer.body === undefined || answer.body instanceof Uint8Array ? answer.body : untilEnded(answer.body, call);
  let end: EndStream | undefined;
  try {
    for await (const { flags, data } of envelopesFromBody(body, limits)) {
      if (end) throw fault(kitReasons.PEER_ANSWER_INVALID, "Expected nothing after the end message, found another message.");
      if (flags === envelopeEnd) end = endStreamFromJson(jsonFromText(textFromBytes(data), "end message", kitReasons.PEER_ANSWER_INVALID));
      else if (flags === 0) yield messageFromAnswer(method.output, textFromBytes(data));
      else throw fault(kitReasons.PEER_ANSWER_INVALID, `Expected the flags 0 or 2, found ${flags}.`);
    }
  } catch (thrown) {
    throw faultFromSend(thrown, call);
  }
  if (!end) throw fault(kitReasons.STREAM_TRUNCATED, `The stream of ${method.path} broke off before its end message.`);
  call.replyMetadata.push(...end.metadata);
  if (end.fault) throw end.fault;
}

async function onlyMessage<T>(messages: AsyncIterable<T>, path: string): Promise<T> {
  const found: T[] = [];
  for await (const message of messages) if (found.push(message) > 1) break;
  if (found.length !== 1)
    throw fault(kitReasons.PEER_ANSWER_INVALID, `Expected one message from ${path}, found ${found.length === 0 ? "none" : "more"}.`);
  return found[0] as T;
}

async function* mapped<T>(items: AsyncIterable<T>, map: (item: T) => Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const item of items) yield map(item);
}

function oneMessage<T>(message: Message<T>, path: string): T {
  if (message.stream) throw fault(kitReasons.STREAM_UNSUPPORTED, `${path} takes one message, it was given a stream.`);
  return message.message;
}

async function textFromBody(body: ConnectAnswer["body"], bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body === undefined ? [] : body instanceof Uint8Array ? [body] : body) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw fault(kitReasons.RESPONSE_TOO_LARGE, `Expected an answer of at most ${bytesMax} bytes, found more.`);
    chunks.push(chunk);
  }
  if (chunks.length === 1) return textFromBytes(chunks[0] as Uint8Array);
  const joined = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return textFromBytes(joined);
}

function textFromBytes(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (thrown) {
    throw fault(kitReasons.PEER_ANSWER_INVALID, "Expected UTF-8 in the answer.", { cause: thrown });
  }
}

/** A Connect error when the body is one; else what the HTTP status means. */
function faultFromAnswer(answer: ConnectAnswer, text: string): Fault {
  if (isContentType(headerOf(answer, "content-type"), contentTypeUnary)) {
    let json: JsonValue;
    try {
      json = JSON.parse(text) as JsonValue;
    } catch {
      return faultFromHttpStatus(answer.status);
    }
    const found = faultFromErrorJson(json);
    if (found) return found;
  }
  return faultFromHttpStatus(answer.status);
}

function faultFromSend(thrown: unknown, call: Call): Fault {
  if (isFault(thrown)) return thrown;
  return fault(kitReasons.PEER_UNREACHABLE, `The other side of ${call.method} could not be reached, or the connection broke.`, {
    cause: thrown,
  });
}

function deadlinePassed(): Fault {
  return fault({ reason: "DEADLINE_EXCEEDED", code: "DEADLINE_EXCEEDED" }, "The deadline passed before the call was made.");
}

function expectContentType(answer: ConnectAnswer, expected: string): void {
  const found = headerOf(answer, "content-type");
  if (isContentType(found, expected)) return;
  // Nobody will read the rest: give the connection back.
  if (answer.body && !(answer.body instanceof Uint8Array))
    void answer.body[Symbol.asyncIterator]()
      .return?.()
      .catch(() => undefined);
  throw fault(kitReasons.PEER_ANSWER_INVALID, `Expected the content type ${expected}, found ${found ?? "none"}.`);
}

function addMetadata(call: Call, headers: readonly string[]): void {
  call.replyMetadata.push(...headers);
}

function headerOf(answer: ConnectAnswer, name: string): string | undefined {
  for (let index = 0; index < answer.headers.length; index += 2) if (answer.headers[index] === name) return answer.headers[index + 1];
  return undefined;
}
