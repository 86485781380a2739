import type { WireError } from "../reasons.ts";

interface Asking {
  resolve(result: IteratorResult<string | Uint8Array, undefined>): void;
  reject(error: WireError): void;
}

const ended: IteratorResult<string | Uint8Array, undefined> = { done: true, value: undefined };

/** Messages for whoever asks for the next one: at most one lies here. */
export class MessageLine implements AsyncIterable<string | Uint8Array>, AsyncIterator<string | Uint8Array, undefined> {
  readonly #onTaken: () => void;
  #held: string | Uint8Array | undefined = undefined;
  #asking: Asking[] = [];
  #error: WireError | undefined = undefined;
  #finished = false;

  constructor(onTaken: () => void) {
    this.#onTaken = onTaken;
  }

  /** Whether a message lies here that nobody has asked for. */
  get holds(): boolean {
    return this.#held !== undefined;
  }

  push(data: string | Uint8Array): void {
    const asking = this.#asking.shift();
    if (asking === undefined) this.#held = data;
    else asking.resolve({ done: false, value: data });
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
    const asking = this.#asking;
    this.#asking = [];
    for (const one of asking) {
      if (error === undefined) one.resolve(ended);
      else one.reject(error);
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<string | Uint8Array, undefined> {
    return this;
  }

  next(): Promise<IteratorResult<string | Uint8Array, undefined>> {
    const held = this.takeHeld();
    if (held !== undefined) {
      // The asker goes on in a microtask; until then the next message may be made ready.
      this.#onTaken();
      return Promise.resolve({ done: false, value: held });
    }
    if (this.#finished) return this.#error === undefined ? Promise.resolve(ended) : Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      this.#asking.push({ resolve, reject });
      this.#onTaken();
    });
  }
}
