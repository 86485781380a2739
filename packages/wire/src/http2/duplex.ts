import type { ByteDuplex } from "../http.ts";
import { WireError, wireReasons } from "../reasons.ts";
import type { StreamBody } from "./stream-body.ts";
import { queuedBytesMax, type Stream } from "./stream.ts";

/** What a duplex asks of the connection. */
export interface DuplexOwner {
  /** Something has been queued on the stream. */
  queued(stream: Stream): void;
  /** The stream is to be cut. */
  cut(stream: Stream): void;
}

/** A stream that HTTP has let go of (RFC 8441 §5): DATA frames both ways, with the stream's windows as back-pressure. */
export class StreamDuplex implements ByteDuplex {
  readonly #stream: Stream;
  readonly #incoming: StreamBody;
  readonly #owner: DuplexOwner;
  #turn: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(stream: Stream, incoming: StreamBody, owner: DuplexOwner) {
    this.#stream = stream;
    this.#incoming = incoming;
    this.#owner = owner;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this.#incoming[Symbol.asyncIterator]();
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#stream.over || this.#ended) return Promise.reject(gone());
    this.#stream.push(bytes);
    this.#owner.queued(this.#stream);
    if (this.#stream.queuedBytes < queuedBytesMax) return Promise.resolve();
    const turn = this.#turn.then(() => this.#room());
    // A later writer waits for its own turn; whether an earlier one failed is told to that one.
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  end(): void {
    if (this.#ended || this.#stream.over) return;
    this.#ended = true;
    this.#stream.finish(undefined);
    this.#owner.queued(this.#stream);
  }

  destroy(): void {
    if (!this.#stream.over) this.#owner.cut(this.#stream);
  }

  async #room(): Promise<void> {
    if (!this.#stream.over && this.#stream.queuedBytes >= queuedBytesMax) await this.#stream.room();
    if (this.#stream.over) throw gone();
  }
}

function gone(): WireError {
  return new WireError(wireReasons.CLIENT_GONE, "expected an open stream, found it closed");
}
