import { fault } from "../fault.ts";
import { flowReasons } from "./reasons.ts";
import { sharedMemoryFrom, slotOf, wake, word, type SharedMemory } from "./shared-memory.ts";
import { sleepAsync, sleepBlocking } from "./shared-sleep.ts";

/** Room for one message. */
export interface Reservation {
  /** Where to write the payload: the very memory that the receiver will read. What stands there is left over from before. */
  readonly bytes: Uint8Array;
  /** Sends it, the first `length` bytes of it (default all). What is reserved after it waits for it. */
  commit(length?: number): void;
}

/** The sending end of a channel between threads. One thread's; with `senders: "many"` each sending thread opens its own. */
export interface SharedSender {
  /** Bytes that one message may have. */
  readonly bytesMax: number;
  /**
   * Room for `length` bytes, to be written in place and committed soon; undefined when there is none now. Throws MESSAGE_TOO_LARGE
   * and CHANNEL_CLOSED.
   */
  tryReserve(length: number): Reservation | undefined;
  /** Copies the payload in and sends it. False when there is no room now. */
  trySend(payload: Uint8Array): boolean;
  /** Waits for room without blocking the thread. Rejects with CHANNEL_CLOSED, or the signal's Fault; nothing has then been sent. */
  send(payload: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** Blocks the thread until there is room. False after `timeoutMs` (default Infinity). */
  sendBlocking(payload: Uint8Array, timeoutMs?: number): boolean;
  /** Nobody sends any more. What has been sent can still be received. */
  close(): void;
}

/** Opens the sending end of the channel in `buffer`. */
export function openSharedSender(buffer: SharedArrayBuffer): SharedSender {
  return new RingSender(sharedMemoryFrom(buffer));
}

const lockWaitMsMax = 1000;

class RingSender implements SharedSender {
  readonly bytesMax: number;
  readonly #memory: SharedMemory;
  /** As last seen: whoever does not look has not much traffic between the cores. */
  #released = 0;
  #bytesReleased = 0;

  constructor(memory: SharedMemory) {
    this.#memory = memory;
    this.bytesMax = (memory.bytesMask + 1) >> 1;
    this.#look();
  }

  tryReserve(length: number): Reservation | undefined {
    const number = this.#reserve(length);
    if (number === undefined) return undefined;
    const begin = this.#begin(number);
    let sent = false;
    return {
      bytes: this.#memory.bytes.subarray(begin, begin + length),
      commit: (used = length) => {
        if (sent) return;
        sent = true;
        this.#commit(number, Math.min(used, length));
      },
    };
  }

  trySend(payload: Uint8Array): boolean {
    const number = this.#reserve(payload.length);
    if (number === undefined) return false;
    this.#memory.bytes.set(payload, this.#begin(number));
    this.#commit(number, payload.length);
    return true;
  }

  async send(payload: Uint8Array, signal?: AbortSignal): Promise<void> {
    const ready = (): boolean => this.trySend(payload);
    await sleepAsync(this.#memory.words, word.senderSleeps, { ready, signal });
  }

  sendBlocking(payload: Uint8Array, timeoutMs: number = Infinity): boolean {
    const ready = (): boolean => this.trySend(payload);
    return sleepBlocking(this.#memory.words, word.senderSleeps, { ready, timeoutMs });
  }

  close(): void {
    const { words } = this.#memory;
    Atomics.store(words, word.closed, 1);
    wake(words, word.receiverSleeps);
    wake(words, word.senderSleeps);
  }

  #begin(number: number): number {
    return this.#memory.words[slotOf(this.#memory, number) + 1] as number;
  }

  /** The number of the message that the room is for. */
  #reserve(length: number): number | undefined {
    const { words, manySenders } = this.#memory;
    if (length > this.bytesMax)
      throw fault(flowReasons.MESSAGE_TOO_LARGE, `Expected a message of at most ${this.bytesMax} bytes, found ${length}.`);
    if (Atomics.load(words, word.closed) === 1) throw fault(flowReasons.CHANNEL_CLOSED, "Expected an open channel, found it closed.");
    if (!manySenders) return this.#place(length);
    this.#lock();
    try {
      return this.#place(length);
    } finally {
      Atomics.store(words, word.lock, 0);
      Atomics.notify(words, word.lock, 1);
    }
  }

  #place(length: number): number | undefined {
    const { words, bytesMask } = this.#memory;
    const number = words[word.reserved] as number;
    const from = words[word.bytesReserved] as number;
    const at = from & bytesMask;
    // A payload is never cut in two: what does not fit before the end begins anew at 0.
    const gap = at + length > bytesMask + 1 ? bytesMask + 1 - at : 0;
    const size = gap + ((length + 7) & ~7);
    if (!this.#fits(number, { from, size })) {
      this.#look();
      if (!this.#fits(number, { from, size })) return undefined;
    }
    const slot = slotOf(this.#memory, number);
    words[slot + 1] = (at + gap) & bytesMask;
    words[slot + 3] = (from + size) | 0;
    words[word.reserved] = (number + 1) | 0;
    words[word.bytesReserved] = (from + size) | 0;
    return number;
  }

  #fits(number: number, bytes: { readonly from: number; readonly size: number }): boolean {
    const { messagesMask, bytesMask } = this.#memory;
    return ((number - this.#released) | 0) <= messagesMask && ((bytes.from + bytes.size - this.#bytesReleased) | 0) <= bytesMask + 1;
  }

  #look(): void {
    const { words } = this.#memory;
    this.#released = Atomics.load(words, word.released);
    this.#bytesReleased = Atomics.load(words, word.bytesReleased);
  }

  #commit(number: number, length: number): void {
    const { words } = this.#memory;
    const slot = slotOf(this.#memory, number);
    words[slot + 2] = length;
    Atomics.store(words, slot, (number + 1) | 0);
    wake(words, word.receiverSleeps);
  }

  #lock(): void {
    const { words } = this.#memory;
    const endMs = performance.now() + lockWaitMsMax;
    for (let tries = 1; Atomics.compareExchange(words, word.lock, 0, 1) !== 0; tries++) {
      if (tries % 64 !== 0) continue;
      if (performance.now() > endMs)
        throw fault(
          flowReasons.SHARED_CHANNEL_BROKEN,
          "Expected a turn to reserve within a second; a thread ended in the middle of its own.",
        );
      Atomics.wait(words, word.lock, 1, 1);
    }
  }
}
