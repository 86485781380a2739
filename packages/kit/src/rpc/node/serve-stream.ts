import type { HttpResponse } from "@weir/wire";
import type { Call } from "../../call.ts";
import { coreReasons, fault } from "../../fault.ts";
import type { Message } from "../../service.ts";
import { answerUntilEnded, leftIfLate } from "../until-ended.ts";
import type { StreamDialect } from "./dialect.ts";
import type { Asked } from "./rpc-server.ts";
import { callFrom, refusalFrom, requestUntilEnded } from "./rpc-server.ts";
import { StreamAnswer } from "./stream-answer.ts";

/** A stream that says nothing for so long sends its head alone, so that its client knows that it stands. */
const headWaitMs = 250;

/**
 * Runs a method that streams. The next message is only asked for when the client has taken the one before. When the client goes away the
 * call is cancelled and the handler's generator told to return. What fails before the first message is a refusal of the protocol: an
 * HTTP error on REST, Trailers-Only on gRPC, an end message on Connect.
 */
export async function serveStream(
  input: () => Message<unknown> | Promise<Message<unknown>>,
  asked: Asked,
  dialect: StreamDialect,
): Promise<HttpResponse> {
  const call = callFrom(asked, Math.min(asked.timeoutMs, asked.server.streamTimeoutMsMax));
  asked.exchange.openEnded?.();
  asked.exchange.onCancel(() => call.cancel());
  let body: StreamAnswer | undefined;
  try {
    const answer = await answerUntilEnded(invoke(), call);
    body = new StreamAnswer(answer.stream ? answer.messages : onlyOne(answer.message), { asked, call, dialect });
    const first = dialect.headWaits === "no" ? undefined : await body.begun(dialect.headWaits === "while" ? headWaitMs : Infinity);
    const headers = dialect.head(asked, call, first);
    body.headSent();
    return { status: 200, headers, body };
  } catch (thrown) {
    body?.leave();
    call.finish();
    return refusalFrom(thrown, asked, { dialect, call });
  }

  async function invoke(): Promise<Message<unknown>> {
    const found = input();
    const message = found instanceof Promise ? await inTime(found, asked, call) : found;
    if (call.ended) throw call.ended;
    return leftIfLate(await asked.method.service(requestUntilEnded(message, asked, call), call), call);
  }
}

/**
 * One message has the time of a unary call, though its stream of answers has none: nothing else bounds a body that stops half-way, since the
 * exchange may be quiet.
 */
async function inTime<T>(found: Promise<T>, { method }: Asked, call: Call): Promise<T> {
  const late = (): void => call.cancel(fault(coreReasons.DEADLINE_EXCEEDED, "The message of the request was not there in time."));
  const stopTimer = call.clock.after(method.timeoutMsMax, late);
  try {
    return await found;
  } finally {
    stopTimer();
  }
}

async function* onlyOne(message: unknown): AsyncGenerator<unknown, void, undefined> {
  yield message;
}
