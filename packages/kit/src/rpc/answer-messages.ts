import type { Call } from "../call.ts";
import type { MessageType } from "../contract/contract.ts";
import type { Fault } from "../fault.ts";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { Envelope } from "./envelope.ts";
import { envelopeCompressed } from "./envelope.ts";
import { FrameReader } from "./frame-reader.ts";
import type { FramedSettings } from "./framed-protocol.ts";
import type { SendAnswer } from "./http-send.ts";
import { addTrailers, faultFromSend, headerOf } from "./http-send.ts";
import { decompressed } from "./protocol-options.ts";

const nothing = Promise.resolve();
const done: IteratorResult<never, undefined> = { done: true, value: undefined };

/** After the end message the body has to end as well; whoever lets that wait is left. */
const lingerMs = 5000;

/** What an answer's messages belong to. */
export interface AnswerAbout<R> {
  readonly type: MessageType<R>;
  readonly call: Call;
  readonly settings: FramedSettings;
  /** What the request streams, if it does. */
  readonly source: { readonly failure: Fault | undefined } | undefined;
}

/**
 * The messages of an answer, pulled one by one: nothing is read ahead of what the reader asked for, beyond one piece of the body. Ends with
 * the fault that the other side ended with, and gives the answer up on whatever does not fit. A class because it holds the body.
 */
export class AnswerMessages<R> implements AsyncIterable<R>, AsyncIterator<R, undefined> {
  readonly #answer: SendAnswer;
  readonly #about: AnswerAbout<R>;
  readonly #reader: FrameReader;
  readonly #encoding: string | undefined;
  #frames = 0;
  #over = false;
  #left = false;
  /** Calls of `next` that are not answered; they are answered in their order. */
  #pending = 0;
  #last: Promise<unknown> = nothing;

  constructor(answer: SendAnswer, about: AnswerAbout<R>) {
    this.#answer = answer;
    this.#about = about;
    this.#reader = new FrameReader(answer.body, { bytesMax: about.settings.answerBytesMax, tooLarge: kitReasons.RESPONSE_TOO_LARGE });
    this.#encoding = headerOf(answer, about.settings.protocol.encodingHeader);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<R, undefined>> {
    const read = (): Promise<IteratorResult<R, undefined>> => this.#read();
    this.#pending += 1;
    const next = this.#pending === 1 ? read() : this.#last.then(read, read);
    this.#last = next;
    return next;
  }

  return(): Promise<IteratorResult<R, undefined>> {
    this.#over = true;
    this.#left = true;
    this.#reader.leave();
    return Promise.resolve(done);
  }

  async #read(): Promise<IteratorResult<R, undefined>> {
    const { call, settings, type, source } = this.#about;
    const { endFlag } = settings.protocol;
    try {
      if (this.#over) return done;
      for (;;) {
        const frame = this.#reader.take();
        if (frame === undefined) {
          if (await this.#reader.more()) continue;
          this.#finish(undefined);
          return done;
        }
        const plain = this.#plain(frame);
        const data = plain instanceof Uint8Array ? plain : await plain;
        if (this.#left) return done;
        if (endFlag !== 0 && (frame.flags & endFlag) !== 0) {
          this.#finish(data);
          return done;
        }
        this.#frames += 1;
        return { done: false, value: settings.codec.decode(type, data) };
      }
    } catch (thrown) {
      if (this.#left) return done;
      if (!this.#over) this.#reader.leave();
      this.#over = true;
      throw call.ended ?? source?.failure ?? faultFromSend(thrown, call);
    } finally {
      this.#pending -= 1;
    }
  }

  /** The data of an envelope whose flags are known. */
  #plain({ flags, data }: Envelope): Uint8Array | Promise<Uint8Array> {
    const { settings } = this.#about;
    if ((flags & ~(envelopeCompressed | settings.protocol.endFlag)) !== 0) {
      throw fault(kitReasons.PEER_ANSWER_INVALID, `Expected an envelope with known flags, found ${flags}.`);
    }
    if ((flags & envelopeCompressed) === 0) return data;
    return decompressed(data, this.#encoding, { settings: settings.compression, bytesMax: settings.answerBytesMax });
  }

  /** The end is there: says what it means, and lets go of the body. */
  #finish(frame: Uint8Array | undefined): void {
    const { call, settings } = this.#about;
    if (this.#reader.bytes > 0) {
      const message =
        frame === undefined
          ? `Expected a whole message, found the end after ${this.#reader.bytes} of its bytes.`
          : "Expected nothing after the end message, found more.";
      throw fault(frame === undefined ? kitReasons.STREAM_TRUNCATED : kitReasons.PEER_ANSWER_INVALID, message);
    }
    const { body } = this.#answer;
    const trailers = body === undefined || body instanceof Uint8Array ? undefined : body.trailers?.();
    const end = settings.protocol.end({ answer: this.#answer, frames: this.#frames, frame, trailers });
    this.#over = true;
    if (frame !== undefined) this.#drain();
    addTrailers(call, end.metadata);
    if (end.fault) throw end.fault;
  }

  /** Reads the end of a body behind its last message, so that a kept connection is free for the next call. */
  #drain(): void {
    const stop = this.#about.call.clock.after(lingerMs, () => this.#reader.leave());
    this.#reader.more().then(
      (more) => {
        stop();
        if (more) this.#reader.leave();
      },
      () => stop(),
    );
  }
}
