import type { MessageType } from "../contract/contract.ts";
import type { Fault } from "../fault.ts";
import { faultFrom } from "../fault.ts";
import { bytesFromEnvelope, envelopeCompressed } from "./envelope.ts";
import type { FramedSettings } from "./framed-protocol.ts";

/** A message in its envelope, compressed where that was asked for. */
export function requestFrame<T>(message: T, type: MessageType<T>, settings: FramedSettings): Uint8Array | Promise<Uint8Array> {
  const data = settings.codec.encode(type, message);
  const { sends, bytesMin } = settings.compression;
  if (sends === undefined || data.length < bytesMin) return bytesFromEnvelope(0, data);
  const packed = sends.compress(data);
  if (packed instanceof Uint8Array) return bytesFromEnvelope(envelopeCompressed, packed);
  return packed.then((bytes) => bytesFromEnvelope(envelopeCompressed, bytes));
}

/** The body of a request that streams: its messages in their envelopes, pulled at the pace of the other side. Can be iterated once. */
export class RequestFrames<T> implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  /** Why the caller's own messages broke off, if they did. */
  failure: Fault | undefined = undefined;
  readonly #messages: AsyncIterator<T>;
  readonly #type: MessageType<T>;
  readonly #settings: FramedSettings;

  constructor(messages: AsyncIterable<T>, type: MessageType<T>, settings: FramedSettings) {
    this.#messages = messages[Symbol.asyncIterator]();
    this.#type = type;
    this.#settings = settings;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    try {
      const { done, value } = await this.#messages.next();
      if (done === true) return { done: true, value: undefined };
      const frame = requestFrame(value, this.#type, this.#settings);
      return { done: false, value: frame instanceof Uint8Array ? frame : await frame };
    } catch (thrown) {
      this.failure = faultFrom(thrown);
      throw this.failure;
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    await this.#messages.return?.();
    return { done: true, value: undefined };
  }
}
