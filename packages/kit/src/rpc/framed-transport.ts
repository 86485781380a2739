import type { Call } from "../call.ts";
import type { MethodDescriptor } from "../contract/contract.ts";
import type { Fault } from "../fault.ts";
import { fault, isFault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { Message } from "../service.ts";
import { AnswerMessages } from "./answer-messages.ts";
import type { FramedSettings } from "./framed-protocol.ts";
import { uint32At } from "./frame-reader.ts";
import { addTrailers, endedBefore, faultFromSend, headerOf, leaveAnswer } from "./http-send.ts";
import type { Send, SendAnswer, SendRequest } from "./http-send.ts";
import { onlyMessage } from "./only-message.ts";
import { RequestFrames, requestFrame } from "./request-frames.ts";
import type { Transport } from "./transport.ts";

/**
 * A transport of a protocol that envelopes its messages: gRPC, gRPC-Web, the streams of Connect. A single answer that is there whole is read
 * at once, without a further promise.
 */
export function createFramedTransport(send: Send, settings: FramedSettings): Transport {
  return (method, message, call) => {
    const ended = endedBefore(call);
    if (ended) return Promise.reject(ended);
    try {
      if (message.stream) {
        const body = new RequestFrames(message.messages, method.input, settings);
        return exchange(send, { method, call, settings, source: body }, requestOf(method, body, { call, settings }));
      }
      const body = requestFrame(message.message, method.input, settings);
      const asked = { method, call, settings, source: undefined };
      if (body instanceof Uint8Array) return exchange(send, asked, requestOf(method, body, { call, settings }));
      return body.then((bytes) => exchange(send, asked, requestOf(method, bytes, { call, settings })));
    } catch (thrown) {
      return Promise.reject(faultFromSend(thrown, call));
    }
  };
}

/** One exchange on its way. */
interface Asked<Q, R> {
  readonly method: MethodDescriptor<Q, R>;
  readonly call: Call;
  readonly settings: FramedSettings;
  readonly source: RequestFrames<Q> | undefined;
}

function requestOf(
  { path, idempotency }: MethodDescriptor,
  body: SendRequest["body"],
  about: { readonly call: Call; readonly settings: FramedSettings },
): SendRequest {
  const headers = about.settings.protocol.requestHeaders(about.call);
  return { method: "POST", target: path, headers, body, idempotent: idempotency !== "none" && !about.call.isRetried };
}

function exchange<Q, R>(send: Send, asked: Asked<Q, R>, request: SendRequest): Promise<Message<R>> {
  return send(request, asked.call).then(
    (answer) => messageFrom(answer, asked),
    (thrown: unknown) => {
      throw asked.call.ended ?? asked.source?.failure ?? faultFromSend(thrown, asked.call);
    },
  );
}

function messageFrom<Q, R>(answer: SendAnswer, asked: Asked<Q, R>): Message<R> | Promise<Message<R>> {
  const { method, call, settings } = asked;
  const { protocol } = settings;
  for (const item of answer.headers) call.replyMetadata.push(item);
  const refused = protocol.refusal(answer);
  if (refused !== undefined) return rejectRefused(answer, refused);
  if (method.kind === "unary" || method.kind === "client_stream") {
    const message = wholeMessage(answer, asked);
    if (message !== undefined) return { stream: false, message };
    const messages = new AnswerMessages(answer, { type: method.output, ...asked });
    return onlyMessage(messages, method.path).then((only) => ({ stream: false, message: only }));
  }
  return { stream: true, messages: new AnswerMessages(answer, { type: method.output, ...asked }) };
}

async function rejectRefused(answer: SendAnswer, refused: Fault | Promise<Fault>): Promise<never> {
  if (isFault(refused)) leaveAnswer(answer);
  throw await refused;
}

/** The message of a unary gRPC answer that came in one piece; undefined for everything else, which is read step by step. */
function wholeMessage<Q, R>(answer: SendAnswer, asked: Asked<Q, R>): R | undefined {
  const { body } = answer;
  const { protocol, codec, answerBytesMax } = asked.settings;
  if (protocol.endFlag !== 0 || body === undefined || body instanceof Uint8Array) return undefined;
  const { whole } = body;
  if (whole === undefined || whole.length < 5 || whole[0] !== 0) return undefined;
  const length = uint32At(whole, 1);
  if (length + 5 !== whole.length || length > answerBytesMax) return undefined;
  const end = protocol.end({ answer, frames: 1, frame: undefined, trailers: body.trailers?.() });
  addTrailers(asked.call, end.metadata);
  if (end.fault) throw end.fault;
  return codec.decode(asked.method.output, whole.subarray(5));
}

/** Whether a header of an answer names one of these content types; parameters do not count. */
export function hasContentType(answer: SendAnswer, expected: readonly string[]): boolean {
  const found = headerOf(answer, "content-type");
  if (found === undefined) return false;
  if (expected.includes(found)) return true;
  return expected.includes((found.split(";")[0] as string).trim().toLowerCase());
}

/** An answer that is not of the protocol at all, or of it in another encoding. */
export function contentTypeFault(answer: SendAnswer, expected: { readonly type: string; readonly family: string }): Fault {
  const found = headerOf(answer, "content-type") ?? "none";
  const reason = found.startsWith(expected.family) ? kitReasons.PEER_ANSWER_INVALID : kitReasons.PEER_ANSWER_FOREIGN;
  return fault(reason, `Expected the content type ${expected.type}, found "${found.slice(0, 80)}".`);
}
