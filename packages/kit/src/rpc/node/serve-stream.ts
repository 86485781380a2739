import type { BodyStream, HttpResponse } from "@weir/wire";
import type { Call } from "../../call.ts";
import type { Message } from "../../service.ts";
import { answerUntilEnded, untilEnded } from "../until-ended.ts";
import { addReplyHeaders, faultAnswer } from "./answer.ts";
import type { Frames } from "./frames.ts";
import type { Asked } from "./rpc-server.ts";
import { callFrom, checkAnswerBytes, faultToAnswer } from "./rpc-server.ts";

/** A generator that never waits, read by a fast client, must not keep the process from its other calls: it pauses for a turn of the event loop. */
const turnCostMax = 65_536;
const messageCost = 1024;

/** A stream being answered. */
interface Streaming {
  readonly asked: Asked;
  readonly frames: Frames;
  readonly call: Call;
}

/**
 * Runs a method that streams. The next message is only asked for when the client has taken the one before. When the client goes away the
 * call is cancelled and the handler's generator told to return. A layer's refusal before the first message is an HTTP error on REST; on
 * Connect every error comes as the end message, as its specification wants.
 */
export async function serveStream(input: () => Promise<Message<unknown>>, asked: Asked, frames: Frames): Promise<HttpResponse> {
  const call = callFrom(asked, Math.min(asked.head.timeoutMs, asked.server.streamTimeoutMsMax));
  const streaming: Streaming = { asked, frames, call };
  asked.exchange.onCancel(() => call.cancel());
  let messages: AsyncIterable<unknown>;
  try {
    const answer = await answerUntilEnded(invoke(input, streaming), call);
    messages = answer.stream ? answer.messages : onlyOne(answer.message);
  } catch (thrown) {
    if (frames.rest) {
      const found = faultToAnswer(thrown, asked.server, call.method);
      call.finish();
      return faultAnswer(found, { rest: true, domain: asked.method.domain, call });
    }
    messages = rejecting(thrown);
  }
  const headers = [...frames.headers];
  const metadataSent = call.replyMetadata.length;
  addReplyHeaders(headers, call.replyMetadata, 0);
  return { status: 200, headers, body: bodyFrom(writeFrames(messages, streaming, metadataSent), call) };
}

async function invoke(input: () => Promise<Message<unknown>>, { asked, call }: Streaming): Promise<Message<unknown>> {
  return asked.method.service(await input(), call);
}

async function* writeFrames(
  messages: AsyncIterable<unknown>,
  streaming: Streaming,
  metadataSent: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { asked, frames, call } = streaming;
  try {
    let thrown: { readonly value: unknown } | undefined;
    try {
      let turnCost = 0;
      for await (const message of untilEnded(messages, call)) {
        const bytes = frames.message(asked.dialect.text(message));
        checkAnswerBytes(bytes.length, asked);
        yield bytes;
        turnCost += messageCost + bytes.length;
        if (turnCost > turnCostMax) {
          turnCost = 0;
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    } catch (value) {
      thrown = { value };
    }
    const fault = thrown && faultToAnswer(thrown.value, asked.server, call.method);
    const last = frames.end({ fault, domain: asked.method.domain, metadata: call.replyMetadata.slice(metadataSent) });
    if (last) yield last;
  } finally {
    call.finish();
  }
}

/** Cancels the call even when the reader leaves while a message is still being waited for. */
function bodyFrom(frames: AsyncGenerator<Uint8Array, void, undefined>, call: Call): BodyStream {
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => frames.next(),
      return() {
        call.cancel();
        return frames.return();
      },
    }),
  };
}

async function* onlyOne(message: unknown): AsyncGenerator<unknown, void, undefined> {
  yield message;
}

// eslint-disable-next-line require-yield
async function* rejecting(thrown: unknown): AsyncGenerator<unknown, void, undefined> {
  throw thrown;
}
