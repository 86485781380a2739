import type { BodyStream, HeaderList } from "@weir/wire";
import type { Call } from "../../call.ts";
import { leave } from "../http-send.ts";
import { untilEnded } from "../until-ended.ts";
import type { StreamDialect, StreamEnding } from "./dialect.ts";
import type { Asked } from "./rpc-server.ts";
import { faultToAnswer } from "./rpc-server.ts";

/** A generator that never waits, read by a fast client, must not keep the process from its other calls: it pauses for a turn of the event loop. */
const turnCostMax = 65_536;
const messageCost = 1024;

/** What a StreamAnswer belongs to. */
export interface StreamContext {
  readonly asked: Asked;
  readonly call: Call;
  readonly dialect: StreamDialect;
}

const ended: IteratorResult<Uint8Array, undefined> = { done: true, value: undefined };

/** The body of a streamed answer: pulls a message when the client has taken the one before, and writes it as its protocol says. */
export class StreamAnswer implements BodyStream, AsyncIterator<Uint8Array, undefined> {
  readonly #context: StreamContext;
  readonly #messages: AsyncIterator<unknown>;
  #first: Promise<IteratorResult<unknown>> | undefined;
  #trailers: HeaderList | undefined;
  #metadataSent = 0;
  #turnCost = 0;
  #isOver = false;

  constructor(messages: AsyncIterable<unknown>, context: StreamContext) {
    this.#context = context;
    this.#messages = untilEnded(messages, context.call)[Symbol.asyncIterator]();
  }

  /** Resolves with the first message, or with nothing at the end or after `waitMs`. Rejects when the stream has failed before. */
  begun(waitMs: number): Promise<unknown> {
    const first = this.#messages.next();
    this.#first = first;
    return new Promise((resolve, reject) => {
      const stopTimer = waitMs === Infinity ? undefined : this.#context.call.clock.after(waitMs, () => resolve(undefined));
      first.then(
        ({ value }) => {
          stopTimer?.();
          resolve(value);
        },
        (thrown: Error) => {
          stopTimer?.();
          reject(thrown);
        },
      );
    });
  }

  /** What reply metadata comes from now on follows the messages. */
  headSent(): void {
    this.#metadataSent = this.#context.call.replyMetadata.length;
  }

  /** Tells the source that nobody will read on. */
  leave(): void {
    leave(this.#messages);
  }

  trailers(): HeaderList | undefined {
    return this.#trailers;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#isOver) return ended;
    const { asked, dialect, call } = this.#context;
    try {
      if (this.#turnCost > turnCostMax) await this.#otherTurn();
      const pulled = this.#first ?? this.#messages.next();
      this.#first = undefined;
      const result = await pulled;
      if (result.done !== true) {
        const frame = dialect.frame(result.value, asked);
        const bytes = frame instanceof Promise ? await frame : frame;
        this.#turnCost += messageCost + bytes.length;
        return { done: false, value: bytes };
      }
    } catch (thrown) {
      this.leave();
      return this.#end({
        fault: faultToAnswer(thrown, asked.server, call.method),
        domain: asked.method.domain,
        metadata: this.#lateMetadata(),
      });
    }
    return this.#end({ fault: undefined, domain: asked.method.domain, metadata: this.#lateMetadata() });
  }

  /** Cancels the call even when the reader leaves while a message is still being waited for. */
  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#isOver = true;
    this.#context.call.cancel();
    this.leave();
    return Promise.resolve(ended);
  }

  #end(ending: StreamEnding): IteratorResult<Uint8Array, undefined> {
    const { dialect, call } = this.#context;
    this.#isOver = true;
    call.finish();
    this.#trailers = dialect.trailers(ending);
    const last = dialect.end(ending);
    return last ? { done: false, value: last } : ended;
  }

  #lateMetadata(): readonly string[] {
    const { call } = this.#context;
    const late = call.replyMetadata.slice(this.#metadataSent);
    return call.hasReplyTrailers ? [...late, ...call.replyTrailers] : late;
  }

  #otherTurn(): Promise<void> {
    this.#turnCost = 0;
    return new Promise((resolve) => setImmediate(resolve));
  }
}
