import type { WireError } from "../reasons.ts";

interface Asking {
  resolve(result: IteratorResult<string | Uint8Array, undefined>): void;
  reject(error: WireError): void;
}

const ended: IteratorResult<string | Uint8Array, undefined> = { done: true, value: undefined };

/** Messages for whoever asks for the next one: at most one lies here. */
export class MessageLine implements AsyncIterable<string | Uint8Array>, AsyncIterator<string | Uint8Array, undefined> {
  /** Nobody listens: whoever wants a message asks. */
  readonly listener: undefined = undefined;
  readonly #owner: { readOn(): void };
  #held: string | Uint8Array | undefined = undefined;
  /** Who asks, and who asks beside: nearly always there is one. */
  #asking: Asking | undefined = undefined;
  #others: Asking[] | undefined = undefined;
  #working = false;
  #error: WireError | undefined = undefined;
  #finished = false;

  constructor(owner: { readOn(): void }) {
    this.#owner = owner;
  }

  /** Whether a message lies here that nobody has asked for. */
  get holds(): boolean {
    return this.#held !== undefined;
  }

  /** Whether whoever took a message has not come back for the next. */
  get working(): boolean {
    return this.#working && this.#asking === undefined;
  }

  push(data: string | Uint8Array): void {
    const asking = this.#asking;
    if (asking === undefined) {
      this.#held = data;
      return;
    }
    this.#asking = this.#others?.shift();
    this.#working = true;
    asking.resolve({ done: false, value: data });
  }

  /** The message that lies here. */
  takeHeld(): string | Uint8Array | undefined {
    const held = this.#held;
    this.#held = undefined;
    return held;
  }

  /** No more will come. What lies here can still be taken. */
  finish(error: WireError | undefined): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#error = error;
    for (let one = this.#asking; one !== undefined; one = this.#others?.shift()) {
      if (error === undefined) one.resolve(ended);
      else one.reject(error);
    }
    this.#asking = undefined;
  }

  [Symbol.asyncIterator](): AsyncIterator<string | Uint8Array, undefined> {
    return this;
  }

  next(): Promise<IteratorResult<string | Uint8Array, undefined>> {
    const held = this.takeHeld();
    this.#working = held !== undefined;
    if (held !== undefined) {
      // The asker goes on in a microtask; until then the next message may be made ready.
      this.#owner.readOn();
      return Promise.resolve({ done: false, value: held });
    }
    if (this.#finished) return this.#error === undefined ? Promise.resolve(ended) : Promise.reject(this.#error);
    const asking = Promise.withResolvers<IteratorResult<string | Uint8Array, undefined>>();
    if (this.#asking === undefined) this.#asking = asking;
    else (this.#others ??= []).push(asking);
    this.#owner.readOn();
    return asking.promise;
  }

  /** A loop was left. Another may begin. */
  return(): Promise<IteratorResult<string | Uint8Array, undefined>> {
    this.#working = false;
    this.#owner.readOn();
    return Promise.resolve(ended);
  }
}
