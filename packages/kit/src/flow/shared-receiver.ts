import { sharedMemoryFrom, slotOf, wake, word, type SharedMemory } from "./shared-memory.ts";
import { sleepAsync, sleepBlocking } from "./shared-sleep.ts";

/** The receiving end of a channel between threads. There is one. */
export interface SharedReceiver extends AsyncIterable<Uint8Array> {
  /**
   * The next message without waiting; undefined when there is none now. It is a view of the shared memory and holds until the next is
   * received, or `release` is called: then its bytes are a sender's again. Whoever keeps it makes a copy (`slice`).
   */
  tryReceive(): Uint8Array | undefined;
  /** The next message, as `tryReceive` gives it; undefined once the channel is closed and empty. Rejects with the signal's Fault. */
  receive(signal?: AbortSignal): Promise<Uint8Array | undefined>;
  /** Blocks the thread for it. Undefined once the channel is closed and empty, or after `timeoutMs` (default Infinity). */
  receiveBlocking(timeoutMs?: number): Uint8Array | undefined;
  /** Gives the room of the last message back. */
  release(): void;
  /** Whether a sender has closed it; messages may be left. */
  readonly closed: boolean;
}

/** Opens the receiving end of the channel in `buffer`. */
export function openSharedReceiver(buffer: SharedArrayBuffer): SharedReceiver {
  return new RingReceiver(sharedMemoryFrom(buffer));
}

class RingReceiver implements SharedReceiver {
  readonly #memory: SharedMemory;
  /** Number of the next message. */
  #next: number;
  #bytesReleased: number;
  /** What the senders know to be released; they are told in portions, as telling costs both sides a cache line. */
  #toldBytes: number;
  #told: number;
  #holds = false;

  constructor(memory: SharedMemory) {
    this.#memory = memory;
    this.#next = this.#told = Atomics.load(memory.words, word.released);
    this.#bytesReleased = this.#toldBytes = Atomics.load(memory.words, word.bytesReleased);
  }

  get closed(): boolean {
    return Atomics.load(this.#memory.words, word.closed) === 1;
  }

  tryReceive(): Uint8Array | undefined {
    if (this.#holds) this.release();
    const { words, bytes } = this.#memory;
    const slot = slotOf(this.#memory, this.#next);
    if (Atomics.load(words, slot) !== ((this.#next + 1) | 0)) {
      this.#tell();
      return undefined;
    }
    this.#holds = true;
    const begin = words[slot + 1] as number;
    return bytes.subarray(begin, begin + (words[slot + 2] as number));
  }

  async receive(signal?: AbortSignal): Promise<Uint8Array | undefined> {
    let found = this.tryReceive();
    if (found) return found;
    await sleepAsync(this.#memory.words, word.receiverSleeps, {
      ready: () => (found = this.tryReceive()) !== undefined || this.closed,
      signal,
    });
    return found ?? this.tryReceive();
  }

  receiveBlocking(timeoutMs: number = Infinity): Uint8Array | undefined {
    let found: Uint8Array | undefined;
    sleepBlocking(this.#memory.words, word.receiverSleeps, {
      ready: () => (found = this.tryReceive()) !== undefined || this.closed,
      timeoutMs,
    });
    return found ?? this.tryReceive();
  }

  release(): void {
    if (!this.#holds) return;
    this.#holds = false;
    const { words, messagesMask, bytesMask } = this.#memory;
    this.#bytesReleased = words[slotOf(this.#memory, this.#next) + 3] as number;
    this.#next = (this.#next + 1) | 0;
    const behind = ((this.#next - this.#told) | 0) * 4 > messagesMask || ((this.#bytesReleased - this.#toldBytes) | 0) * 4 > bytesMask;
    if (behind || Atomics.load(words, word.senderSleeps) === 1) this.#tell();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (let message = await this.receive(); message; message = await this.receive()) yield message;
  }

  #tell(): void {
    if (this.#told === this.#next) return;
    const { words } = this.#memory;
    this.#told = this.#next;
    this.#toldBytes = this.#bytesReleased;
    Atomics.store(words, word.bytesReleased, this.#bytesReleased);
    Atomics.store(words, word.released, this.#next);
    wake(words, word.senderSleeps);
  }
}
